"""Recorded rows with fixed splits: dequantised by what they were rounded to, each with its class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.content_split import SplitRule
from dnf_studio.core.data.dataset import LabelledDataset, SplitName, Standardisation, stream_of
from dnf_studio.core.data.image_shape import ImageShape, Logit
from dnf_studio.core.data.neighbours import nearest_rows
from dnf_studio.core.data.row_sets import SPLIT_SEED, fingerprint_start, told_sizes

RECORDED_SHARE = 0.15
"""The share of recorded rows and of images to validate on, and that to test on: more than of tables (`HELD_OUT`), for
these sets are small."""
AGREE = 0.9
"""The share of values that decides to which decimal place a column is recorded."""
MOST_DECIMALS = 9
BLOCK_CELLS = 1 << 24
Parts = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
"""The rows to train, to validate and to test on."""


@dataclass(frozen=True, eq=False)
class Records:
    """Rows as they were recorded, and what is known of them."""

    columns: tuple[str, ...]
    low: NDArray[np.float64] | NDArray[np.uint8]
    """(n, D): a value stands for everything from here to one step above."""
    step: NDArray[np.float64]
    """(D,)"""
    classes: NDArray[np.intp]
    """(n,)"""
    class_names: tuple[str, ...]


def split_sizes(rows: int) -> tuple[int, int, int]:
    """How many of `rows` are to train, to validate and to test on."""
    held = round(rows * RECORDED_SHARE)
    return rows - 2 * held, held, held


def decimal_steps(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """One unit (D,) of the decimal place to which nine in ten values of each column (n, D) are recorded."""
    steps = np.full(values.shape[1], 10.0**-MOST_DECIMALS)
    for places in range(MOST_DECIMALS, -1, -1):
        agree = np.isclose(np.round(values, places), values, rtol=0, atol=1e-12).mean(0) >= AGREE
        steps[agree] = 10.0**-places
    return steps


def shuffled(count: int) -> Parts:
    """The rows to train, to validate and to test on, by their places, in an order of a fixed seed."""
    order = np.arange(count)
    # RandomState's stream is frozen for good
    np.random.RandomState(SPLIT_SEED).shuffle(order)
    train, validation, _ = split_sizes(count)
    first, second, third = np.split(order, [train, train + validation])
    return first, second, third


class RecordedDataset(LabelledDataset):
    """Rows of `records`, split once and for all, with uniform noise over one step drawn anew with every row.

    That noise gives discrete columns, and those that hold one value only, a density: of NLLs −log ∫ p
    over one step is bounded from above (Theis, van den Oord and Bethge 2016, arXiv:1511.01844). Mean
    and scale are those of the dequantised training rows. Training rows are drawn with replacement;
    `fresh` is the test split. With `flips` a training row that is an image is as often its mirror image.
    With a `logit`, which takes whole levels, mean and scale are those of the dequantised rows' logits.
    """

    entropy = None

    def __init__(
        self,
        name: str,
        title: str,
        load: Callable[[], Records],
        about: str,
        levels: bool = False,
        image: ImageShape | None = None,
        flips: bool = False,
        logit: Logit | None = None,
        split: tuple[Parts, SplitRule] | None = None,
    ) -> None:
        """`split` is which rows are for what, and by which rule; unless given a fixed seed decides."""
        records = load()
        self.levels, self.image, self.flips = levels, image, flips
        self.name, self.title = name, title
        self.columns, self.dim = records.columns, len(records.columns)
        self.classes, self.class_names = records.classes, records.class_names
        self.splits, self.rule = split or (shuffled(len(records.low)), None)
        self.rows = len(self.splits[0]), len(self.splits[1]), len(self.splits[2])
        self.about = f"{told_sizes(*self.rows)}; {about}"
        if logit is not None:
            self.about += f", as logits with α = {logit.alpha:g}"
        self._low, self._step = records.low, records.step
        mean, variance = _dequantised_moments(records, self.splits[0], logit)
        if flips and image is not None:
            other, spread = (image.mirrored(part[None])[0] for part in (mean, variance))
            mean, variance = (mean + other) / 2, (variance + spread) / 2 + ((mean - other) / 2) ** 2
        self.standardisation = Standardisation(tuple(mean.tolist()), tuple(np.sqrt(variance).tolist()), logit)
        digest = fingerprint_start(self.columns, len(self.splits[0]))
        for part in (records.low[self.splits[0]], self._step):
            digest.update(np.ascontiguousarray(part).tobytes())
        if flips:
            digest.update(b"flips")
        if logit is not None:
            digest.update(f"logit {logit.low:g} {logit.high:g} {logit.alpha!r}".encode())
        self.fingerprint = digest.hexdigest()

    @property
    def recorded(self) -> NDArray[np.float64] | NDArray[np.uint8]:
        """(n, D), data units: all rows as they were recorded, each number the least that it stands for."""
        return self._low

    @property
    def labelled_rows(self) -> int:
        """How many rows `nearest_class` compares with."""
        return len(self._low)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` rows of the training split, with replacement, dequantised: (count, D), float32, model units."""
        rows = self.splits[0]
        drawn = self._dequantised(rows[torch.randint(len(rows), (count,), generator=generator).numpy()], generator)
        return self._flipped(drawn, generator)

    def fresh(self, count: int, seed: int) -> Tensor:
        """Rows of the test split without repetition, (min(count, m), D), float32, model units."""
        return self._held_out(self.splits[2], "fresh", count, seed)

    def validation(self, count: int, seed: int) -> Tensor:
        """Rows of the validation split without repetition, (min(count, m), D), float32, model units."""
        return self._held_out(self.splits[1], "validation", count, seed)

    def split(self, which: SplitName, seed: int, most: int | None = None) -> tuple[Tensor, NDArray[np.intp]]:
        """The rows of a split, or `most` of them, dequantised, (m, D), float32, model units, and their classes (m,)."""
        names: tuple[SplitName, ...] = get_args(SplitName)
        number = names.index(which)
        rows = self.splits[number][:most]
        generator = torch.Generator().manual_seed(len(names) * seed + number)
        return self._dequantised(rows, generator), self.classes[rows]

    def nearest_class(self, x: NDArray[np.float64]) -> NDArray[np.intp]:
        """The class (n,) of the row of any split that is nearest to each of `x` (n, D), data units.

        Nearest in model units, of images in levels: pixels that hardly vary do not count as much as others.
        """
        if self.image is not None:
            return self.classes[nearest_rows(np.floor(x), self._low).rows[:, 0]]
        from scipy.spatial import cKDTree

        scale = np.array(self.standardisation.scale)
        _, nearest = cKDTree((self._low + self._step / 2) / scale).query(x / scale)
        found: NDArray[np.intp] = self.classes[nearest]
        return found

    def _flipped(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Each row (n, D) with probability ½ as its mirror image, where flips are chosen."""
        if not self.flips or self.image is None:
            return x
        # Model units are not the same at both ends of a line
        data = self.standardisation.to_data(x.double())
        mirrored = torch.from_numpy(self.image.mirrored(data.numpy()).copy())
        chosen = torch.rand(len(x), 1, generator=generator) < 0.5
        return torch.where(chosen, self.standardisation.to_model(mirrored).float(), x)

    def _held_out(self, rows: NDArray[np.intp], split: str, count: int, seed: int) -> Tensor:
        generator = stream_of(f"{split} {self.name} {seed}")
        if count < len(rows):
            rows = rows[torch.randperm(len(rows), generator=generator)[:count].numpy()]
        return self._dequantised(rows, generator)

    def _dequantised(self, rows: NDArray[np.intp], generator: torch.Generator) -> Tensor:
        noise = torch.rand(len(rows), self.dim, generator=generator, dtype=torch.float64)
        data = torch.from_numpy(self._low[rows].astype(np.float64)) + noise * torch.from_numpy(self._step)
        return self.standardisation.to_model(data).float()


def _dequantised_moments(
    records: Records, rows: NDArray[np.intp], logit: Logit | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance (D,) of these rows with their noise, or of their logits."""
    if logit is not None:
        return _logit_moments(records.low, rows, logit)
    mean, variance = _moments(records.low, rows)
    return mean + records.step / 2, variance + records.step**2 / 12


def _moments(
    values: NDArray[np.float64] | NDArray[np.uint8], rows: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance (D,) of these rows of (n, D), which are never all converted at once."""
    parts = _parts(values, rows)
    mean = sum(values[part].sum(0, dtype=np.float64) for part in parts) / len(rows)
    square = sum(((values[part] - mean) ** 2).sum(0) for part in parts) / len(rows)
    return np.asarray(mean), np.asarray(square)


def _logit_moments(
    values: NDArray[np.float64] | NDArray[np.uint8], rows: NDArray[np.intp], logit: Logit
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance (D,) of the logits of whole levels, dequantised over [k, k + 1), of these rows of (n, D)."""
    expected, within = logit.moments(np.arange(logit.low, logit.high), 1.0)

    def levels() -> Iterator[NDArray[np.intp]]:
        return ((values[part] - logit.low).astype(np.intp) for part in _parts(values, rows))

    mean = sum(expected[k].sum(0) for k in levels()) / len(rows)
    square = sum(((expected[k] - mean) ** 2 + within[k]).sum(0) for k in levels()) / len(rows)
    return np.asarray(mean), np.asarray(square)


def _parts(values: NDArray[np.float64] | NDArray[np.uint8], rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return np.array_split(rows, max(1, len(rows) * values.shape[1] // BLOCK_CELLS))

"""What every source of data offers, whatever it is made of, and what a checkpoint keeps of it."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.content_split import BY_ORDER, SplitRule
from dnf_studio.core.data.image_shape import ImageShape, Logit
from dnf_studio.core.data.missing import NOTHING, LeftOut

if TYPE_CHECKING:
    from dnf_studio.core.data.passes import Passes

SplitName = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Standardisation:
    """A map per component: model units = (y − mean) / scale, where y is data units, or their logit where there is one.

    A logit makes of a bounded range the whole line. `to_data` leads a little beyond it, as `Logit` says, so that it
    and `to_model` undo each other wherever a path goes; `inside` is for what must be in it, a sample.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    logit: Logit | None = None

    @classmethod
    def identity(cls, dim: int) -> Standardisation:
        """Mean 0 and scale 1: model units are data units."""
        return cls((0.0,) * dim, (1.0,) * dim)

    def to_model(self, x: Tensor) -> Tensor:
        """Data units to model units, (..., D)."""
        y = x if self.logit is None else self.logit.forward(x)
        return (y - y.new_tensor(self.mean)) / y.new_tensor(self.scale)

    def to_data(self, x: Tensor) -> Tensor:
        """Model units to data units, (..., D)."""
        y = self._unscaled(x)
        return y if self.logit is None else self.logit.inverse(y)

    def array_to_data(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """Model units to data units, (..., D), of an array and in float64."""
        found: NDArray[np.float64] = self.to_data(torch.from_numpy(np.array(x, np.float64))).numpy()
        return found

    def inside(self, x: Tensor) -> Tensor:
        """Data units (..., D) with what lies beyond the range of the values, if they have one, moved to its end."""
        return x if self.logit is None else x.clamp(self.logit.low, self.logit.high)

    def beyond(self, x: Tensor) -> Tensor:
        """Which points (n,) of `x` (n, D), data units, lie outside the range of the values: none where it is the line.

        No density of the data is there.
        """
        return (self.inside(x) != x).any(-1)

    def slope(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """∂data/∂model (..., D) at x (..., D) in model units: the scale, with a logit times its own."""
        scale = np.array(self.scale)
        if self.logit is None:
            return np.broadcast_to(scale, x.shape)
        wide = self._unscaled(torch.from_numpy(np.array(x, np.float64)))
        found: NDArray[np.float64] = scale * self.logit.log_slope(wide).exp().numpy()
        return found

    def log_volume(self, x: Tensor) -> Tensor:
        """ln |det ∂data/∂model| (n,) at x (n, D) in model units: what is added there to an NLL for data units."""
        if self.logit is None:
            return x.new_full(x.shape[:-1], self.log_scale)
        return self.logit.log_slope(self._unscaled(x)).sum(-1) + self.log_scale

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = asdict(self)
        return values if self.logit is not None else {name: values[name] for name in ("mean", "scale")}

    def _unscaled(self, x: Tensor) -> Tensor:
        return x * x.new_tensor(self.scale) + x.new_tensor(self.mean)

    @property
    def log_scale(self) -> float:
        """Σ_j log σ_j, what is added to an NLL in model units to have it in data units where there is no logit."""
        return float(np.log(self.scale).sum())


def stream_of(words: str) -> torch.Generator:
    """The stream of random numbers that belongs to `words`, in which a seed is named.

    A plain manual_seed(seed) would repeat the first batch of a run with that seed.
    """
    digest = hashlib.sha256(words.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


class Dataset(ABC):
    """Where x_0 comes from. Draws are in model units; `standardisation` leads back to data units."""

    name: str
    dim: int
    columns: tuple[str, ...]
    standardisation: Standardisation
    entropy: float | None
    """Exact differential entropy of the standardised data in nats, or None where unknown."""
    fingerprint: str
    """SHA-256 (hex) of what the data is, the same whenever the same data is opened again."""
    levels: bool = False
    """Whether data units are whole levels k dequantised over [k, k + 1), so that likelihoods are bits of the levels."""
    image: ImageShape | None = None
    """The size of a row that is an image; None for all other data."""
    about: str = ""
    """What there is to know about this data in particular, in a few words for a person."""
    rule: SplitRule | None = None
    """How the rows of a file are split; None where points are drawn afresh or the data brings its own splits."""
    rows: tuple[int, int, int] | None = None
    """Rows to train, to validate and to test on; None where points are drawn afresh."""
    left_out: LeftOut = NOTHING
    """What of a table is not used."""
    labels: tuple[str, ...] = ()
    """What rows are called by a column of their table."""

    @abstractmethod
    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """A training batch (count, D), float32, model units."""

    def passes(self, seed: int) -> Passes | None:
        """Training batches in another way than `draw`: passes over rows that stay in their file; None for all else."""
        return None

    @abstractmethod
    def fresh(self, count: int, seed: int) -> Tensor:
        """Points (≤ count, D), float32, model units, that training does not see."""

    def validation(self, count: int, seed: int) -> Tensor | None:
        """Points (≤ count, D), float32, model units, on which training decides when to end; None where there are none.

        Training does not see them, and neither does an evaluation.
        """
        return None

    def log_density(self, x: Tensor) -> Tensor | None:
        """Exact log density (n,) in nats per data unit at `x` (n, D) in data units, or None."""
        return None

    def blur_excess(self, blur: float, scale: Sequence[float]) -> float | None:
        """By how much E[−log q] exceeds the entropy at least for every q that is a mixture of N(μ, r² I), nats.

        r = `blur` and q are in the units of data divided by `scale` (D,); None where that is not known.
        """
        return None

    def outside(self, x: Tensor, tolerance: float = 0.02) -> NDArray[np.bool_] | None:
        """Which of `x` (n, D), model units, lie farther than `tolerance` from the support, or None."""
        return None


class LabelledDataset(Dataset):
    """Rows of which each may have a label; where `class_names` is empty none has."""

    class_names: tuple[str, ...] = ()
    """What the labels are called."""

    @abstractmethod
    def split(self, which: SplitName, seed: int, most: int | None = None) -> tuple[Tensor, NDArray[np.intp]]:
        """The labelled rows of a split, or `most` of them, (m, D), float32, model units, and their labels (m,)."""

    @abstractmethod
    def nearest_class(self, x: NDArray[np.float64]) -> NDArray[np.intp]:
        """The label (n,) of the row of any split that is nearest to each of `x` (n, D), data units."""

    @property
    @abstractmethod
    def labelled_rows(self) -> int:
        """How many rows `nearest_class` compares with."""


@dataclass(frozen=True)
class DataSummary:
    """What a model was trained on. Raises `ValueError` where the images have not one number for each column."""

    name: str
    fingerprint: str
    """SHA-256 (hex) of the data set, empty where unknown."""
    columns: tuple[str, ...]
    entropy: float | None
    """Nats of the standardised data, None where unknown."""
    image: ImageShape | None = None
    """The size of a row that is an image."""
    split: SplitRule | None = BY_ORDER
    """How the rows of its file were split; a checkpoint that does not say so is of a time with one rule only."""
    rows: tuple[int, int, int] | None = None
    """Rows to train, to validate and to test on; None where points are drawn afresh, or not told."""
    left_out: LeftOut = NOTHING
    """What of the table was not used."""
    labels: tuple[str, ...] = ()
    """What rows are called by the column that the setting `label` names."""

    @classmethod
    def of(cls, data: Dataset) -> Self:
        """What there is to keep of `data`."""
        return cls(
            data.name,
            data.fingerprint,
            data.columns,
            data.entropy,
            data.image,
            data.rule,
            data.rows,
            data.left_out,
            data.labels,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what a checkpoint of before does not say is not said."""
        values = asdict(self)
        if self.split == BY_ORDER:
            del values["split"]
        if self.rows is None:
            del values["rows"]
        if self.left_out == NOTHING:
            del values["left_out"]
        if not self.labels:
            del values["labels"]
        return values

    def __post_init__(self) -> None:
        if self.image is not None and self.image.size != len(self.columns):
            raise ValueError("the size of the images does not fit the columns")

"""Points of the data that samples are compared with: fresh ones, how far a sample may be, and whether it is a copy."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.data.neighbours import Neighbours, nearest_rows
from dnf_studio.core.data.recorded import RecordedDataset
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.errors import DataError

Array = NDArray[np.float32]
Doubles = NDArray[np.float64]


def fresh_points(flow: GenerativeModel, dataset: Dataset, count: int, seed: int) -> Tensor:
    """Fresh points (≤ count, D) in the model's units, dtype and device.

    Raises `DataError` where the data has another number of columns.
    """
    check_columns(flow, dataset)
    x = dataset.fresh(count, seed)
    return between_units(dataset.standardisation, flow.standardisation, x).to(flow.timestamps)


def units_of(flow: GenerativeModel, dataset: Dataset) -> Standardisation:
    """What leads from `fresh_points` to data units: the model's own, or that of the data where it has none."""
    return dataset.standardisation if is_identity(flow.standardisation) else flow.standardisation


def check_columns(flow: GenerativeModel, dataset: Dataset) -> None:
    """Raise `DataError` where the data has another number of columns than the model dimensions."""
    if dataset.dim != flow.dim:
        columns = "1 column" if dataset.dim == 1 else f"{dataset.dim} columns"
        raise DataError(f"The data '{dataset.name}' has {columns} and the model {flow.dim} dimensions.")


def in_model_units(flow: GenerativeModel) -> GenerativeModel:
    """`flow` with the same networks whose samples are in model units, never rounded to data units on the way."""
    own = copy.copy(flow)
    own.standardisation = Standardisation.identity(flow.dim)
    return own


class OwnSeeds:
    """Seeds that a model has for itself, the same at every call, as long as its weights are those of now.

    Points drawn from them are no other model's: what all models are compared with would be an error that they share,
    which no interval over training seeds shows.
    """

    def __init__(self, flow: GenerativeModel) -> None:
        values = flow.state_dict().values()
        self._weights = b"".join(value.detach().cpu().double().numpy().tobytes() for value in values)

    def __call__(self, *names: object) -> int:
        """The one under these names."""
        found = hashlib.blake2b(repr(names).encode(), digest_size=7)
        found.update(self._weights)
        return int.from_bytes(found.digest(), "big")


def own_seed(flow: GenerativeModel, *names: object) -> int:
    """One of the `OwnSeeds` of a model."""
    return OwnSeeds(flow)(*names)


def fresh_sets(flow: GenerativeModel, dataset: Dataset, count: int, points: int, seed: int) -> list[Array]:
    """`count` disjoint sets of `points` fresh points (n, D) in the model's units.

    Sets are smaller, and at last fewer, where the data holds fewer points; with a single one there are none. They are
    shuffled, since a small data set comes in one order.
    """
    x = fresh_points(flow, dataset, count * points, seed)
    count = min(count, len(x))
    if count < 2:
        return []
    size = len(x) // count
    mixed = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))].cpu().numpy()
    return [mixed[k * size : (k + 1) * size] for k in range(count)]


def between_units(source: Standardisation, target: Standardisation, x: Tensor) -> Tensor:
    """`x` from one standardisation's units to another's.

    A model without constants of its own, such as one of the reference program, takes standardised
    data as it is. Where the target has a range of values, what lies beyond comes to its end.
    """
    if source == target or is_identity(source) or is_identity(target):
        return x
    return target.to_model(target.inside(source.to_data(x.double()))).float()


def is_identity(standardisation: Standardisation) -> bool:
    """Whether model units are data units."""
    return standardisation == Standardisation.identity(len(standardisation.mean))


REACH = 1.5
"""From this distance of a component from the middle of the data's bounding box on, in half its sides, it is far."""
MOST_POINTS, MOST_NUMBERS = 200_000, 1 << 21
"""Most points, and most numbers in them, that are drawn from the data to find its bounding box."""


@dataclass(frozen=True, eq=False)
class BoundingBox:
    """The bounding box of points (n, D); a column that does not vary has no side to measure in."""

    middle: Doubles
    """(D,)"""
    half: Doubles
    """Half of each side (D,)."""

    @classmethod
    def of(cls, points: Array, joint: bool = False) -> BoundingBox:
        """`joint` gives all columns one range, as images need it: a pixel that hardly ever varies has nearly none."""
        # The sum of two float32 may be none
        low, high = (ends.astype(np.float64) for ends in (points.min(axis=0), points.max(axis=0)))
        if joint:
            low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
        return cls(0.5 * (low + high), 0.5 * (high - low))

    def farthest(self, points: Array) -> float:
        """The greatest distance of a component from the middle, in half the sides."""
        wide = self.half > 0
        return float((np.abs(points - self.middle)[:, wide] / self.half[wide]).max(initial=0.0))


@dataclass(frozen=True, eq=False)
class Reach:
    """How far each component may go, data units; a component that does not vary may go anywhere."""

    low: Doubles
    """(D,)"""
    high: Doubles
    """(D,)"""

    @classmethod
    def of(cls, flow: GenerativeModel, dataset: Dataset) -> Reach:
        """The reach of `dataset` in the data units of `flow`, by rows that training sees and rows that it does not.

        Raises `DataError` where the data has another number of columns.
        """
        count = min(MOST_POINTS, max(1, MOST_NUMBERS // dataset.dim))
        unseen = fresh_points(flow, dataset, count, seed=1)
        seen = dataset.draw(count, torch.Generator().manual_seed(1))
        seen = between_units(dataset.standardisation, flow.standardisation, seen)
        points = np.concatenate([in_data_units(flow, x) for x in (unseen, seen)])
        box = BoundingBox.of(points, joint=dataset.image is not None)
        half = np.where(box.half > 0, REACH * box.half, np.inf)
        return cls(box.middle - half, box.middle + half)

    def far(self, samples: Array) -> int:
        """How many of `samples` (n, D), data units, have a component beyond."""
        return int(((samples < self.low) | (samples > self.high)).any(axis=1).sum())


def in_data_units(flow: GenerativeModel, x: Tensor) -> Array:
    """Model units (n, D) as a person gets them."""
    units = flow.standardisation
    moved: Array = units.inside(units.to_data(x.cpu().double())).float().numpy()
    return moved


MOST_POINTS = 256
"""Samples that are looked at, and held-out images that stand for all: with 50,000 of 32 × 32 colours to compare with,
some 10 s of one core."""


@dataclass(frozen=True)
class Copying:
    """Euclidean distances, in levels, to the nearest training image; where samples are much nearer, they are copies."""

    samples: float
    """Median of the samples."""
    closest: float
    """The least distance of any sample."""
    held_out: float
    """Median of images of the test split."""


def copying(samples: NDArray[np.float32], units: Standardisation, dataset: Dataset) -> Copying | None:
    """What `samples` (n, D), in the model units `units`, are like; None where the data are no images."""
    if not isinstance(dataset, RecordedDataset) or dataset.image is None:
        return None
    own = between_units(units, dataset.standardisation, torch.from_numpy(samples))
    near = nearest_training(dataset, dataset.standardisation.to_data(own.double()).numpy()).distances[:, 0]
    return Copying(float(np.median(near)), float(near.min()), float(np.median(held_out_distances(dataset))))


def levels_of(dataset: RecordedDataset, points: NDArray[Any]) -> Doubles:
    """The whole levels (n, D) of images `points` (n, D), data units: k for [k, k + 1), within the range there is."""
    if dataset.image is None:
        raise ValueError("the data are no images")
    levels: Doubles = np.clip(np.floor(np.asarray(points, np.float64)), dataset.image.low, dataset.image.high - 1)
    return levels


def nearest_training(dataset: RecordedDataset, points: NDArray[Any], count: int = 1) -> Neighbours:
    """The training images nearest to images `points` (n, D), data units, in levels, with which a copy is at 0.

    Where training mirrors images, a mirror image is a copy, too.
    """
    return _nearest_levels(dataset, levels_of(dataset, points), count)


def held_out_distances(dataset: RecordedDataset) -> Doubles:
    """How far (n,) images of the test split are from the nearest training image: what is no copy."""
    return _nearest_levels(dataset, dataset.recorded[dataset.splits[2][:MOST_POINTS]], 1).distances[:, 0]


def _nearest_levels(dataset: RecordedDataset, levels: NDArray[Any], count: int) -> Neighbours:
    image, table, train = dataset.image, dataset.recorded, dataset.splits[0]
    found = nearest_rows(levels, table, count, train)
    if image is None or not dataset.flips:
        return found
    other = nearest_rows(image.mirrored(levels), table, count, train)
    distances, rows = np.hstack([found.distances, other.distances]), np.hstack([found.rows, other.rows])
    order = np.argsort(distances, axis=1, kind="stable")[:, : found.rows.shape[1]]
    return Neighbours(np.take_along_axis(distances, order, 1), np.take_along_axis(rows, order, 1))

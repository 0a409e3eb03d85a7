"""Whether a model of images copies what it was trained on: how far its samples are from the training images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.data.neighbours import Neighbours, nearest_rows
from dnf_studio.core.data.recorded import RecordedDataset
from dnf_studio.core.evaluation.fresh import between_units

__all__ = ["MOST_POINTS", "Copying", "copying", "held_out_distances", "levels_of", "nearest_training"]

MOST_POINTS = 256
"""Samples that are looked at, and held-out images that stand for all: with 50,000 of 32 × 32 colours to compare with,
some 10 s of one core."""
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Copying:
    """Euclidean distances, in levels, to the nearest training image; where samples are much nearer, they are copies."""

    samples: float
    """Median of the samples."""
    closest: float
    """Of the sample that is nearest to any."""
    held_out: float
    """Median of images of the test split."""


def copying(samples: NDArray[np.float32], units: Standardisation, dataset: Dataset) -> Copying | None:
    """What `samples` (n, D), in the model units `units`, are like; None where the data are no images."""
    if not isinstance(dataset, RecordedDataset) or dataset.image is None:
        return None
    own = between_units(units, dataset.standardisation, torch.from_numpy(samples))
    near = nearest_training(dataset, dataset.standardisation.to_data(own.double()).numpy()).distances[:, 0]
    return Copying(float(np.median(near)), float(near.min()), float(np.median(held_out_distances(dataset))))


def levels_of(dataset: RecordedDataset, points: NDArray[Any]) -> Array:
    """The whole levels (n, D) of images `points` (n, D), data units: k for [k, k + 1), within the range there is."""
    if dataset.image is None:
        raise ValueError("the data are no images")
    levels: Array = np.clip(np.floor(np.asarray(points, np.float64)), dataset.image.low, dataset.image.high - 1)
    return levels


def nearest_training(dataset: RecordedDataset, points: NDArray[Any], count: int = 1) -> Neighbours:
    """The training images nearest to images `points` (n, D), data units, in levels, with which a copy is at 0.

    Where training mirrors images, a mirror image is a copy, too.
    """
    return _nearest_levels(dataset, levels_of(dataset, points), count)


def held_out_distances(dataset: RecordedDataset) -> Array:
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

"""The rows of a set nearest to points: whether what is generated was learned by heart. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.recorded import RecordedDataset

__all__ = ["MOST_POINTS", "Neighbours", "held_out_distances", "levels_of", "nearest_rows", "nearest_training"]

BLOCK = 1 << 22
"""Numbers of one block: with all that is computed from it about 150 MB."""
SPARE = 4
"""Rows looked at exactly beyond those wanted, for rounding may change the order of near ones."""
MOST_POINTS = 256
"""Held-out images that stand for all: with 50,000 of 32 × 32 colours to compare with, some 10 s of one core."""
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest rows of each point, the nearest first."""

    distances: Array
    """(n, k), Euclidean."""
    rows: NDArray[np.intp]
    """(n, k)"""


def nearest_rows(
    points: NDArray[Any], table: NDArray[Any], count: int = 1, rows: NDArray[np.intp] | None = None, block: int = BLOCK
) -> Neighbours:
    """The `count` rows of `table` (m, D), or of these `rows` of it, nearest to each of `points` (n, D).

    All are compared, in blocks of about `block` numbers, so that memory is bounded whatever n and m are and
    `table` may be of bytes. ‖x − y‖² = ‖x‖² + ‖y‖² − 2 x·y finds the candidates and ‖x − y‖ itself, float64, ranks
    them: a copy is at distance 0. Of rows that are equally near any may be given. Where there are
    fewer than `count` rows, all are.
    """
    places = np.arange(len(table)) if rows is None else rows
    dim, count = table.shape[1], min(count, len(places))
    height = max(1, block // max(dim, 1))
    width = max(1, min(height, block // max(1, min(height, len(places)))))
    near, numbers = np.empty((len(points), count)), np.empty((len(points), count), np.intp)
    for start in range(0, len(points), width):
        part = slice(start, start + width)
        found = _nearest_of_few(np.asarray(points[part], np.float64), table, places, count, height)
        near[part], numbers[part] = found
    return Neighbours(near, places[numbers])


def _nearest_of_few(
    x: Array, table: NDArray[Any], places: NDArray[np.intp], count: int, height: int
) -> tuple[Array, NDArray[np.intp]]:
    """Distances and numbers within `places`, (n, count) each, of a few points."""
    near, numbers = np.empty((len(x), 0)), np.empty((len(x), 0), np.intp)
    square = (x * x).sum(axis=1)[:, None]
    for start in range(0, len(places), height):
        y = table[places[start : start + height]].astype(np.float64)
        apart = square + (y * y).sum(axis=1) - 2 * (x @ y.T)
        few = min(count + SPARE, len(y))
        candidates = np.sort(np.argpartition(apart, few - 1, axis=1)[:, :few], axis=1)
        exact = np.stack([np.linalg.norm(one - y[some], axis=1) for one, some in zip(x, candidates, strict=True)])
        near, numbers = np.hstack([near, exact]), np.hstack([numbers, candidates + start])
        # Earlier blocks stand first, and the sort is stable
        order = np.argsort(near, axis=1, kind="stable")[:, :count]
        near, numbers = np.take_along_axis(near, order, 1), np.take_along_axis(numbers, order, 1)
    return near, numbers


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

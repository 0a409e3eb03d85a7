"""The rows of a table nearest to points, found exactly and in bounded memory. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 22
"""Numbers of one block: with all that is computed from it about 150 MB."""
SPARE = 4
"""Rows looked at exactly beyond those wanted, for rounding may change the order of near ones."""
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

"""Nats by step and path, their excess or what they contribute to the bound: where they are, and what tells them apart.

NumPy only: the window needs it before torch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FAR_APART", "MOST_NEIGHBOUR_DIM", "differ", "mean_by_cell", "mean_of_cells", "space_time", "worst_points"]

MOST_NEIGHBOUR_DIM = 3
"""The most dimensions in which nearest neighbours tell densities; in more, far too many points would be needed."""
FAR_APART = 3.0
"""Two ways to one number differ where they do by so many of both their errors: of thirty steps, by chance in one model
of twelve."""
Array = NDArray[np.float32]


def space_time(values: Array, nats: Array, low: float, high: float, rows: int) -> Array:
    """Mean nats of the paths in each cell, (rows, N), not a number where no path is.

    `values` (N, P) says how high each path is at the beginning of step i, `nats` (N, P) is its excess or
    its contribution to the bound in that step. Row k holds what lies in the k-th of `rows` equal parts
    of `low` … `high`; paths beyond, and those that left the finite numbers, are left out.
    """
    steps = len(values)
    with np.errstate(over="ignore", invalid="ignore"):
        place = np.floor((values - low) * (rows / (high - low)))
        inside = (place >= 0) & (place < rows) & np.isfinite(nats)
    step = np.broadcast_to(np.arange(steps)[:, None], values.shape)[inside]
    return mean_by_cell(place[inside].astype(np.intp) * steps + step, nats[inside], (rows, steps))


def worst_points(nats: Array, step: int, count: int = 5) -> tuple[int, ...]:
    """The points that cost most at `step` of `nats` (N, P), the worst last; those that left do not count."""
    row = np.where(np.isfinite(nats[step]), nats[step], -np.inf)
    order = np.argsort(row, kind="stable")[-count:]
    return tuple(int(point) for point in order if np.isfinite(row[point]))


def differ(one: ArrayLike, other: ArrayLike, error: ArrayLike, other_error: ArrayLike) -> NDArray[np.bool_]:
    """Where two ways to the same numbers (…) are farther apart than their standard errors explain (`FAR_APART`)."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(np.subtract(one, other)) > FAR_APART * np.hypot(error, other_error))


def mean_of_cells(points: NDArray[Any], values: NDArray[Any], half: float, rows: int) -> NDArray[np.float32]:
    """Mean of `values` (P,) over the points (P, 2) in each cell of the square −half … half, (rows, rows).

    Row 0 is the lowest; a cell without a point has no number. Points beyond and those whose value is not
    finite are left out.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        place = np.floor((points + half) * (rows / (2 * half)))
        inside = ((place >= 0) & (place < rows)).all(axis=1) & np.isfinite(values)
    column, row = place[inside].astype(np.intp).T
    return mean_by_cell(row * rows + column, values[inside], (rows, rows))


def mean_by_cell(cell: NDArray[np.intp], values: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Mean of `values` (K,) over those with one number `cell` (K,), row by row, of `shape`; NaN where there is none."""
    size = shape[0] * shape[1]
    count = np.bincount(cell, minlength=size)
    total = np.bincount(cell, values.astype(np.float64), size)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean.reshape(shape).astype(np.float32)

"""Means over the cells of a picture. NumPy only: the window needs them before torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["mean_by_cell", "mean_of_cells"]


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

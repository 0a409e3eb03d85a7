"""Where in space and time paths disagree, and which do most. NumPy only: the window needs it before torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.exploration.cells import mean_by_cell

__all__ = ["space_time", "worst_points"]

Array = NDArray[np.float32]


def space_time(values: Array, disagreement: Array, low: float, high: float, rows: int) -> Array:
    """Mean disagreement of the paths in each cell, (rows, N), not a number where no path is.

    `values` (N, P) says how high each path is at the beginning of step i, `disagreement` (N, P) is
    that of the step. Row k holds what lies in the k-th of `rows` equal parts of `low` … `high`;
    paths beyond, and those that left the finite numbers, are left out.
    """
    steps = len(values)
    with np.errstate(over="ignore", invalid="ignore"):
        place = np.floor((values - low) * (rows / (high - low)))
        inside = (place >= 0) & (place < rows) & np.isfinite(disagreement)
    step = np.broadcast_to(np.arange(steps)[:, None], values.shape)[inside]
    return mean_by_cell(place[inside].astype(np.intp) * steps + step, disagreement[inside], (rows, steps))


def worst_points(disagreement: Array, step: int, count: int = 5) -> tuple[int, ...]:
    """The points that cost most at `step` of `disagreement` (N, P), the worst last; those that left do not count."""
    row = np.where(np.isfinite(disagreement[step]), disagreement[step], -np.inf)
    order = np.argsort(row, kind="stable")[-count:]
    return tuple(int(point) for point in order if np.isfinite(row[point]))

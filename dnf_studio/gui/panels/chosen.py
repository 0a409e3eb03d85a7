"""What the Inspector says about the chosen points, and which of very many it offers to list."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dnf_studio.gui.plots.words import nats

__all__ = ["MOST_OFFERED", "offered", "statistic"]

MOST_OFFERED = 200
"""Of more chosen points the list holds only those around the current one; thousands would be slow to fill."""


def offered(selection: tuple[int, ...]) -> list[int]:
    """The chosen points by rising number, of very many those around the current one."""
    points = sorted(selection)
    if len(points) <= MOST_OFFERED:
        return points
    first = min(max(0, points.index(selection[-1]) - MOST_OFFERED // 2), len(points) - MOST_OFFERED)
    return points[first : first + MOST_OFFERED]


def statistic(chosen: NDArray[np.intp], disagreement: NDArray[np.floating]) -> str:
    """How many points are chosen, and how much they disagree on average against all, where that is known."""
    several = f"{len(chosen):,} points: " if len(chosen) > 1 else ""
    finite = disagreement[np.isfinite(disagreement)]
    if not len(chosen) or chosen.max() >= len(disagreement) or not len(finite):
        return several.rstrip(": ")
    own = float(disagreement[chosen].mean(dtype=np.float64))
    if not np.isfinite(own):
        return f"{several}left the finite numbers"
    return f"{several}disagreement {nats(own)} nats (all: {nats(float(finite.mean(dtype=np.float64)))})"

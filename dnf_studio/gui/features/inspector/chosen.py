"""What the Inspector says about the chosen points, and which of very many it offers to list."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dnf_studio.gui.drawing.words import nats

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


def statistic(chosen: NDArray[np.intp], log_ratios: NDArray[np.floating]) -> str:
    """How many points are chosen, and the mean log-ratio (P,) of their paths against that of all where it is known."""
    several = f"{len(chosen):,} points: " if len(chosen) > 1 else ""
    finite = log_ratios[np.isfinite(log_ratios)]
    if not len(chosen) or chosen.max() >= len(log_ratios) or not len(finite):
        return several.rstrip(": ")
    own = log_ratios[chosen]
    known = own[np.isfinite(own)]
    if not len(known):
        return f"{several}log-ratio not known yet"
    some = f", of {len(known):,} of them" if len(known) < len(own) else ""
    mean, every = (float(values.mean(dtype=np.float64)) for values in (known, finite))
    return f"{several}log-ratio {nats(mean)} nats{some} (all: {nats(every)})"

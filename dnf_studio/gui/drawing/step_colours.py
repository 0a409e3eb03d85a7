"""Which of sixteen colours each step of each drawn path has by its log-ratio, the same in every view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnf_studio.gui.drawing.layers.scale import BUCKETS, SteadyLimits, bucket_of, extremes_of
from dnf_studio.workers.excess import Direction, ExcessFrame
from dnf_studio.workers.frames import Frame

__all__ = ["StepColouring", "StepColours"]

MAX_PATHS = 500


@dataclass(frozen=True, eq=False)
class StepColours:
    """The colours of the paths of one process that are drawn."""

    buckets: NDArray[np.uint8]
    """(N, P), 0 … 15; steps whose log-ratio is not known yet have the colour of 0."""
    limits: tuple[float, float]
    """What the first and the last colour stand for, nats: all but the outermost fiftieth of the values are between."""
    extremes: tuple[float, float] | None
    """The least and the greatest value."""


class StepColouring:
    """Finds the colours of one process for one frame after the other; their limits do not flicker."""

    def __init__(self, direction: Direction) -> None:
        self._direction = direction
        self._limits = SteadyLimits(around_zero=True)

    def colours(self, frame: Frame | None, found: ExcessFrame | None) -> StepColours | None:
        """The colours of the first 500 paths of `frame`; None where nothing is known of their log-ratios."""
        if frame is None or found is None or not found.fits(frame):
            return None
        known = found.forward if self._direction == "forward" else found.backward
        if not known.shape[1]:
            return None
        rows = found.rows(self._direction, min(MAX_PATHS, frame.forward.shape[1]))
        limits = self._limits.follow(known, frame.request)
        buckets = np.where(np.isnan(rows), BUCKETS // 2, bucket_of(rows, limits)).astype(np.uint8)
        return StepColours(buckets, limits, extremes_of(known))

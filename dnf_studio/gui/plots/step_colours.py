"""Which of sixteen colours each step of each drawn path has by its disagreement, the same in every view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnf_studio.gui.plots.layers.scale import SteadyLimits, bucket_of
from dnf_studio.workers.frames import Frame

__all__ = ["StepColouring", "StepColours"]

MAX_PATHS = 500


@dataclass(frozen=True, eq=False)
class StepColours:
    """The colours of the forward paths that are drawn."""

    buckets: NDArray[np.uint8]
    """(N, P), 0 … 15."""
    limits: tuple[float, float]
    """What the first and the last colour stand for, nats."""


class StepColouring:
    """Finds the colours for one frame after the other; their limits do not flicker."""

    def __init__(self) -> None:
        self._limits = SteadyLimits()
        self._frame: Frame | None = None
        self._colours: StepColours | None = None

    def follow(self, frame: Frame | None) -> StepColours | None:
        """The colours of the first 500 paths of `frame`; None where nobody computed their disagreement."""
        if frame is not self._frame:
            self._frame, self._colours = frame, None
            if frame is not None and frame.step_disagreement.size:
                rows = frame.step_disagreement[:, :MAX_PATHS]
                limits = self._limits.follow(rows, frame.request)
                self._colours = StepColours(bucket_of(rows, limits), limits)
        return self._colours

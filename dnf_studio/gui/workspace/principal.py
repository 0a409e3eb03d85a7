"""Principal components of the data that is shown, the same for every frame of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.exploration.projection import PrincipalComponents, principal_components
from dnf_studio.workers.frames import Frame

__all__ = ["PrincipalAxes"]


class PrincipalAxes:
    """Finds the axes of a data set in its first complete frame and keeps them for all that follow.

    Until that one is there, its first points have to do.
    """

    def __init__(self) -> None:
        self._points: NDArray[np.float32] = np.empty((0, 0), np.float32)
        self._complete = False
        self._found: PrincipalComponents | None = None

    def follow(self, frame: Frame) -> PrincipalComponents | None:
        """The axes of the data of `frame`, the very same object as long as it is the same data.

        None for data of one or two components, which need none.
        """
        data = frame.forward[0]
        if data.shape[1] <= 2:
            return None
        if not self._knows(data) or (frame.complete and not self._complete):
            self._found = principal_components(data)
            self._points, self._complete = data, frame.complete
        return self._found

    def _knows(self, data: NDArray[np.float32]) -> bool:
        """Whether one of `data` and what the axes were found in begins with the other."""
        count = min(len(data), len(self._points))
        return count > 0 and np.array_equal(data[:count], self._points[:count])

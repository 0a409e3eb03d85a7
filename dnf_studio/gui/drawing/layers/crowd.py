"""What one process view takes of a crowd: the points at the cursor, and a few paths by which colours are scaled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnf_studio.gui.drawing.layers.density import MAX_SAMPLED
from dnf_studio.gui.drawing.layers.trails import at_position
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.workers.crowd import Crowd

MANY = 1 << 30
"""More than there are points."""
DENSE = 100_000
"""More points would cover each other: they are drawn by their density."""
Array = NDArray[np.float32]
Plane = Callable[[Array], Array]
"""Takes the two coordinates that are shown of points (…, D)."""


class CrowdPlanes:
    """The points of a `Crowd` in the plane that a view shows; none where there is no crowd.

    Only what is at the cursor is projected: all of 200,000 paths would take a tenth of a second a frame.
    """

    def __init__(self) -> None:
        self.crowd: Crowd | None = None

    @property
    def dense(self) -> bool:
        """Whether a picture of the density stands for the points."""
        return self.crowd is not None and max(self.crowd.totals) > DENSE

    def set(self, crowd: Crowd | None) -> bool:
        """Take this crowd from now on; whether that is another one."""
        before, self.crowd = self.crowd, crowd
        return before is not crowd

    def follow(self, frame: Frame | None) -> None:
        """Let go of a crowd that belongs to another frame."""
        if self.crowd is not None and not self.crowd.fits(frame):
            self.crowd = None

    def joined(self, points: Array, direction: str, position: float, plane: Plane) -> Array:
        """`points` (P, 2) of the display set, and behind them those of the crowd at `position`, in node units."""
        if self.crowd is None:
            return points
        further = plane(at_position(self.crowd.paths_of(direction), position))
        return np.concatenate([points, further]) if len(further) else points

    def rows(self, rows: NDArray[np.intp] | None, first: int, drawn: int) -> NDArray[np.intp] | None:
        """`rows` of the `first` points, those of the display set, and all that are `drawn` behind; None stays None."""
        return rows if rows is None or drawn == first else np.concatenate([rows, np.arange(first, drawn)])

    def scaled_by(self, paths: Array, direction: str, plane: Plane) -> tuple[Array, int]:
        """Paths (N+1, P, 2) by which the colours of a density are scaled, and how many points these stand for."""
        own = None if self.crowd is None else self.crowd.paths_of(direction)
        if own is None or own.shape[1] < paths.shape[1]:
            return paths, paths.shape[1]
        return plane(own[:, :: -(-own.shape[1] // MAX_SAMPLED)]), paths.shape[1] + own.shape[1]

    def words(self, shown: int, direction: str) -> str:
        """How many points are drawn, `shown` of them of the display set; nothing where there is no crowd."""
        if self.crowd is None:
            return ""
        known, total = self.crowd.paths_of(direction).shape[1] + shown, self.crowd.totals[direction == "backward"]
        return f"{total:,} points" if known >= total else f"{known:,} of {total:,} points"

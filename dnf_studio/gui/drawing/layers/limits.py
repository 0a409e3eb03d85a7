"""Where the colours of a cloud end: at a few moments of the way, each looked for when the time cursor comes to it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF
from PySide6.QtGui import QTransform

MOMENTS = 5
FOLLOW = 0.12
"""Part of the way to the limit of a new frame that is gone with each frame, so that nothing flickers."""
Array = NDArray[np.float32]
Bins = tuple[QPointF, int, int]


class Limits:
    """Log limits that depend on where the time cursor is, not on how it came there, and follow new frames slowly.

    They are looked for at the two moments beside the cursor, not at all of them: whoever changes the size of a window
    with several clouds waits for that.
    """

    def __init__(self, find: Callable[[float, QTransform, Bins], Array]) -> None:
        """`find` gives the logs at one part of the way, 0 … 1, NaN where there are none."""
        self._find = find
        self._found: dict[int, tuple[int, Array]] = {}
        self._zoom: tuple[float, float] = 0.0, 0.0
        self._key: tuple[object, ...] = ()
        self._place: tuple[QTransform, Bins] | None = None

    def copy(self) -> Limits:
        """The same ones, to go on from."""
        other = Limits(self._find)
        other._found, other._zoom, other._key, other._place = dict(self._found), self._zoom, self._key, self._place
        return other

    def forget(self) -> None:
        """Have the next ones at once."""
        self._found.clear()
        self._key = ()

    def bring_up(self, way: float, version: int, transform: QTransform, bins: Bins) -> None:
        """Have those beside `way` for the paths of this `version`, at once where the zoom is another one."""
        zoom = transform.m11(), transform.m22()
        if zoom != self._zoom:
            self._found.clear()
        if (version, zoom) != self._key or self._place is None:
            self._key, self._zoom, self._place = (version, zoom), zoom, (QTransform(transform), bins)
        self._bring(sorted({int(np.floor(way * (MOMENTS - 1))), int(np.ceil(way * (MOMENTS - 1)))}), version)
        if not self._known():
            # Nothing is seen there: what is seen elsewhere tells more than nothing
            self._bring(range(MOMENTS), version)

    def at(self, way: float) -> Array | None:
        """The logs at `way`, between those of the moments beside it; None where none are known."""
        known = self._known()
        if not known:
            return None
        places = np.array(known) / (MOMENTS - 1)
        rows = np.array([self._found[k][1] for k in known])
        return np.array([np.interp(way, places, column) for column in rows.T], np.float32)

    def _known(self) -> list[int]:
        return [k for k, (_, logs) in sorted(self._found.items()) if np.isfinite(logs).all()]

    def _bring(self, moments: list[int] | range, version: int) -> None:
        assert self._place is not None
        for k in moments:
            before = self._found.get(k)
            if before is not None and before[0] == version:
                continue
            wanted = self._find(k / (MOMENTS - 1), *self._place)
            if before is not None and np.isfinite(before[1]).all() and np.isfinite(wanted).all():
                wanted = followed(before[1], wanted, version - before[0])
            self._found[k] = version, wanted


def followed(before: Array, wanted: Array, frames: int = 1) -> Array:
    """Log limits on their way from `before` to `wanted`, an eighth of it a frame."""
    return before + np.float32(1 - (1 - FOLLOW) ** frames) * (wanted - before)

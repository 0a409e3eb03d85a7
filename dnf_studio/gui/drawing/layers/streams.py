"""Streamlines of a field as one batch of lines, with heads that say which way they go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QTransform

from dnf_studio.gui.drawing.layers.arrows import head_strokes
from dnf_studio.gui.drawing.layers.device import to_device
from dnf_studio.gui.drawing.layers.strokes import StrokesLayer

if TYPE_CHECKING:
    from dnf_studio.core.exploration.streamlines import Streamlines

__all__ = ["StreamsLayer", "head_places", "stream_lines"]

HEAD = 5.5
"""Pixels."""
HEADS_APART = 40
"""Points of a line from head to head."""
Array = NDArray[np.float64]
Places = NDArray[np.intp]


class StreamsLayer(StrokesLayer):
    """Lines with heads."""

    def __init__(self) -> None:
        super().__init__()
        self._points = np.empty((0, 2), np.float32)
        self._steps, self._heads = np.empty(0, np.intp), np.empty(0, np.intp)

    def set_lines(self, lines: Streamlines) -> None:
        """Show `lines`, plot units."""
        self._points = lines.points.astype(np.float32)
        begins = np.ones(len(self._points), np.bool_)
        begins[lines.starts[1:] - 1] = False
        self._steps, self._heads = np.flatnonzero(begins), head_places(lines.starts)
        self.update()

    def strokes(self, transform: QTransform) -> Array:
        """Steps and heads."""
        if not len(self._steps):
            return np.empty((0, 4))
        return stream_lines(self._points, self._steps, self._heads, transform)


def head_places(starts: Places) -> Places:
    """Which points have a head: the middles of equal stretches of each line, one at least."""
    found = []
    for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        count = max(1, round((end - start) / HEADS_APART))
        found += [start + int((k + 0.5) * (end - start) / count) for k in range(count)]
    return np.array(found, np.intp)


def stream_lines(points: NDArray[np.float32], steps: Places, heads: Places, transform: QTransform) -> Array:
    """Steps and strokes of heads, (K, 4) device pixels: a step leads from each of `steps` to the next point."""
    places = to_device(points, transform).astype(np.float64)
    ways = places[np.minimum(heads + 1, len(places) - 1)] - places[heads - 1]
    length = np.hypot(ways[:, 0], ways[:, 1])
    some = length > 0
    tips, ways = places[heads[some]], ways[some] / length[some, None]
    strokes = head_strokes(tips, ways, np.full((len(tips), 1), HEAD))
    return np.concatenate([np.concatenate([places[steps], places[steps + 1]], axis=1), *strokes])

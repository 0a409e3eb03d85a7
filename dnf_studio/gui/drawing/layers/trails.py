"""The last stretch of every path before the time cursor, clearer than the rest: what moves, and whence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pyqtgraph.Qt import internals
from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen, QTransform

from dnf_studio.gui.drawing.layers.device import DeviceLayer, to_device

__all__ = ["TrailsLayer", "at_position", "over_steps", "stretch"]

PIECES = 4
Array = NDArray[np.float32]


class TrailsLayer(DeviceLayer):
    """Short pieces of paths in one colour, or those of each path in its own of a few."""

    def __init__(self, colour: str, alpha: float = 0.5) -> None:
        super().__init__()
        self._trails: Array = np.empty((0, 0, 2), np.float32)
        self._colour, self._alpha = colour, alpha
        self._buckets: NDArray[np.uint8] | None = None
        self._colours: tuple[str, ...] = ()
        self._lines = internals.PrimitiveArray(QLineF, 4)

    def set_trails(self, trails: Array) -> None:
        """Show `trails` (K+1, P, 2), plot units."""
        self._trails = trails
        self.update()

    def set_colour(self, colour: str) -> None:
        """Draw in `colour`."""
        self._colour = colour
        self.update()

    def set_buckets(self, buckets: NDArray[np.uint8] | None, colours: tuple[str, ...]) -> None:
        """Draw path k in `colours[buckets[k]]`, where there is a bucket for each; None draws in one colour again."""
        self._buckets, self._colours = buckets, colours
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """One call for all lines of a colour."""
        if len(self._trails) < 2:
            return
        xy = to_device(self._trails, transform)
        lines = np.concatenate([xy[:-1], xy[1:]], axis=-1)
        buckets, count = self._buckets, lines.shape[1]
        if buckets is None or len(buckets) < count:
            self._draw_lines(painter, lines, self._colour)
            return
        for bucket, colour in enumerate(self._colours):
            self._draw_lines(painter, lines[:, buckets[:count] == bucket], colour)

    def _draw_lines(self, painter: QPainter, pieces: Array, name: str) -> None:
        """`pieces` (K, P, 4), device pixels."""
        lines = pieces.reshape(-1, 4)
        lines = lines[np.isfinite(lines).all(axis=1)]
        if not len(lines):
            return
        self._lines.resize(len(lines))
        self._lines.ndarray()[:] = lines
        colour = QColor(name)
        colour.setAlphaF(self._alpha)
        pen = QPen(colour, 1)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.drawLines(*self._lines.drawargs())


def at_position(paths: Array, position: float) -> Array:
    """Where the points of `paths` (N+1, P, …) are at `position` in node units, linear between nodes."""
    i = int(np.clip(np.floor(position), 0, max(0, len(paths) - 2)))
    part = np.float32(np.clip(position - i, 0, 1))
    if part == 0 or i + 1 >= len(paths):
        node: Array = paths[i]
        return node
    with np.errstate(over="ignore", invalid="ignore"):
        between: Array = paths[i] * (1 - part) + paths[i + 1] * part
    return between


def stretch(paths: Array, position: float, forward: bool) -> Array:
    """The last eighth of the way to `position` (at least one step) in at most four pieces, (K+1, P, …)."""
    steps = len(paths) - 1
    length = max(1.0, steps / 8)
    begin = max(0.0, position - length) if forward else min(float(steps), position + length)
    count = max(1, min(PIECES, round(abs(position - begin))))
    pieces: Array = np.stack([at_position(paths, float(p)) for p in np.linspace(begin, position, count + 1)])
    return pieces


def over_steps(rows: Array) -> Array:
    """`rows` (N+1, P) over their node numbers, (N+1, P, 2)."""
    index = np.broadcast_to(np.arange(len(rows), dtype=np.float32)[:, None], rows.shape)
    return np.stack([index, rows], axis=-1)

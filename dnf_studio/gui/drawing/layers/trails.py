"""The last stretch of every path before the time cursor, clearer than the rest: what moves, and whence."""

from __future__ import annotations

from math import floor

import numpy as np
from numpy.typing import NDArray
from pyqtgraph.Qt import internals
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF, QTransform

from dnf_studio.gui.drawing.layers.device import DeviceLayer, to_device
from dnf_studio.gui.drawing.layers.figure_painter import FigurePainter

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

    @property
    def trails(self) -> Array:
        """What is shown, (K+1, P, 2)."""
        return self._trails

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
        if not np.isfinite(lines.sum()):
            lines = lines[np.isfinite(lines).all(axis=1)]
        if not len(lines):
            return
        self._lines.resize(len(lines))
        self._lines.ndarray()[:] = lines
        colour = QColor(name)
        colour.setAlphaF(self._alpha)
        pen = QPen(colour, 1)
        pen.setCosmetic(not isinstance(painter, FigurePainter))
        painter.setPen(pen)
        painter.drawLines(*self._lines.drawargs())


def at_position(paths: Array, position: float) -> Array:
    """Where the points of `paths` (N+1, P, …) are at `position` in node units, linear between nodes."""
    # Not by `np.clip`, which takes longer for a number than the rest for the points
    i = min(max(floor(position), 0), max(0, len(paths) - 2))
    part = np.float32(min(max(position - i, 0.0), 1.0))
    if part == 0 or i + 1 >= len(paths):
        node: Array = paths[i]
        return node
    with np.errstate(over="ignore", invalid="ignore"):
        between: Array = paths[i] * (1 - part) + paths[i + 1] * part
    return between


def trailing_part(paths: Array, position: float, forward: bool) -> Array:
    """The last eighth of the way to `position` (at least one step) in at most four pieces, (K+1, P, …)."""
    steps = len(paths) - 1
    length = max(1.0, steps / 8)
    begin = max(0.0, position - length) if forward else min(float(steps), position + length)
    count = max(1, min(PIECES, round(abs(position - begin))))
    pieces: Array = np.stack([at_position(paths, float(p)) for p in np.linspace(begin, position, count + 1)])
    return pieces


def at_step(rows: Array, position: float) -> Array:
    """Where `rows` (N+1, P) are at `position`, over it: (P, 2)."""
    values = at_position(rows, position)
    return np.stack([np.full_like(values, position), values], axis=-1)


def over_steps(rows: Array) -> Array:
    """`rows` (N+1, P) over their node numbers, (N+1, P, 2)."""
    index = np.broadcast_to(np.arange(len(rows), dtype=np.float32)[:, None], rows.shape)
    return np.stack([index, rows], axis=-1)


MOST = 400
APART = 4.0
"""Pixels a step must have for an edge of its own."""
Doubles = NDArray[np.float64]


class StepsLayer(DeviceLayer):
    """Bars from t_i to t_{i+1} of height Δt_i, the current one set off; another grid as an outline over them."""

    def __init__(self) -> None:
        super().__init__()
        self._t: Doubles = np.empty(0)
        self._own: Doubles = np.empty(0)
        self._current: int | None = None
        self._fill = self._edge = self._mark = self._outline = QColor()

    def set_grid(self, t: Doubles, own: Doubles) -> None:
        """Show the steps between `t` (N+1,), and the outline of `own` (M+1,), which may be empty."""
        self._t, self._own = t, own
        self.update()

    def set_current(self, step: int | None) -> None:
        """Set off this step."""
        if step != self._current:
            self._current = step
            self.update()

    def set_colours(self, fill: str, edge: str, mark: str, outline: str) -> None:
        """Bars, the ground between them, the current one, the outline."""
        self._fill, self._edge, self._mark, self._outline = map(QColor, (fill, edge, mark, outline))
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """Two polygons and an edge for each step that is wide enough."""
        if len(self._t) < 2:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._fill)
        painter.drawPolygon(self._polygon(self._t, transform))
        zero = transform.dy()
        if transform.m11() * (self._t[-1] - self._t[0]) >= APART * (len(self._t) - 1):
            painter.setPen(QPen(self._edge, 1))
            for x in self._t[1:-1] * transform.m11() + transform.dx():
                painter.drawLine(QPointF(x, zero), QPointF(x, area.top()))
        hidden = isinstance(painter, FigurePainter) and not painter.cursor
        if self._current is not None and self._current < len(self._t) - 1 and not hidden:
            left, right = self._t[self._current : self._current + 2]
            bar = transform.mapRect(QRectF(left, 0, right - left, right - left))
            wide = max(2.0, bar.width())
            painter.fillRect(QRectF(bar.center().x() - wide / 2, bar.top(), wide, bar.height()), self._mark)
        if len(self._own) > 1:
            painter.setPen(QPen(self._outline, 1, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolyline(self._polygon(self._own, transform))

    def _polygon(self, t: Doubles, transform: QTransform) -> QPolygonF:
        return transform.map(QPolygonF([QPointF(x, y) for x, y in staircase(t)]))


def staircase(t: Doubles) -> list[tuple[float, float]]:
    """Corners of the steps between `t` (N+1,), from the base line up and back down to it.

    Of more than 400 steps, neighbours stand as one of their mean length.
    """
    group = -(-(len(t) - 1) // MOST)
    places = np.unique(np.append(np.arange(0, len(t), group), len(t) - 1))
    edges = t[places]
    heights = np.diff(edges) / np.diff(places)
    x = np.repeat(edges, 2)
    y = np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])
    return list(zip(x.tolist(), y.tolist(), strict=True))

"""The steps of a time grid as bars as wide and as high as they are long."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF, QTransform

from dnf_studio.gui.drawing.layers.device import DeviceLayer

__all__ = ["StepsLayer", "staircase"]

MOST = 400
APART = 4.0
"""Pixels a step must have for an edge of its own."""
Array = NDArray[np.float64]


class StepsLayer(DeviceLayer):
    """Bars from t_i to t_{i+1} of height Δt_i, the current one set off; another grid as an outline over them."""

    def __init__(self) -> None:
        super().__init__()
        self._t: Array = np.empty(0)
        self._own: Array = np.empty(0)
        self._current: int | None = None
        self._fill = self._edge = self._mark = self._outline = QColor()

    def set_grid(self, t: Array, own: Array) -> None:
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
        if self._current is not None and self._current < len(self._t) - 1:
            left, right = self._t[self._current : self._current + 2]
            bar = transform.mapRect(QRectF(left, 0, right - left, right - left))
            wide = max(2.0, bar.width())
            painter.fillRect(QRectF(bar.center().x() - wide / 2, bar.top(), wide, bar.height()), self._mark)
        if len(self._own) > 1:
            painter.setPen(QPen(self._outline, 1, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolyline(self._polygon(self._own, transform))

    def _polygon(self, t: Array, transform: QTransform) -> QPolygonF:
        return transform.map(QPolygonF([QPointF(x, y) for x, y in staircase(t)]))


def staircase(t: Array) -> list[tuple[float, float]]:
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

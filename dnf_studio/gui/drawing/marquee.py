"""Rectangles and lassos drawn in a plot with the left button; the middle one still pans and the right one zooms."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from pyqtgraph.GraphicsScene.mouseEvents import MouseDragEvent
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF, QTransform

from dnf_studio.gui.drawing.layers.device import DeviceLayer, to_device
from dnf_studio.gui.drawing.theme import LIGHT, Theme

__all__ = ["Marquee", "SelectBox"]

APART = 2.0
"""Pixels between two corners of a lasso; nearer ones change nothing that is seen."""
FILL = 0.12
Array = NDArray[np.float64]


class Marquee(DeviceLayer):
    """The outline of the region while it is drawn, with a light fill."""

    def __init__(self) -> None:
        super().__init__()
        self.setZValue(20)
        self._corners: Array = np.empty((0, 2))
        self._theme = LIGHT

    def set_corners(self, corners: Array) -> None:
        """Show the region with these `corners` (K, 2), plot units."""
        self._corners = corners
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the accent of `theme`, with a halo of its ground."""
        self._theme = theme
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """A dashed line that stands out from whatever is below."""
        if len(self._corners) < 2:
            return
        places = to_device(self._corners.astype(np.float32), transform)
        outline = QPolygonF([QPointF(x, y) for x, y in places.tolist()])
        fill = QColor(self._theme.accent)
        fill.setAlphaF(FILL)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setBrush(fill)
        painter.setPen(QPen(QColor(self._theme.base), 3))
        painter.drawPolygon(outline, Qt.FillRule.OddEvenFill)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(self._theme.accent), 1, Qt.PenStyle.DashLine))
        painter.drawPolygon(outline)


class SelectBox(pg.ViewBox):  # type: ignore[misc]
    """A ViewBox in which, with a tool, a drag with the left button draws a region instead of moving the view."""

    region_drawn = Signal(object, object)
    """Corners (K, 2) in plot units, and the keyboard modifiers with which the drag began."""

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self._tool = ""
        self._corners: list[QPointF] = []
        self._modifiers = Qt.KeyboardModifier.NoModifier
        self._marquee: Marquee | None = None
        self._theme = LIGHT

    def set_tool(self, tool: str) -> None:
        """``rectangle``, ``lasso``, or nothing for none: the left button moves the view."""
        self._tool = tool

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        if self._marquee is not None:
            self._marquee.set_theme(theme)

    def mouseDragEvent(self, ev: MouseDragEvent, axis: int | None = None) -> None:
        """Called by pyqtgraph; positions are pixels of this box."""
        if not self._tool or axis is not None or ev.button() != Qt.MouseButton.LeftButton:
            super().mouseDragEvent(ev, axis)
            return
        ev.accept()
        if ev.isStart():
            self._modifiers = ev.modifiers()
            self._corners = [QPointF(ev.buttonDownPos())]
        self._follow(QPointF(ev.pos()))
        corners = self._region()
        if ev.isFinish():
            self._corners = []
            self._outline().set_corners(np.empty((0, 2)))
            self.region_drawn.emit(corners, self._modifiers)
        else:
            self._outline().set_corners(corners)

    def _follow(self, place: QPointF) -> None:
        if self._tool == "rectangle":
            self._corners[1:] = [place]
        elif (place - self._corners[-1]).manhattanLength() >= APART:
            self._corners.append(place)

    def _region(self) -> Array:
        """What is drawn so far, in plot units."""
        places = [self.mapToView(place) for place in self._corners]
        if self._tool == "rectangle" and len(places) == 2:
            (x1, y1), (x2, y2) = ((float(place.x()), float(place.y())) for place in places)
            return np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
        return np.array([(float(place.x()), float(place.y())) for place in places])

    def _outline(self) -> Marquee:
        if self._marquee is None:
            self._marquee = Marquee()
            self._marquee.set_theme(self._theme)
            self.addItem(self._marquee, ignoreBounds=True)
        return self._marquee

"""Choosing points with the mouse: what lies under the pointer, and rectangles and lassos drawn by the left button."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from pyqtgraph.GraphicsScene.mouseEvents import MouseDragEvent
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF, QTransform

from dnf_studio.gui.drawing.layers.device import DeviceLayer, to_device
from dnf_studio.gui.drawing.theme import LIGHT, Theme

POINT_REACH = 8.0
PATH_REACH = 4.0
Array = NDArray[np.float32]
Rows = NDArray[np.intp]


def adds(modifiers: Qt.KeyboardModifier) -> bool:
    """Whether a click with `modifiers` adds to what is chosen, or takes away from it."""
    return bool(modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier))


def to_pixels(box: pg.ViewBox) -> QTransform:
    """From plot units to the scene's pixels, in which clicks come."""
    return QTransform(box.childGroup.sceneTransform())


def nearest_point(points: Array, transform: QTransform, at: QPointF, reach: float = POINT_REACH) -> int | None:
    """The point of `points` (P, 2), plot units, nearest to `at`; None where all are farther than `reach` pixels."""
    if not len(points):
        return None
    away = to_device(points, transform) - np.array([at.x(), at.y()], np.float32)
    return _least(np.hypot(away[:, 0], away[:, 1]), reach)


def nearest_path(paths: Array, transform: QTransform, at: QPointF) -> int | None:
    """The path of `paths` (N+1, P, 2), plot units, that passes nearest to `at`; None beyond `PATH_REACH` pixels."""
    if len(paths) < 2 or not paths.shape[1]:
        return None
    xy = to_device(paths, transform) - np.array([at.x(), at.y()], np.float32)
    start, step = xy[:-1], np.diff(xy, axis=0)
    with np.errstate(invalid="ignore"):
        way = -(start * step).sum(-1) / np.maximum((step * step).sum(-1), 1e-9)
        away = start + step * np.clip(way, 0, 1)[..., None]
        distances = np.hypot(away[..., 0], away[..., 1])
    return _least(np.where(np.isfinite(distances), distances, np.inf).min(axis=0), PATH_REACH)


def nearest(points: Array | None, paths: Array | None, box: pg.ViewBox, at: QPointF) -> int | None:
    """The point under `at`, scene pixels, or where there is none the path; either may be out of sight, None."""
    found = None if points is None else nearest_point(points, to_pixels(box), at)
    return nearest_path(paths, to_pixels(box), at) if found is None and paths is not None else found


def existing(selection: Sequence[int] | Rows, count: int) -> Rows:
    """The chosen points that a display set of `count` has, in their order."""
    rows = np.asarray(selection, np.intp)
    return rows[rows < count]


def sampled(rows: Rows, most: int) -> Rows:
    """At most `most` of `rows`, evenly spread, with the first and the last."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).round().astype(np.intp)]


def _least(distances: Array, reach: float) -> int | None:
    finite = np.where(np.isfinite(distances), distances, np.inf)
    nearest = int(np.argmin(finite))
    return nearest if finite[nearest] <= reach else None


APART = 2.0
"""Pixels between two corners of a lasso; nearer ones change nothing that is seen."""
FILL = 0.12
Corners = NDArray[np.float64]


class Marquee(DeviceLayer):
    """The outline of the region while it is drawn, with a light fill."""

    def __init__(self) -> None:
        super().__init__()
        self.setZValue(20)
        self._corners: Corners = np.empty((0, 2))
        self._theme = LIGHT

    def set_corners(self, corners: Corners) -> None:
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

    def _region(self) -> Corners:
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

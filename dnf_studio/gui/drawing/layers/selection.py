"""What is chosen: whole paths and where they stand, above everything else.

A line with a halo in the colour of the ground and a ring at the time cursor stand out by shape and
lightness, not by hue alone. Qt strokes wide antialiased lines slowly and thin ones quickly (one path
of 1,000 steps: 10 against 0.1 ms), so a line is four thin ones side by side and the halo has no
antialiasing, which nobody sees in the colour of the ground: 0.2 ms for one path of 30 steps, 0.8 for
twenty with their rings. More than twenty paths are one faint picture, as those below them are, and
more than fifty points are dots in the colour of what is chosen.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pyqtgraph.Qt import internals
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QTransform

from dnf_studio.gui.drawing.layers.device import DeviceLayer, to_device
from dnf_studio.gui.drawing.layers.paths import PathsLayer
from dnf_studio.gui.drawing.layers.points import PointsLayer

HALO = 5
SIDES = np.array([(-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5)], np.float32)
RING = 5.0
MAX_LINES = 20
"""Most selected paths drawn as lines of their own; with more only the current one is, as they would hide each other."""
MAX_BUNDLE = 500
"""Paths worth giving to the layer; more look no different."""
MAX_RINGS = 50
"""More points are dots, the current one alone keeps its ring."""
MAX_NODES = 300
Array = NDArray[np.float32]


class SelectionLayer(DeviceLayer):
    """The chosen paths and points; the last one is the current one, with a halo and a filled ring."""

    def __init__(self, colour: str = "#000000", ground: str = "#ffffff") -> None:
        super().__init__()
        self.setZValue(10)
        self._paths: Array = np.empty((0, 0, 2), np.float32)
        self._points: Array = np.empty((0, 2), np.float32)
        self._colour, self._ground = colour, ground
        self._lines = internals.PrimitiveArray(QLineF, 4)
        # Drawn from here, not by the scene
        self._bundle, self._dots = PathsLayer(colour, alpha=0.14, most=0.6), PointsLayer(colour, alpha=0.9)

    def set_paths(self, paths: Array) -> None:
        """Draw `paths` (N+1, K, 2), plot units."""
        if paths.size or self._paths.size:
            many = paths.shape[1] > MAX_LINES
            self._paths = _thinned(paths[:, -1:] if many else paths)
            self._bundle.set_paths(paths[:, :-1] if many else paths[:, :0])
            self.update()

    def set_points(self, points: Array) -> None:
        """Ring `points` (K, 2), plot units: where the paths are at the time cursor."""
        if len(points) or len(self._points):
            many = len(points) > MAX_RINGS
            self._points = points[-1:] if many else points
            self._dots.set_points(points[:-1] if many else points[:0])
            self.update()

    def set_colours(self, colour: str, ground: str) -> None:
        """Draw in `colour` with halos of `ground`."""
        self._colour, self._ground = colour, ground
        self._bundle.set_colour(colour)
        self._dots.set_colour(colour)
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """Lines, then dots and rings; nothing where nothing is chosen."""
        if not (self._paths.size or len(self._points)):
            return
        colour, ground = QColor(self._colour), QColor(self._ground)
        self._bundle.draw(painter, transform, area)
        if len(self._paths) > 1 and self._paths.shape[1]:
            xy = to_device(self._paths, transform)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            self._draw_lines(painter, QPen(ground, HALO), xy[:, -1:])
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._draw_lines(painter, QPen(colour, 1), xy[:, :-1])
            for side in SIDES:
                self._draw_lines(painter, QPen(colour, 1), xy[:, -1:] + side)
        self._dots.draw(painter, transform, area)
        self._draw_rings(painter, transform, area)

    def _draw_rings(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        colour, ground = QColor(self._colour), QColor(self._ground)
        near = area.adjusted(-RING, -RING, RING, RING)
        places = [QPointF(x, y) for x, y in to_device(self._points, transform).tolist()]
        # A rectangle holds every NaN
        inside = [place for place in places if near.contains(place) and math.isfinite(place.x() + place.y())]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen, some in ((QPen(ground, 4), inside[-MAX_LINES:]), (QPen(colour, 1.4), inside)):
            painter.setPen(pen)
            for place in some:
                painter.drawEllipse(place, RING, RING)
        if inside and inside[-1] is places[-1]:
            painter.setPen(QPen(colour, 2))
            painter.drawEllipse(inside[-1], RING, RING)
            painter.setBrush(colour)
            painter.drawEllipse(inside[-1], 1.5, 1.5)

    def _draw_lines(self, painter: QPainter, pen: QPen, xy: Array) -> None:
        """One call for all steps of the paths `xy` (N+1, K, 2), device pixels."""
        lines = np.concatenate([xy[:-1], xy[1:]], axis=-1).reshape(-1, 4)
        lines = lines[np.isfinite(lines).all(axis=1)]
        self._lines.resize(len(lines))
        self._lines.ndarray()[:] = lines
        painter.setPen(pen)
        painter.drawLines(*self._lines.drawargs())


def _thinned(paths: Array) -> Array:
    """At most 300 nodes of one path, fewer of each of several: more cannot be told apart."""
    most = min(MAX_NODES, max(60, 1200 // max(1, paths.shape[1])))
    if len(paths) <= most:
        return paths
    kept: Array = paths[np.linspace(0, len(paths) - 1, most).round().astype(int)]
    return kept

"""The same scene as our layers and as plain items of pyqtgraph. Imports Qt, so only `drawing` imports it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from dnf_studio.gui.drawing.layers.paths import PathsLayer
from dnf_studio.gui.drawing.layers.points import PointsLayer
from dnf_studio.gui.drawing.layers.trails import TrailsLayer, at_position, trailing_part
from dnf_studio.gui.drawing.theme import LIGHT

WIDTH, HEIGHT = 700, 600
HALF = 3.5
ALPHA = 160
Array = NDArray[np.float32]


@cache
def ensure_application() -> QApplication:
    """The application there is, or one that needs no display; it lives as long as the process."""
    app = QApplication.instance()
    return app if isinstance(app, QApplication) else QApplication(["dnf-studio", "-platform", "offscreen"])


class Canvas(ABC):
    """A plot of fixed range with points, trails and the first `paths` of the paths `states` (N+1, P, 2)."""

    def __init__(self, states: Array, paths: int) -> None:
        self._states, self._paths = states, np.ascontiguousarray(states[:, :paths])
        self._mirrored = -self._paths
        self._plot = pg.PlotWidget(background=LIGHT.base)
        self._plot.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
        self._plot.resize(WIDTH, HEIGHT)
        box = self._plot.getViewBox()
        box.disableAutoRange()
        box.setRange(QRectF(-HALF, -HALF, 2 * HALF, 2 * HALF), padding=0)
        self._add_items()
        self._set_paths(self._paths)
        self._plot.show()

    def draw(self, position: float, new: bool) -> None:
        """One frame with the cursor at `position`; with `new` the paths are others, those before in a mirror."""
        if new:
            # Of the same ones a picture would be kept
            self._paths, self._mirrored = self._mirrored, self._paths
            self._set_paths(self._paths)
        self._set_points(at_position(self._states, position))
        self._set_trails(trailing_part(self._paths, position, True))
        self._plot.grab()

    def close(self) -> None:
        """Take it away."""
        self._plot.close()
        self._plot.deleteLater()

    @abstractmethod
    def _add_items(self) -> None:
        """Put what is drawn into the plot."""

    @abstractmethod
    def _set_paths(self, paths: Array) -> None:
        """Show `paths` (N+1, P, 2)."""

    @abstractmethod
    def _set_points(self, points: Array) -> None:
        """Show `points` (P, 2)."""

    @abstractmethod
    def _set_trails(self, trails: Array) -> None:
        """Show `trails` (K+1, P, 2)."""


class LayersCanvas(Canvas):
    """Our layers."""

    def _add_items(self) -> None:
        self._curves, self._trails = PathsLayer(LIGHT.forward), TrailsLayer(LIGHT.forward)
        self._points = PointsLayer(LIGHT.forward)
        for layer in (self._curves, self._trails, self._points):
            self._plot.addItem(layer, ignoreBounds=True)

    def _set_paths(self, paths: Array) -> None:
        self._curves.set_paths(paths)

    def _set_points(self, points: Array) -> None:
        self._points.set_points(points)

    def _set_trails(self, trails: Array) -> None:
        self._trails.set_trails(trails)


class ItemsCanvas(Canvas):
    """What pyqtgraph offers: all paths as one curve with gaps, which is its fast way, and a scatter plot."""

    def _add_items(self) -> None:
        colour = QColor(LIGHT.forward)
        colour.setAlpha(ALPHA)
        self._curves = pg.PlotCurveItem(pen=pg.mkPen(colour))
        self._trails = pg.PlotCurveItem(pen=pg.mkPen(colour))
        self._points = pg.ScatterPlotItem(size=4, pen=None, brush=pg.mkBrush(colour))
        for item in (self._curves, self._trails, self._points):
            self._plot.addItem(item, ignoreBounds=True)

    def _set_paths(self, paths: Array) -> None:
        _set_curves(self._curves, paths)

    def _set_points(self, points: Array) -> None:
        self._points.setData(x=points[:, 0], y=points[:, 1])

    def _set_trails(self, trails: Array) -> None:
        _set_curves(self._trails, trails)


def _set_curves(item: pg.PlotCurveItem, paths: Array) -> None:
    """Paths (K+1, P, 2) one after the other, the end of each not joined to the next."""
    x, y = (np.ascontiguousarray(paths[..., k].T).ravel() for k in (0, 1))
    joined = np.ones((paths.shape[1], paths.shape[0]), np.uint8)
    joined[:, -1] = 0
    item.setData(x=x, y=y, connect=joined.ravel())

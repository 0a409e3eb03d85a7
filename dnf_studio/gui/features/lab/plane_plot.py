"""Clouds of samples and a few paths in the plane that the views show."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Slot
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.drawing.axes import half_range
from dnf_studio.gui.drawing.layers.points import PointsLayer
from dnf_studio.gui.drawing.layers.trails import TrailsLayer
from dnf_studio.gui.drawing.plot import Plot

NO_POINTS = np.empty((0, 2), np.float32)
Array = NDArray[np.float32]


class _Square(Plot):
    """A plane with a fixed range, which linked planes share."""

    whole = False
    """Whether the range is wide enough to show the noise, too."""

    def add_parts(self) -> None:
        """Fix the range."""
        self._half = 0.0
        self._linked: list[_Square] = []
        self.box.setAspectLocked(True)
        self.box.sigRangeChangedManually.connect(self._range_chosen)
        self.fit(NO_POINTS)

    def link(self, other: _Square) -> None:
        """Pan and zoom together with `other`."""
        self._linked.append(other)
        other._linked.append(self)

    def fit(self, points: Array) -> None:
        """Fix the range for `points` (P, 2)."""
        half = half_range(points) if self.whole else _half_of(points)
        if half != self._half:
            self._half = half
            self.reset_view()

    def reset_view(self) -> None:
        """Back to the fixed range, in linked planes too."""
        half = self._half
        for plot in (self, *self._linked):
            plot.box.setRange(QRectF(-half, -half, 2 * half, 2 * half), padding=0)

    @Slot(object)
    def _range_chosen(self, _: object) -> None:
        for other in self._linked:
            other.box.setRange(self.box.viewRect(), padding=0)


class CloudPlot(_Square):
    """One cloud of samples over a paler one that it is compared with."""

    def add_parts(self) -> None:
        """Add both clouds."""
        super().add_parts()
        self._others, self._points = PointsLayer(self.theme.data, alpha=0.4), PointsLayer(self.theme.backward)
        for layer in (self._others, self._points):
            self.plot.addItem(layer, ignoreBounds=True)

    def show_clouds(self, points: Array, others: Array) -> None:
        """Draw `points` over `others`, each (P, 2)."""
        self.set_empty(not len(points) and not len(others))
        self.fit(others if len(others) else points)
        self._others.set_points(others)
        self._points.set_points(points)

    def recolour(self) -> None:
        """Also both clouds."""
        super().recolour()
        self._others.set_colour(self.theme.data)
        self._points.set_colour(self.theme.backward)


class PathsPlot(_Square):
    """A few paths of one process: thick with dots at View N, thin on the finest grid; a ring where each ends."""

    whole = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Coarse over fine",
            "The same points, and Brownian paths where there is noise: dots at View N, thin lines on the finest grid.",
            "Compute shows the paths at View N over those of the finest grid.",
            parent,
        )

    def add_parts(self) -> None:
        """Add paths, nodes and ends."""
        super().add_parts()
        self._direction = "forward"
        self._fine, self._coarse = TrailsLayer(self.theme.text, 0.55), TrailsLayer(self.theme.forward, 0.9)
        self._nodes, self._ends = pg.ScatterPlotItem(size=5), pg.ScatterPlotItem(size=10)
        for item in (self._fine, self._coarse, self._nodes, self._ends):
            self.plot.addItem(item, ignoreBounds=True)

    def show_paths(self, coarse: Array, fine: Array, direction: str) -> None:
        """Draw `coarse` (N+1, P, 2) over `fine` (M+1, P, 2), row i at t_i."""
        self._direction = direction
        self.set_empty(not coarse.size)
        self._coarse.set_trails(coarse)
        self._fine.set_trails(fine)
        self._nodes.setData(pos=_finite(coarse.reshape(-1, 2)))
        end = -1 if direction == "forward" else 0
        self._ends.setData(pos=_finite(np.concatenate([coarse[end], fine[end]]) if coarse.size else NO_POINTS))
        self.recolour()

    def show_range(self, points: Array) -> None:
        """See all of `points` (P, 2)."""
        finite = _finite(points)
        if len(finite):
            low, high = finite.min(axis=0), finite.max(axis=0)
            side = max(0.05, 1.1 * float((high - low).max()))
            x, y = (float(v) for v in (low + high) / 2)
            self.box.setRange(QRectF(x - side / 2, y - side / 2, side, side), padding=0)

    def recolour(self) -> None:
        """Also the paths."""
        super().recolour()
        colour = self.theme.direction(self._direction)
        self._fine.set_colour(self.theme.text)
        self._coarse.set_colour(colour)
        self._nodes.setPen(pg.mkPen(self.theme.base))
        self._nodes.setBrush(pg.mkBrush(colour))
        self._ends.setPen(pg.mkPen(self.theme.accent, width=1.5))
        self._ends.setBrush(pg.mkBrush(None))


def _half_of(points: Array) -> float:
    """Half of the range that shows all but single far points, in even steps."""
    sizes = np.abs(points[np.isfinite(points).all(axis=-1)])
    reach = 1.08 * float(np.quantile(sizes, 0.998)) if sizes.size else 3.3
    return float(1.15 ** math.ceil(math.log(max(reach, 1e-3)) / math.log(1.15)))


def _finite(points: Array | Sequence[Array]) -> NDArray[np.float64]:
    rows = np.asarray(points, np.float64)
    kept: NDArray[np.float64] = rows[np.isfinite(rows).all(axis=-1)]
    return kept

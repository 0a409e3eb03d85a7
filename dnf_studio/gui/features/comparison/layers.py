"""What is drawn of B over a view: its points, paths and chosen ones in a second colour, and B − A of the density."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Slot

from dnf_studio.gui.drawing.layers.difference import DifferenceLayer
from dnf_studio.gui.drawing.layers.paths import PathsLayer
from dnf_studio.gui.drawing.layers.points import PointsLayer
from dnf_studio.gui.drawing.layers.selection import MAX_BUNDLE, SelectionLayer
from dnf_studio.gui.drawing.layers.trails import at_position, at_step, over_steps
from dnf_studio.gui.drawing.notice import Notice
from dnf_studio.gui.drawing.picking import existing, sampled
from dnf_studio.gui.drawing.point_plot import KEYS, LINES, MAPS, POINTS, PointPlot, ProcessPlot
from dnf_studio.gui.drawing.theme import DIRECTIONS, LIGHT, Theme

MAX_PATHS = 500
MARGIN = 6
Array = NDArray[np.float32]
NONE = np.empty((0, 0, 2), np.float32)


class SecondLayers:
    """Draws over one process view, of either model; what is not wanted costs nothing."""

    def __init__(self, view: ProcessPlot) -> None:
        self._view, self._theme = view, LIGHT
        self._first, self._second = NONE, NONE
        self._drawn = NONE
        self._rows = existing((), 0)
        self._fraction, self._subject = 0.0, tuple[object, ...]()
        self._over, self._changes, self._layers = False, False, frozenset[str]()
        colour = self._theme.second
        self.points, self.paths = PointsLayer(colour), PathsLayer(colour)
        self.chosen = SelectionLayer()
        self.change = DifferenceLayer(f"{view.direction}_change", ("A", "B"))
        for depth, layer in (
            (MAPS + 3, self.change),
            (LINES - 1, self.paths),
            (POINTS - 1, self.points),
            (POINTS + 1, self.chosen),
            (KEYS + 1, self.change.key),
        ):
            layer.setZValue(depth)
            view.plot.addItem(layer, ignoreBounds=True)
        self.legend = Notice(view.plot, "What is drawn of B", rank=1)
        view.box.sigResized.connect(self._place_legend)
        self._show()
        view.add_overlay(self)

    def recolour(self, theme: Theme) -> None:
        """Give every part the colours of `theme`."""
        self._theme = theme
        for layer in (self.points, self.paths):
            layer.set_colour(theme.second)
        self.chosen.set_colours(theme.second, theme.base)
        self.change.set_theme(theme)
        self.legend.set_theme(theme)
        self._say()

    def want(self, over: bool, changes: bool, layers: frozenset[str]) -> None:
        """Draw B over the view, where `over`, by those of the view's `layers`, and where it `changes`, B − A."""
        self._over, self._changes, self._layers = over, changes, layers
        self._show()

    @property
    def wanted(self) -> bool:
        """Whether anything is drawn."""
        return self._over or self._changes

    @property
    def held(self) -> bool:
        """Whether there is anything to let go."""
        return len(self._second) > 0

    def clear(self) -> None:
        """Let go of all paths."""
        self._first = self._second = self._drawn = NONE
        self.paths.set_paths(NONE)
        self.points.set_points(np.empty((0, 2), np.float32))
        self.chosen.set_paths(NONE)
        self.chosen.set_points(np.empty((0, 2), np.float32))
        self.change.set_clouds(NONE, NONE, 0.0, None)

    def set_planes(self, first: Callable[[], Array], second: Callable[[], Array], subject: tuple[object, ...]) -> None:
        """The paths of A and of B in the plane of the view, (N+1, P, 2) each, called where they are wanted; another
        `subject` sets the limits of colours at once."""
        self._first, before = first() if self._changes else NONE, self._second
        self._second, self._subject = second() if self.wanted else NONE, subject
        paths = self._second if self._over else NONE
        # The same paths are a picture already
        if before is not self._second or self._drawn is not paths:
            self._drawn = paths
            self.paths.set_paths(paths[:, :MAX_PATHS])

    def set_chosen(self, rows: NDArray[np.intp]) -> None:
        """Set these points of B off."""
        self._rows = rows
        shown = existing(rows, self._second.shape[1])
        self.chosen.set_paths(self._second[:, sampled(shown, MAX_BUNDLE)])
        self.set_cursor(self._fraction)

    def set_cursor(self, fraction: float, changes: bool = True) -> None:
        """Follow the time cursor, 0 at the data … 1 at the noise; B − A stays for a moment unless it `changes`."""
        self._fraction = fraction
        if self._over and len(self._second):
            points = at_position(self._second, fraction * (len(self._second) - 1))
            self.points.set_points(points)
            self.chosen.set_points(points[existing(self._rows, len(points))])
        if self._changes and changes:
            # B first: what it has more of is the upper end
            self.change.set_clouds(self._second, self._first, fraction * max(0, len(self._second) - 1), self._subject)

    def _show(self) -> None:
        self.points.setVisible(self._over and "points" in self._layers)
        self.paths.setVisible(self._over and "paths" in self._layers)
        self.chosen.setVisible(self._over)
        # Or the difference is hidden where there are most points
        self._view.let_through(self._changes)
        for layer in (self.points, self.paths):
            layer.step_back(self._changes)
        self.change.setVisible(self._changes)
        self.change.key.setVisible(self._changes)
        if not self._over:
            self.points.set_points(np.empty((0, 2), np.float32))
        self._say()

    def _say(self) -> None:
        """Name the colours, each in a line."""
        theme, said = self._theme, list[str]()
        own = theme.direction(self._view.direction)
        if self._over:
            said.append(f'<span style="color:{own}">●</span> A &nbsp;<span style="color:{theme.second}">●</span> B')
        if self._changes:
            said.append("B − A of the density, beyond chance")
        self.legend.setVisible(bool(said))
        self.legend.setText("<br>".join(said))
        self._place_legend()

    @Slot()
    def _place_legend(self, _: object = None) -> None:
        """At the upper left of what the axes enclose."""
        corner = self._view.plot.mapFromScene(self._view.box.sceneBoundingRect().topLeft())
        self.legend.adjustSize()
        self.legend.stand(QPoint(corner.x() + MARGIN, corner.y() + MARGIN))


class SecondTimeLayers:
    """One component of B's paths over the steps of A, at the same fractions of the way, in the second colour.

    Of data with one component this is the only view of both.
    """

    def __init__(self, view: PointPlot) -> None:
        self._values: Mapping[str, Array] = {}
        self._steps, self._subject = 0, tuple[object, ...]()
        self.paths = {name: PathsLayer(LIGHT.second, alpha=0.07, most=0.4) for name in DIRECTIONS}
        self.points = {name: PointsLayer(LIGHT.second, diameter=2.6, alpha=0.45) for name in DIRECTIONS}
        for layer in (*self.paths.values(), *self.points.values()):
            view.plot.addItem(layer, ignoreBounds=True)

    def recolour(self, theme: Theme) -> None:
        """Draw in the colour of `theme`."""
        for layer in (*self.paths.values(), *self.points.values()):
            layer.set_colour(theme.second)

    def show(self, values: Mapping[str, Array], steps: int, subject: tuple[object, ...]) -> None:
        """By direction the `values` (N+1, P) of B, drawn over so many `steps` of A; nothing where there is none. Those
        of the same `subject` are drawn already."""
        same = len(subject) == len(self._subject) and all(a is b for a, b in zip(subject, self._subject, strict=True))
        if (not values and not self._values) or (values and self._values and same and steps == self._steps):
            return
        self._subject = subject
        self._values, self._steps = {name: rows[:, :MAX_PATHS] for name, rows in values.items()}, steps
        for name in DIRECTIONS:
            rows = self._values.get(name, NONE[..., 0])
            self.paths[name].set_paths(over_steps(rows) * np.array([self._scale(rows), 1], np.float32))
            self.points[name].set_points(np.empty((0, 2), np.float32))

    def set_cursor(self, fraction: float) -> None:
        """Follow the time cursor, 0 at the data … 1 at the noise."""
        for name, rows in self._values.items():
            points = at_step(rows, fraction * (len(rows) - 1))
            self.points[name].set_points(points * np.array([self._scale(rows), 1], np.float32))

    def _scale(self, rows: Array) -> float:
        """How many steps of A one of B is."""
        return self._steps / max(1, len(rows) - 1)

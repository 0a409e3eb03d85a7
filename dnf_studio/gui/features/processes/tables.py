"""What the views of both processes show, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QGraphicsItem

from dnf_studio.core.exploration.projection import PrincipalComponents
from dnf_studio.gui.drawing.caption import DirectionSwitch
from dnf_studio.gui.drawing.layers.crowd import CrowdPlanes
from dnf_studio.gui.drawing.layers.device import DeviceLayer
from dnf_studio.gui.drawing.layers.points import PointsLayer
from dnf_studio.gui.drawing.layers.scale import MAX_PATHS
from dnf_studio.gui.drawing.layers.trails import at_position
from dnf_studio.gui.drawing.point_plot import PointPlot, ProcessPlot
from dnf_studio.gui.drawing.telling import Numbers, Sign, column_name, in_units, long_table
from dnf_studio.gui.drawing.theme import DIRECTIONS
from dnf_studio.gui.drawing.units import STANDARDISED, Units
from dnf_studio.gui.features.processes.time_header import ComponentBox, NamedAxes, named_axes
from dnf_studio.workers.frames import Frame

CHOSEN = ", chosen in the Data panel"
Array = NDArray[np.float32]


class PlaneTables(ProcessPlot):
    """The plane that the view of one process shows, its points in it as a table, and a twin for figures."""

    _frame: Frame | None
    _planes: Array
    _named: bool
    """Whether the data has more than two components, which are named at the axes."""
    _position: float
    _axes: tuple[int, int]
    _units: Units
    _principal: PrincipalComponents | None
    _across_and_up: NamedAxes
    _selection: NDArray[np.intp]
    _crowd: CrowdPlanes
    _most: int
    _points: PointsLayer
    _density: DeviceLayer
    _other: DeviceLayer
    _difference: DeviceLayer

    def set_axes(self, a: int, b: int) -> None:
        """Show component `a` across and `b` up."""
        if (a, b) != self._axes:
            self._axes = a, b
            self._label_axes()
            self._take_points()

    def set_units(self, units: Units) -> None:
        """Write what is across and up in these."""
        if units != self._units:
            self._units = units
            self._label_axes()

    def set_projection(self, principal: PrincipalComponents | None) -> None:
        """Show the first two principal components instead of a pair of components, or the pair again."""
        if principal is not self._principal:
            self._principal = principal
            self._label_axes()
            self._take_points()

    def numbers(self) -> Numbers | None:
        """The points at the time cursor, in the plane and the units that are shown."""
        if self._frame is None:
            return None
        position = float(np.clip(self._position, 0, len(self._planes) - 1))
        return point_table(self._planes, position, self._frame.t, self._across_and_up)

    def twin(self, frame: Frame) -> ProcessPlot:
        """A view of `frame` with the plane, range, units and layers of this one but for paths, which are of all times;
        where it is the frame of this one too, also with its selection and colours of points."""
        twin: Any = self.another()
        twin.set_axes(*self._axes)
        twin.set_units(self._units)
        twin.set_projection(self._principal)
        twin.set_frame(frame)
        shown = {"density": self._density, "overlay": self._other, "difference": self._difference}
        layers = {name for name, layer in shown.items() if layer.isVisible()}
        twin.set_layers(frozenset(layers | ({"points"} if self._points.isVisible() or not layers else set())))
        if frame is self._frame:
            twin._kept = self._kept
            twin.by_point.show(self.coloured[self.direction].shown)
            twin.set_crowd(self._crowd.crowd, self._most)
            twin.set_frame(frame)
            twin.set_selection(self._selection)
        (left, right), (low, high) = self.box.targetRange()
        twin.box.setRange(QRectF(left, low, right - left, high - low), padding=0)
        made: ProcessPlot = twin
        return made

    def _plane_of(self, paths: Array) -> Array:
        """The two coordinates of `paths` (…, D) that are shown, (…, 2)."""
        if self._principal is not None and len(self._principal.mean) == paths.shape[-1]:
            return self._principal.project(paths)
        # A copy of 50,000 paths would take 12 ms a frame
        both = self._axes == (0, 1) and paths.shape[-1] == 2
        return paths if both else np.ascontiguousarray(paths[..., list(self._axes)])

    def _label_axes(self) -> None:
        """Names as tooltips, and written at the axes of data with more than two components."""
        self._across_and_up = named_axes(self._axes, self._units, self._principal)
        for side, (name, unit) in zip(("bottom", "left"), self._across_and_up, strict=True):
            self.name_axis(side, name, self._named or self._units.of_data, unit, CHOSEN if self._named else "")


class PathTables(PointPlot):
    """What the paths over steps tell beside their picture."""

    _frame: Frame | None
    _component: int
    _units: Units
    _chooser: ComponentBox
    _switches: Mapping[str, DirectionSwitch]
    _values: Mapping[str, Array]
    _points: Mapping[str, PointsLayer]
    _line: pg.InfiniteLine

    def _named_axis(self) -> tuple[str, tuple[float, float]]:
        """What is up: a component in its units, or a direction through all of them, which has none."""
        if self._frame is not None and self._component >= self._frame.forward.shape[2]:
            return f"{self._chooser.currentText()}, standardised", STANDARDISED.map_of(0)
        return self._units.title(self._component), self._units.map_of(self._component)

    def signs(self) -> Sequence[Sign]:
        """Both directions, as far as they are shown and have the one colour."""
        shown = [name for name in DIRECTIONS if self._switches[name].isChecked() and self.coloured[name].shown is None]
        return [Sign(name, self.theme.direction(name)) for name in shown]

    def numbers(self) -> Numbers | None:
        """The paths that are drawn, node by node, of the directions that are shown."""
        if self._frame is None:
            return None
        t, (name, unit) = self._frame.t, self._named_axis()
        shown = [name for name in DIRECTIONS if self._switches[name].isChecked()]
        return path_table({name: self._values[name][:, :MAX_PATHS] for name in shown}, t, name, unit)

    def cursor_items(self) -> Sequence[QGraphicsItem]:
        """The line at the cursor with the points on it."""
        return (self._line, *self._points.values())


def point_table(planes: Array, position: float, t: Array, axes: NamedAxes) -> Numbers:
    """The points of `planes` (N+1, P, 2) at `position`, in node units, without those that are not finite there."""
    points = at_position(planes, position)
    rows = np.flatnonzero(np.isfinite(points).all(axis=1))
    now = float(np.interp(position, np.arange(len(t)), t))
    named = {column_name(name): in_units(points[rows, k], unit) for k, (name, unit) in enumerate(axes)}
    return Numbers({"point": rows, "t": np.full(len(rows), now), **named})


def path_table(values: Mapping[str, Array], t: Array, name: str, unit: tuple[float, float]) -> Numbers:
    """Paths (N+1, P) of each direction node by node, a row each, without those that are not finite; `t` is (N+1,).

    `name` is the title of the axis that they are drawn along, `unit` its unit.
    """
    parts: list[dict[str, object]] = []
    for direction, rows in values.items():
        kept = np.flatnonzero(np.isfinite(rows).all(axis=0))
        parts.append(
            {
                "direction": direction,
                "path": np.repeat(kept, len(t)),
                "node": np.tile(np.arange(len(t)), len(kept)),
                "t": np.tile(t, len(kept)),
                column_name(name): in_units(rows[:, kept].T.ravel(), unit),
            }
        )
    return long_table(parts)

"""The t–x view: one component of the paths over the steps."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent

from dnf_studio.core.exploration.lineage import crossing
from dnf_studio.core.exploration.projection import PrincipalComponents
from dnf_studio.gui.drawing.axes import half_range
from dnf_studio.gui.drawing.caption import DirectionSwitch
from dnf_studio.gui.drawing.layers.paths import PathsLayer
from dnf_studio.gui.drawing.layers.points import PointsLayer
from dnf_studio.gui.drawing.layers.scale import MAX_PATHS, StepColours
from dnf_studio.gui.drawing.layers.selection import MAX_RINGS, SelectionLayer
from dnf_studio.gui.drawing.layers.trails import at_step, over_steps
from dnf_studio.gui.drawing.picking import existing, nearest_point, sampled, to_pixels
from dnf_studio.gui.drawing.point_colours import ColouredByPoint
from dnf_studio.gui.drawing.theme import DIRECTIONS
from dnf_studio.gui.drawing.units import STANDARDISED, Units
from dnf_studio.gui.drawing.words import lost_paths, time_note
from dnf_studio.gui.features.processes.tables import PathTables
from dnf_studio.gui.features.processes.time_header import HELP, ComponentBox, values_of
from dnf_studio.workers.frames import Frame

REACH = 6.0
"""Pixels from a point within which a click chooses it instead of moving the cursor."""
Array = NDArray[np.float32]
NONE = np.empty((0, 0), np.float32)


class TimeView(PathTables):
    """One component of forward and backward paths over the steps i, with the time cursor.

    A click or a drag moves the cursor; a click on a point chooses it. A region drawn over the cursor chooses the points
    in it, one drawn elsewhere the paths that pass through it. Directions and component are chosen in the header.
    """

    cursor_moved = Signal(float)
    component_changed = Signal(int)

    def __init__(self) -> None:
        super().__init__(
            "Paths over steps",
            "One component, step by step.",
            "Open a model or press Train, and its paths are drawn here step by step.",
            help_=HELP,
        )

    def add_parts(self) -> None:
        """Add layers, cursor, switches and the choice of the component."""
        super().add_parts()
        self._frame: Frame | None = None
        self._principal: PrincipalComponents | None = None
        self._values = dict.fromkeys(DIRECTIONS, NONE)
        self._component = 0
        self._units = STANDARDISED
        self._position = 0.0
        self._shown = self._selection = dict.fromkeys(DIRECTIONS, existing((), 0))
        self._listed = "forward"
        self._half = self._steps = 0.0
        self._lost = 0
        self._paths = {name: PathsLayer("#000000", alpha=0.07, most=0.4) for name in DIRECTIONS}
        self._points = {name: PointsLayer("#000000", diameter=2.6, alpha=0.45) for name in DIRECTIONS}
        self._chosen = {name: SelectionLayer() for name in DIRECTIONS}
        for layer in (*self._paths.values(), *self._points.values(), *self._chosen.values()):
            self.plot.addItem(layer, ignoreBounds=True)
        self.coloured = self.by_point = {
            name: ColouredByPoint(name, self._points[name], self._paths[name]) for name in DIRECTIONS
        }
        # In one dimension this is the only view of the paths
        self._legend = self.by_point["forward"].legend
        self.plot.addItem(self._legend, ignoreBounds=True)
        self._line = pg.InfiniteLine(angle=90, movable=True)
        self._line.setCursor(Qt.CursorShape.SizeHorCursor)
        self._line.setZValue(5)
        self._line.sigDragged.connect(self._dragged)
        self.plot.addItem(self._line, ignoreBounds=True)
        self._line.hide()
        self.title_axis("bottom", "Node i of the time grid")
        self.box.setMouseEnabled(x=False, y=True)
        self.box.region_drawn.connect(self._region_drawn)
        self._switches = {name: DirectionSwitch(name, self) for name in DIRECTIONS}
        for name, switch in self._switches.items():
            switch.toggled.connect(partial(self._show_direction, name))
        self._chooser = ComponentBox(self)
        self._chooser.activated.connect(self._component_chosen)
        for place, widget in enumerate((*self._switches.values(), self._chooser), start=1):
            self.header.insertWidget(place, widget)

    @property
    def component(self) -> int:
        """The component shown, 0 … D−1, or D and D+1 for the principal ones."""
        return self._component

    def set_frame(self, frame: Frame | None) -> None:
        """Show `frame`; None empties the view."""
        self._frame = frame
        self.set_empty(frame is None)
        self._line.setVisible(frame is not None)
        if frame is not None:
            self._component = self._chooser.offer(frame.forward.shape[2], self._principal, self._component)
            self._legend.setVisible(frame.forward.shape[2] == 1)
            self._line.setBounds((0, len(frame.t) - 1))
            self._lost = lost_paths(frame.forward) + lost_paths(frame.backward)
        self._take_points()

    def set_cursor(self, position: float) -> None:
        """Move the time cursor to `position` in node units, 0 … N; emits nothing."""
        if position != self._position:
            self._position = position
            self._place()

    def set_component(self, component: int) -> None:
        """Show this component (0 … D−1, or D and D+1 for the principal ones)."""
        if component != self._component:
            self._component = component
            self._chooser.setCurrentIndex(component)
            self._take_points()

    def set_units(self, units: Units) -> None:
        """Write the component in these."""
        self._units = units
        self._name_axis()

    def set_principal(self, principal: PrincipalComponents | None) -> None:
        """Offer these principal components after those of the data."""
        if principal is not self._principal:
            self._principal = principal
            if self._frame is not None:
                self._component = self._chooser.offer(self._frame.forward.shape[2], self._principal, self._component)
                self._take_points()

    def show_selection(self, chosen: Mapping[str, NDArray[np.intp]], listed: str) -> None:
        """Set these points of each direction off, with their paths; many chosen in both, which would cover all, only
        where their paths are `listed`."""
        self._selection, self._listed = dict(chosen), listed
        self._show_chosen()

    def _name_axis(self) -> None:
        name, unit = self._named_axis()
        self.name_axis("left", name, self._units.of_data, unit)

    def _show_chosen(self) -> None:
        count = self._values["forward"].shape[1]
        rows = {name: sampled(existing(some, count), MAX_PATHS) for name, some in self._selection.items()}
        many = max(map(len, rows.values())) > MAX_RINGS
        if many and all(map(len, rows.values())):
            rows = {name: some if name == self._listed else some[-1:] for name, some in rows.items()}
        self._shown = rows
        for name in DIRECTIONS:
            self._chosen[name].set_paths(over_steps(self._values[name][:, rows[name]]))
            for layer in (self._paths[name], self._points[name]):
                layer.step_back(many)
        self._place()

    def set_tool(self, tool: str) -> None:
        """Also, a region may begin on the cursor's line."""
        super().set_tool(tool)
        self._line.setMovable(not tool)
        self._line.setCursor(Qt.CursorShape.CrossCursor if tool else Qt.CursorShape.SizeHorCursor)

    def set_step_colours(self, colours: StepColours | None) -> None:
        """Draw each step of the forward paths, then above the others, in its own colour, or all in theirs."""
        self._paths["forward"].set_steps(colours)
        self._paths["backward"].setZValue(0 if colours is None else -1)

    def set_layers(self, layers: frozenset[str]) -> None:
        """Show exactly these of ``forward`` and ``backward``."""
        for name in DIRECTIONS:
            with QSignalBlocker(self._switches[name]):
                self._switches[name].setChecked(name in layers)
            self._show_direction(name)

    def reset_view(self) -> None:
        """All steps, and the range that data and noise ask for."""
        half = self._half or half_range(np.empty(0, np.float32))
        steps = len(self._frame.t) - 1 if self._frame is not None else 1
        self.box.setRange(xRange=(0, steps), yRange=(-half, half), padding=0.03)

    def pick(self, at: QPointF, adding: bool) -> bool:
        """Tell which of the points drawn at the cursor was clicked."""
        if self._frame is None:
            return False
        shown = [name for name in DIRECTIONS if self._switches[name].isChecked()]
        drawn = [at_step(self._values[name][:, :MAX_PATHS], self._clipped()) for name in shown]
        found = nearest_point(np.concatenate(drawn), to_pixels(self.box), at, REACH) if drawn else None
        if found is None:
            return False
        place, point = divmod(found, len(drawn[0]))
        self.point_picked.emit(point, shown[place], adding)
        return True

    def clicked_at(self, x: float, y: float) -> None:
        """Move the cursor there."""
        if self._frame is not None:
            self.cursor_moved.emit(float(np.clip(x, 0, len(self._frame.t) - 1)))

    def recolour(self) -> None:
        """Also layers, cursor and switches."""
        super().recolour()
        for name in DIRECTIONS:
            colour = self.theme.direction(name)
            self._paths[name].set_colour(colour)
            self._paths[name].set_ramp(self.theme)
            self._points[name].set_colour(colour)
            self._chosen[name].set_colours(self.theme.accent, self.theme.base)
            self.by_point[name].set_theme(self.theme, self.font())
            self._switches[name].set_theme(self.theme)
        self._line.setPen(pg.mkPen(self.theme.accent, width=1))
        self._line.setHoverPen(pg.mkPen(self.theme.accent, width=3))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where the header is narrow, show the switches as their dots alone."""
        super().resizeEvent(event)
        self._name_switches()

    def refont(self) -> None:
        """Also the switches."""
        super().refont()
        self._name_switches()

    def _name_switches(self) -> None:
        for switch in self._switches.values():
            letters = switch.fontMetrics().horizontalAdvance(f"{self.letter}  ") if self.letter else 0
            switch.fit(self.width() - self._chooser.sizeHint().width() - letters)

    def set_letter(self, letter: str) -> None:
        """Also leave it room beside the switches."""
        # Not each time it is told: a layout that is due keeps docks from finding out that they have no room
        if letter != self.letter:
            super().set_letter(letter)
            self._name_switches()

    def _show_direction(self, name: str, _on: bool = False) -> None:
        shown = self._switches[name].isChecked()
        self._paths[name].setVisible(shown)
        self._points[name].setVisible(shown)
        self._chosen[name].setVisible(shown)

    def _take_points(self) -> None:
        """Layers and range for a new frame or component."""
        self._name_switches()
        self._name_axis()
        self._values = dict.fromkeys(DIRECTIONS, NONE)
        if self._frame is not None:
            both = zip(DIRECTIONS, (self._frame.forward, self._frame.backward), strict=True)
            found = {name: values_of(paths, self._component, self._principal) for name, paths in both}
            self._values = {name: self._kept.masked(values[..., None], name)[..., 0] for name, values in found.items()}
            half, steps = half_range(found["forward"][0, :MAX_PATHS]), float(len(self._frame.t) - 1)
            if (half, steps) != (self._half, self._steps):
                self._half, self._steps = half, steps
                self.reset_view()
        for name in DIRECTIONS:
            self._paths[name].set_paths(over_steps(self._values[name][:, :MAX_PATHS]))
        self._show_chosen()

    def _place(self) -> None:
        """Everything that follows the cursor."""
        if self._frame is None:
            for layer in (*self._points.values(), *self._chosen.values()):
                layer.set_points(np.empty((0, 2), np.float32))
            self.set_note("")
            return
        self._line.setValue(position := self._clipped())
        for name in DIRECTIONS:
            self._points[name].set_points(at_step(self._values[name][:, :MAX_PATHS], position))
            self._chosen[name].set_points(at_step(self._values[name][:, self._shown[name]], position))
        if self._lost:
            self.warn(f"{self._lost:,} paths left the finite numbers", f"{self._lost:,} lost")
        else:
            self.set_note(*time_note(self._frame.t, position))

    def _clipped(self) -> float:
        """The cursor within the steps of the frame."""
        return float(np.clip(self._position, 0, len(self._frame.t) - 1)) if self._frame is not None else 0.0

    @Slot(object, object)
    def _region_drawn(self, corners: NDArray[np.float64], modifiers: Qt.KeyboardModifier) -> None:
        shown = [name for name in DIRECTIONS if self._switches[name].isChecked()]
        if self._frame is not None and shown:
            at = self._clipped()
            self.region_chosen.emit({name: crossing(self._values[name], corners, at) for name in shown}, modifiers)

    @Slot(object)
    def _dragged(self, line: pg.InfiniteLine) -> None:
        self.cursor_moved.emit(float(line.value()))

    @Slot(int)
    def _component_chosen(self, component: int) -> None:
        self.set_component(component)
        self.component_changed.emit(component)

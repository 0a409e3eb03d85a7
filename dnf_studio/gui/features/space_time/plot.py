"""Where in space and time the backward steps miss the forward process."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QHelpEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QToolTip

from dnf_studio.core.exploration.by_step import space_time
from dnf_studio.gui.drawing.axes import half_range
from dnf_studio.gui.drawing.help import Help
from dnf_studio.gui.drawing.layers.maps import CellsLayer
from dnf_studio.gui.drawing.layers.scale import SteadyLimits
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.units import STANDARDISED, Units
from dnf_studio.gui.drawing.words import UNAFFORDABLE, WAITING, component_name, hint, nats, time_note
from dnf_studio.workers.excess import ExcessFrame
from dnf_studio.workers.frames import Frame

HELP = Help(
    "the space-time map",
    "The excess by step, taken apart by where the paths are: steps across, one component or the radius up. A "
    "cell has the colour of the mean log-ratio of its paths, and none where no path is. Grey is 0; in a purple "
    "patch the model goes back too seldom, in a green one too often. More and more paths are looked at. A click "
    "moves the time cursor.",
    (
        "cell = mean of e<sub>i</sub> over the paths with x<sub>i</sub> in it, nats",
        "e<sub>i</sub> = ½ (‖δB<sub>i</sub>‖² − ‖δF<sub>i</sub>‖²) + D ln(g<sub>i+1</sub>/g<sub>i</sub>) + "
        "ln p<sub>i</sub>(x<sub>i</sub>) − ln p<sub>i+1</sub>(x<sub>i+1</sub>)",
    ),
    "(15) for δB; the densities by the probability-flow ODE",
)
ROWS = 40
KEY_SHARE = 0.12
"""Share of the height that the colour key below the cells takes."""
MOST_COMPONENTS = 64
RADIUS = "radius"
Array = NDArray[np.float32]


class SpaceTimePlot(Plot):
    """Steps across, one component or the radius of the forward paths up, in colour the mean log-ratio of a cell.

    Cells without a path are blank. It is computed only while it is seen. A click moves the time cursor.
    """

    cursor_moved = Signal(float)

    def __init__(self) -> None:
        super().__init__(
            "Space-time",
            "Mean log-ratio of each step by place, in nats.",
            "Open a model or press Train to see where forward and backward disagree.",
            help_=HELP,
        )

    def add_parts(self) -> None:
        """Add cells, cursor and the chooser of what is up."""
        self._frame: Frame | None = None
        self._stale = False
        self._cells: Array = np.empty((0, 0), np.float32)
        self._range = (0.0, 1.0)
        self._position = 0.0
        self._steady, self._units = SteadyLimits(around_zero=True), STANDARDISED
        self._found: ExcessFrame | None = None
        self._reason: str | None = None
        self._looked_for = True
        self._layer, self._line = CellsLayer(), pg.InfiniteLine(angle=90)
        for item in (self._layer, self._line):
            self.plot.addItem(item, ignoreBounds=True)
        self._line.hide()
        self.box.setMouseEnabled(x=False, y=False)
        self._chooser = QComboBox(self)
        self._chooser.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._chooser.setAccessibleName("What is shown upwards")
        self._chooser.setToolTip("What is shown upwards: one component of the paths, or their distance from the middle")
        self._chooser.setVisible(False)
        self._chooser.activated.connect(self._chosen)
        self.header.insertWidget(1, self._chooser)
        self.plot.viewport().installEventFilter(self)

    @property
    def cells(self) -> Array:
        """What is shown, (rows, N), nats; not a number where there is no path."""
        return self._cells

    def set_frame(self, frame: Frame | None) -> None:
        """Show the places of `frame`, once its log-ratios are known (`set_excess`); None empties the plot."""
        self._frame = frame if frame is not None and frame.contributions.size else None
        if self._found is not None and not self._found.fits(self._frame):
            self._found = None
        self._line.setVisible(self._frame is not None)
        if self._frame is not None:
            self._offer(self._frame.forward.shape[2])
        self._chooser.setVisible(self._frame is not None and self._chooser.count() > 1)
        self._take()
        self.set_cursor(self._position)

    def set_excess(self, found: ExcessFrame | None) -> None:
        """Show the log-ratios that are known so far; None where there are none."""
        self._found = found
        self._take()

    def set_units(self, units: Units) -> None:
        """Write the component in these; the radius goes through all components and has the unit of none."""
        if units != self._units:
            self._units = units
            self._name_axis()

    def set_reason(self, reason: str | None) -> None:
        """Say why there will be nothing to show."""
        self._reason = reason
        self._say()

    def set_excess_known(self, known: bool) -> None:
        """Whether log-ratios of the model that is shown will be looked for."""
        self._looked_for = known
        self._say()

    def set_cursor(self, position: float) -> None:
        """Move the time cursor to `position` in node units, 0 … N."""
        self._position = position
        if self._frame is None:
            self.set_note("")
            return
        position = float(np.clip(position, 0, len(self._frame.t) - 1))
        self._line.setValue(position)
        self.set_note(*time_note(self._frame.t, position))

    def set_shown(self, choice: int) -> None:
        """Show component `choice`, or the radius for the number of components."""
        self._chooser.setCurrentIndex(choice)
        self._take()

    def reset_view(self) -> None:
        """All steps, and the range of the cells above the key."""
        if self._frame is not None:
            low, high = self._range
            below = KEY_SHARE * (high - low)
            self.box.setRange(xRange=(0, len(self._frame.t) - 1), yRange=(low - below, high), padding=0)

    def clicked_at(self, x: float, y: float) -> None:
        """Move the cursor there."""
        if self._frame is not None:
            self.cursor_moved.emit(float(np.clip(x, 0, len(self._frame.t) - 1)))

    def showEvent(self, event: QShowEvent) -> None:
        """What came while nobody looked."""
        super().showEvent(event)
        if self._stale:
            self._take()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Say what is in the cell under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._cells.size:
            point = self.box.mapSceneToView(self.plot.mapToScene(event.pos()))
            text = hint(self.explain(float(point.x()), float(point.y())))
            QToolTip.showText(event.globalPos(), text, self.plot.viewport())
            return True
        return super().eventFilter(watched, event)

    def explain(self, x: float, y: float) -> str:
        """The cell at plot coordinates in one sentence; nothing beside the cells."""
        rows, steps = self._cells.shape
        low, high = self._range
        step, row = int(np.floor(x)), int(np.floor((y - low) / (high - low) * rows))
        if not (0 <= step < steps and 0 <= row < rows):
            return ""
        ends = [low + k * (high - low) / rows for k in (row, row + 1)]
        first, last = (STANDARDISED if self._radius else self._units).written(self._component, ends, finer=3)
        where = f"{self._chooser.currentText()} from {first} to {last}"
        value = float(self._cells[row, step])
        what = "no path" if np.isnan(value) else f"{nats(value)} nats on average"
        return f"Step {step} → {step + 1}, {where}: {what}."

    def recolour(self) -> None:
        """Also cells and cursor."""
        super().recolour()
        self._layer.set_theme(self.theme, self.font())
        self._line.setPen(pg.mkPen(self.theme.accent, width=1))

    def _offer(self, dim: int) -> None:
        """Names of the components, and the radius where there is more than one."""
        shown = min(dim, MOST_COMPONENTS)
        if self._chooser.count() != shown + (dim > 1):
            self._chooser.clear()
            self._chooser.addItems([component_name(k) for k in range(shown)] + [RADIUS] * (dim > 1))

    @property
    def _component(self) -> int:
        return max(0, self._chooser.currentIndex())

    @property
    def _radius(self) -> bool:
        return self._chooser.currentText() == RADIUS

    def _name_axis(self) -> None:
        units = STANDARDISED if self._radius else self._units
        name = f"{RADIUS}, standardised" if self._radius else units.title(self._component)
        self.name_axis("left", name, units.of_data, units.map_of(self._component))

    def _take(self) -> None:
        """Cells and range for a new frame or choice, once somebody looks."""
        self._stale = not self.isVisible()
        self._name_axis()
        # The places are those that the log-ratios were found at, also where newer weights have moved the points
        found, frame = self._found, None if self._found is None else self._found.frame
        self._say()
        if frame is None or found is None or self._frame is None:
            self._cells = np.empty((0, 0), np.float32)
            self._layer.set_cells(self._cells, QRectF(), (0.0, 1.0))
            return
        if self._stale:
            return
        choice, radius = self._component, self._radius
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.linalg.norm(frame.forward, axis=2) if radius else frame.forward[..., choice]
        half = half_range(values[[0, -1]])
        before, self._range = self._range, (0.0, half) if radius else (-half, half)
        steps = len(frame.t) - 1
        self._cells = space_time(values[:-1], found.rows("forward", values.shape[1]), *self._range, ROWS)
        limits = self._steady.follow(self._cells, (frame.request, choice))
        area = QRectF(0, self._range[0], steps, self._range[1] - self._range[0])
        self._layer.set_cells(self._cells, area, limits)
        if before != self._range or self.box.viewRange()[0][1] != steps:
            self.reset_view()

    def _say(self) -> None:
        """The sentence in place of the map while there is none."""
        coming = WAITING if self._looked_for else f"{UNAFFORDABLE}."
        self.set_hint(self._reason or (self._invitation if self._frame is None else coming))
        self.set_empty(self._frame is None or self._found is None)

    @Slot(int)
    def _chosen(self, _choice: int) -> None:
        self._take()

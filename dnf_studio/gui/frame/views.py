"""The middle of the window: both processes above, what they add up to below, the transport bar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from dnf_studio.core.exploration.projection import PrincipalComponents
from dnf_studio.core.exploration.space_time import worst_points
from dnf_studio.gui.drawing.layers.scale import StepColouring
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.features.disagreement.plot import DisagreementPlot
from dnf_studio.gui.features.images.grid import ImageGrid
from dnf_studio.gui.features.loss.plot import LossPlot
from dnf_studio.gui.features.marginals.plot import MarginalsPlot
from dnf_studio.gui.features.processes.process_plot import ProcessPlot
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.processes.time_view import TimeView
from dnf_studio.gui.features.score.plot import ScorePlot
from dnf_studio.gui.features.selection.controller import Selecting
from dnf_studio.gui.features.selection.tools import Tools, ToolStrip
from dnf_studio.gui.features.space_time.plot import SpaceTimePlot
from dnf_studio.gui.features.time_grid.plot import GridPlot
from dnf_studio.gui.frame.plot_row import LowerRow, PlotTabs
from dnf_studio.gui.frame.transport import TransportBar
from dnf_studio.gui.widgets.pairing import start_button
from dnf_studio.gui.workspace.actions import Key
from dnf_studio.gui.workspace.commands import Commands
from dnf_studio.gui.workspace.principal import PrincipalAxes
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.solving import solver_words
from dnf_studio.workers.excess import ExcessFrame
from dnf_studio.workers.frames import Frame

__all__ = ["Views"]

HOLD_MS = 150
Framed = ProcessView | TimeView | DisagreementPlot | GridPlot | MarginalsPlot | SpaceTimePlot | ScorePlot | ImageGrid
"""What shows frames and follows the cursor."""


class Views(QWidget):
    """Every plot of the window; shows frames and follows the cursor and the view settings."""

    def __init__(self, session: Session, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._commands = session, commands
        self._frame: Frame | None = None
        self.forward, self.backward = ProcessView("forward"), ProcessView("backward")
        self.forward.link(self.backward)
        self.backward.add_beside_caption(start_button(session))
        self.time, self.disagreement, self.loss = TimeView(), DisagreementPlot(), LossPlot()
        self.grid: GridPlot
        self.marginals: MarginalsPlot
        self.space_time: SpaceTimePlot
        self.score: ScorePlot
        self.pair = PlotTabs("Loss", self.loss, ("Grid", "Marginals", "Space-time", "Score"))
        self._framed: tuple[Framed, ...] = (self.forward, self.backward, self.time, self.disagreement)
        self._principal = PrincipalAxes()
        self._colouring = StepColouring("forward"), StepColouring("backward")
        self._found: ExcessFrame | None = None
        self.transport = TransportBar(session.cursor, commands)
        self.stacks = tuple(_stack(view) for view in (self.forward, self.backward))
        self.above = _row("above", *self.stacks)
        self.below = LowerRow(self.time, self.disagreement, self.pair)
        _name(self.below, "below", [1000, 1000, 1000])
        rows = QSplitter(Qt.Orientation.Vertical)
        rows.setChildrenCollapsible(False)
        rows.addWidget(self.above)
        rows.addWidget(self.below)
        rows.setStretchFactor(0, 17)
        rows.setStretchFactor(1, 10)
        _name(rows, "rows", [1700, 1000])
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 4, 0)
        column.setSpacing(0)
        self.tools = Tools(self)
        self.strip = ToolStrip(self.tools, commands)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(rows, 1)
        column.addLayout(middle, 1)
        column.addWidget(self.transport)
        # Last, so that Tab goes from the toolbar to the views
        middle.insertWidget(0, self.strip)
        self.time.cursor_moved.connect(self._picked_time)
        self.time.component_changed.connect(lambda component: session.apply({"component": component}))
        self.disagreement.step_clicked.connect(self._picked_time)
        self.disagreement.worst_wanted.connect(self._choose_worst)
        self.selecting = Selecting(session, (self.forward, self.backward, self.time), self.tools, self)
        self._held = QTimer(self, singleShot=True, interval=HOLD_MS)
        self._held.timeout.connect(self._go_on)
        session.cursor.moved.connect(self._move)
        session.changed.connect(self._refresh)
        session.lacks_changed.connect(self._show_lacks)
        self._refresh(frozenset({"layers", "axes", "component"}))

    def fill(self, theme: Theme) -> None:
        """Make the plots behind the loss, which nobody sees before the window is there."""
        self.grid, self.marginals, self.space_time = GridPlot(), MarginalsPlot(), SpaceTimePlot()
        self.score = ScorePlot()
        self.grid.cursor_moved.connect(self._picked_time)
        self.grid.edit_wanted.connect(self._commands[Key.GRID_EDITOR].trigger)
        self.marginals.step_clicked.connect(self._picked_time)
        self.score.step_clicked.connect(self._picked_time)
        self.space_time.cursor_moved.connect(self._picked_time)
        behind = self.grid, self.marginals, self.space_time, self.score
        for plot in behind:
            plot.set_theme(theme)
        self._framed = (*self._framed, *behind)
        self.pair.fill(behind)
        self._show_lacks()

    def add_images(self, grids: Sequence[ImageGrid], theme: Theme) -> None:
        """Put grids of images, forward and backward, behind the process views."""
        for stack, grid in zip(self.stacks, grids, strict=True):
            grid.set_theme(theme)
            stack.addWidget(grid)
            self.selecting.add(grid)
        grids[1].add_beside_caption(start_button(self._session))
        self._framed = (*self._framed, *grids)
        self._say_moved()

    @property
    def plots(self) -> tuple[Plot, ...]:
        """All of them."""
        return (*self._framed[:4], self.loss, *self._framed[4:])

    @property
    def frame(self) -> Frame | None:
        """What is shown."""
        return self._frame

    @property
    def principal(self) -> PrincipalComponents | None:
        """The principal components of the data that is shown; None of one or two components."""
        return self._principal.follow(self._frame) if self._frame is not None else None

    def plane_of(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """The two coordinates of `points` (…, D) that the views show, (…, 2), or the only one, (…, 1)."""
        last, state, principal = points.shape[-1] - 1, self._session.state, self.principal
        if state.projection == "principal" and principal is not None and len(principal.mean) == last + 1:
            return principal.project(points)
        shown = [min(axis, last) for axis in state.axes] if last else [0]
        return np.ascontiguousarray(points[..., shown], np.float32)

    @Slot()
    def hold(self) -> None:
        """Paint nothing until the next frame, for a moment at most: it is of another model, and on its way.

        What would be painted is the model before under the words of this one, while both threads want Python's lock.
        """
        self.setUpdatesEnabled(False)
        self._held.start()

    @Slot()
    def _go_on(self) -> None:
        self._held.stop()
        self.setUpdatesEnabled(True)

    def show_frame(self, frame: Frame | None) -> None:
        """Show `frame` in every view; None empties them."""
        self._frame = frame
        if self._found is not None and not self._found.fits(frame):
            self._found = None
        self.selecting.count = frame.forward.shape[1] if frame is not None else 0
        if frame is not None:
            self._session.cursor.set_steps(len(frame.t) - 1)
            self.above.setVisible(frame.forward.shape[2] > 1)
            self._refresh(frozenset({"axes", "component"}))
        self._colour_steps()
        for plot in (*self._framed, self.transport):
            plot.set_frame(frame)
        self._move(self._session.cursor.position)
        self._go_on()

    def add_bar(self, bar: QWidget) -> None:
        """Put `bar` above the plots."""
        self._column.insertWidget(0, bar)

    def set_theme(self, theme: Theme) -> None:
        """Recolour every plot."""
        for plot in self.plots:
            plot.set_theme(theme)

    def reset_ranges(self) -> None:
        """Fit every plot to what it shows."""
        for plot in self.plots:
            plot.reset_view()

    def _picked_time(self, position: float) -> None:
        self._session.cursor.jump(position)

    def _show_lacks(self) -> None:
        """Plots of what the model cannot do say why they are empty."""
        lacks = self._session.lacks
        for plot in self.plots:
            if isinstance(plot, DisagreementPlot | SpaceTimePlot):
                plot.set_reason(lacks.get("bound"))
            elif isinstance(plot, ScorePlot):
                plot.set_reason(lacks.get("score"))
        self.disagreement.set_steps_known("bound" not in lacks)
        self._say_moved()
        self._refresh(frozenset({"layers"}))

    def _say_moved(self) -> None:
        """What carries the points of either process; where it is not the model's own solver, in the title too."""
        solver, solvers = self._session.effective.solver, self._session.solvers
        said = solver_words(solver, solvers)
        ahead = "the ODE" if "noise" in self._session.lacks else "the forward SDE"
        words = (ahead, ""), (said.moved, f" ({said.name})" if solver else "")
        for stack, both in zip(self.stacks, words, strict=True):
            for view in map(stack.widget, range(stack.count())):
                if isinstance(view, ProcessPlot):
                    view.set_moved(*both, paired=self._session.state.paired)

    def _colour_steps(self) -> None:
        wanted = "disagreement" in self._session.effective.layers
        ahead, back = (way.colours(self._frame, self._found) if wanted else None for way in self._colouring)
        for view, colours in ((self.forward, ahead), (self.time, ahead), (self.backward, back)):
            view.set_step_colours(colours)

    def show_excess(self, found: ExcessFrame | None) -> None:
        """Show what is known of the excess, unless of settings that are no longer shown; None: nothing yet."""
        if found is not None and not found.fits(self._frame):
            return
        self._found = found
        self.disagreement.set_excess(found)
        self.space_time.set_excess(found)
        self._colour_steps()

    @property
    def excess(self) -> ExcessFrame | None:
        """What is known of the excess of the settings that are shown."""
        return self._found

    def set_excess_known(self, known: bool) -> None:
        """Whether the excess of the model that is shown will be looked for."""
        self.disagreement.set_excess_known(known)
        self.space_time.set_excess_known(known)

    def _choose_worst(self, step: int, adds: bool) -> None:
        """By what the bars show."""
        frame, found = self._frame, self._found
        if frame is None or step >= len(frame.t) - 1:
            return
        if self.disagreement.shown == "contribution":
            self.selecting.choose(worst_points(frame.step_disagreement, step), "forward", adds)
        elif found is not None:
            self.selecting.choose(worst_points(found.rows("forward", self.selecting.count), step), "forward", adds)

    def _move(self, position: float) -> None:
        for plot in self._framed:
            plot.set_cursor(position)

    def _refresh(self, names: frozenset[str]) -> None:
        if names & {"solver", "start"}:
            self._say_moved()
        state = self._session.effective
        last = self._frame.forward.shape[2] - 1 if self._frame is not None else 1
        if "layers" in names:
            for view in (self.forward, self.backward):
                view.set_layers(state.layers)
            self._colour_steps()
        principal = self.principal
        if names & {"axes", "projection"} and last > 0:
            for view in (self.forward, self.backward):
                view.set_projection(principal if state.projection == "principal" else None)
                view.set_axes(min(state.axes[0], last), min(state.axes[1], last))
        self.time.set_principal(principal)
        if "component" in names:
            self.time.set_component(min(state.component, last if principal is None else last + 2))


def _stack(view: ProcessView) -> QStackedWidget:
    """The view and, behind it, what may take its place."""
    stack = QStackedWidget()
    stack.addWidget(view)
    return stack


def _row(name: str, *parts: QWidget) -> QSplitter:
    row: QSplitter = QSplitter(Qt.Orientation.Horizontal)
    row.setChildrenCollapsible(False)
    for part in parts:
        row.addWidget(part)
        row.setStretchFactor(row.count() - 1, 1)
    _name(row, name, [1000] * len(parts))
    return row


def _name(splitter: QSplitter, name: str, sizes: list[int]) -> None:
    """Set the sizes, which Reset layout brings back under this name."""
    splitter.setObjectName(name)
    splitter.setProperty("sizes", sizes)
    splitter.setSizes(sizes)

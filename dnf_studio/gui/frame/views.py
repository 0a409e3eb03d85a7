"""The middle of the window: the rows of plots, bars above and beside them, and the time cursor below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, QTimer, Slot
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QHBoxLayout,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.frame.plot_row import LowerRow, PlotTabs
from dnf_studio.gui.frame.transport import TransportBar
from dnf_studio.gui.workspace.commands import Commands
from dnf_studio.gui.workspace.live import Live
from dnf_studio.gui.workspace.plots import Plots
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.workspace import PlotPlace, Workspace
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.workers.excess import ExcessFrame

HOLD_MS = 150


class Views(QWidget):
    """Makes the plots of the features in their places and hands frames, excess and the time cursor to all of them.

    Two rows are made by `make_rows`; all but the first of the tabs at the end of the lower one come with `make_tabs`,
    once the window is there.
    """

    def __init__(self, session: Session, live: Live, plots: Plots, commands: Commands) -> None:
        super().__init__()
        self._session, self._live, self._plots = session, live, plots
        self._needs: dict[Plot, PlotPlace] = {}
        self._commands, self._bars = commands, list[QWidget]()
        self._handed: Frame | None = None
        self._held: list[QWidget] = []
        self.transport: TransportBar
        self.tabs: PlotTabs
        self.above: QSplitter
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 4, 4, 0)
        self._column.setSpacing(0)
        self._middle = QHBoxLayout()
        self._middle.setSpacing(0)
        self._column.addLayout(self._middle, 1)
        self._resume = QTimer(self, singleShot=True, interval=HOLD_MS)
        self._resume.timeout.connect(self._go_on)
        self._next = QTimer(self, singleShot=True, interval=0)
        self._next.timeout.connect(self._paint_row)
        session.lacks_changed.connect(self._show_lacks)
        plots.added.connect(self._begin)

    def make_rows(self, workspace: Workspace, places: Sequence[PlotPlace]) -> None:
        """Make the plots that are seen first, then follow frames and cursor."""
        above = [self._make(workspace, place) for place in places if place.row == "above"]
        below = [self._make(workspace, place) for place in places if place.row == "below"]
        first, *later = [place for place in places if place.row == "tabs"]
        self.tabs = PlotTabs(first.title, self._make(workspace, first), [place.title for place in later])
        for number, place in enumerate(later):
            self.tabs.show_tab(number, place.offered)
        workspace.plots.offered.connect(self.tabs.offer)
        self.above = _row("above", *(_stack(plot) for plot in above))
        self.below = LowerRow(below, self.tabs)
        _name(self.below, "below", [1000] * (len(below) + 1))
        rows = QSplitter(Qt.Orientation.Vertical)
        rows.setChildrenCollapsible(False)
        rows.addWidget(self.above)
        rows.addWidget(self.below)
        rows.setStretchFactor(0, 17)
        rows.setStretchFactor(1, 10)
        _name(rows, "rows", [1700, 1000])
        self._middle.addWidget(rows, 1)
        # After the plots, so that Tab comes to them first
        self.transport = TransportBar(self._session.cursor, self._commands)
        self._column.addWidget(self.transport)
        self._live.frame_shown.connect(self._show_frame)
        workspace.comparison.frame_shown.connect(self._hold_rows)
        self._live.excess_found.connect(self._show_excess)
        self._session.cursor.moved.connect(self._move)
        workspace.studio.opened.connect(self._suspend_painting)

    def make_tabs(self, workspace: Workspace, places: Sequence[PlotPlace]) -> None:
        """Make the plots behind the first tab, which nobody sees before the window is there."""
        later = [place for place in places if place.row == "tabs"][1:]
        self.tabs.fill([self._make(workspace, place) for place in later])
        self._show_lacks()

    def add_bar(self, bar: QWidget) -> None:
        """Put `bar` above the plots."""
        self._column.insertWidget(0, bar)
        self._bars.append(bar)

    def add_clock(self, bar: QWidget) -> None:
        """Put `bar` below that of the time cursor."""
        self._column.addWidget(bar)

    def set_tab_order(self, before: QWidget) -> None:
        """Let Tab come to the buttons of the bars after the widget `before`, and then to the plots."""
        for bar in self._bars:
            for button in bar.findChildren(QAbstractButton):
                self.setTabOrder(before, button)
                before = button

    def add_strip(self, strip: QWidget) -> None:
        """Put `strip` at the left of the plots."""
        self._middle.insertWidget(0, strip)

    def _make(self, workspace: Workspace, place: PlotPlace) -> Plot:
        plot = place.make(workspace)
        self._needs[plot] = place
        self._plots.add(place.name, plot)
        return plot

    @Slot(object)
    def _begin(self, plot: Plot) -> None:
        """Let a new plot show the frame, excess and cursor that the others show."""
        if self._live.frame is not None and not plot.second:
            plot.set_frame(self._live.frame)
            plot.set_excess(self._live.excess)
            plot.set_cursor(self._session.cursor.position)

    @Slot()
    def _suspend_painting(self) -> None:
        """Stop painting until the next frame, which is of another model and on its way, for a moment at most.

        What would be painted is the model before under the words of this one, while both threads want Python's lock.
        """
        self.setUpdatesEnabled(False)
        self._resume.start()

    @Slot()
    def _go_on(self) -> None:
        self._resume.stop()
        self.setUpdatesEnabled(True)

    @Slot(object)
    def _show_frame(self, frame: Frame) -> None:
        self._handed = frame
        self._hold_rows()
        self.above.setVisible(frame.forward.shape[2] > 1)
        for plot in self._plots.first:
            plot.set_frame(frame)
        self.transport.set_frame(frame)
        self._move(self._session.cursor.position)
        self._go_on()

    @Slot()
    def _hold_rows(self) -> None:
        """Paint a row in each of the next turns of the event loop: with two models over one another a frame's plots and
        both rows are too much for one."""
        self._held = [self.above, self.below]
        for row in self._held:
            row.setUpdatesEnabled(False)
        self._next.start()

    @Slot()
    def _paint_row(self) -> None:
        self._held.pop(0).setUpdatesEnabled(True)
        # As long as Qt has anything noted that was not painted, it asks for no painting
        QApplication.postEvent(self.window(), QEvent(QEvent.Type.UpdateRequest))
        if self._held:
            self._next.start()

    @Slot(object)
    def _show_excess(self, found: ExcessFrame | None) -> None:
        for plot in self._plots.first:
            plot.set_excess(found)

    def _move(self, position: float) -> None:
        """Move all plots to `position`; not those of another N, which get their new frame in a moment and then move."""
        if self._live.frame is not self._handed:
            return
        for plot in self._plots.first:
            if not plot.resting:
                plot.set_cursor(position)

    @Slot()
    def _show_lacks(self) -> None:
        """Let plots of what the model cannot do say why they are empty."""
        for plot, place in self._needs.items():
            if place.needs is not None:
                plot.set_reason(self._session.lacks.get(place.needs))


def _stack(plot: Plot) -> QStackedWidget:
    """The plot and, behind it, what may take its place."""
    stack = QStackedWidget()
    stack.addWidget(plot)
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

"""Where the views of both models stand: B's beside or in place of A's, in the same part of the row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import cast

from PySide6.QtCore import QObject, Qt, QTimer, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QStackedWidget

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_plot import ProcessPlot
from dnf_studio.gui.drawing.style import lay_out
from dnf_studio.gui.drawing.theme import DIRECTIONS, SECOND
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.frames import Frame

LEAST = 260
"""Pixels of width that each of two views beside each other has at least; else B stands below A."""


class SideBySide(QSplitter):
    """Both models of one process, B to the right of A, or below it where the two would be narrow."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self.setChildrenCollapsible(False)
        self._dragged = False
        self.splitterMoved.connect(self._note)

    @Slot()
    def _note(self) -> None:
        self._dragged = True

    def share(self) -> None:
        """Give both equal parts, in which they show the same range."""
        self.setSizes([1000] * self.count())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Turn as the width allows; both stay as large as each other until a person drags between them."""
        super().resizeEvent(event)
        wide = self.width() >= 2 * LEAST
        if wide != (self.orientation() == Qt.Orientation.Horizontal):
            self.setOrientation(Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical)
            self._dragged = False
        if not self._dragged:
            self.share()


class SecondViews(QObject):
    """Makes the views of B once there is one, of the same kinds as those of A, and feeds those that are seen.

    They are in `Plots` like all others, so that selection, units, colours and dots reach them; frames and the time
    cursor, at the same fraction of the way, come from here.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._workspace, self._plots = workspace, workspace.plots
        self._comparison, self._cursor = workspace.comparison, workspace.session.cursor
        self._stacks: dict[str, QStackedWidget] = {}
        self._grids: dict[str, Plot] = {}
        self._pairs: list[SideBySide] = []
        self._seen = self._shown = False
        self._letters: Callable[[Plot], str] = lambda _plot: ""
        self._plots.added.connect(self._letter_one)
        self._comparison.frame_shown.connect(self._show_frame)
        self._cursor.moved.connect(self._move)

    @property
    def seen(self) -> bool:
        """Whether views of B are shown, or will be in turn."""
        return self._seen

    def arrange(self, first: bool, second: bool, fed: bool) -> None:
        """Show the views of A or not, and those of B, which are made when they are first wanted; with `fed` they have
        their frames and the cursor, though they may not be seen just now."""
        if not (fed or self.made):
            return
        for _ in self.making():
            pass
        came, self._seen, self._shown = fed and not self._seen, fed, second
        self._rest(not first)
        self._move()
        row = self._plots.part_of_row("forward")[1]
        # In one go: a view that is hidden before the other is shown would be painted in a size of its own
        row.setUpdatesEnabled(False)
        for direction in DIRECTIONS:
            self._bring_to_front(direction)
            self._stack(direction).setVisible(first)
            self._stacks[direction].setVisible(second)
        # Else there would be a flash of nothing: a view that comes is as small as can be until then
        lay_out()
        row.setUpdatesEnabled(True)
        if came:
            self._show_frame(self._comparison.frame)
            for pair in self._pairs:
                # Once Qt has laid them out
                QTimer.singleShot(0, pair, pair.share)

    def _rest(self, resting: bool) -> None:
        """Let the views of A rest while those of B are seen in their place."""
        for direction in DIRECTIONS:
            for widget in (self._stack(direction).widget(k) for k in range(self._stack(direction).count())):
                if isinstance(widget, ProcessPlot) and widget.resting != resting:
                    widget.resting = resting
                    widget.set_cursor(self._cursor.position)

    def letter(self, on: bool, first: str, others: Mapping[str, str]) -> None:
        """Let the titles of all plots say which of both models they show, or none: the views of A `first`, some
        `others` by their names what they show; what else there is shows A."""

        def of(plot: Plot) -> str:
            own = first if isinstance(plot, ProcessPlot) else others.get(self._plots.name_of(plot), "A")
            return ("B" if plot.second else own) if on else ""

        self._letters = of
        for plot in self._plots:
            self._letter_one(plot)

    @Slot(object)
    def _letter_one(self, plot: Plot) -> None:
        """Also of one that comes later."""
        plot.set_letter(self._letters(plot))

    def _stack(self, direction: str) -> QStackedWidget:
        """The place of the views of A."""
        return cast(QStackedWidget, self._plots[direction].parentWidget())

    @property
    def made(self) -> bool:
        """Whether there are views of B, seen or not, in their places."""
        return len(self._pairs) == len(DIRECTIONS)

    def making(self) -> Iterator[None]:
        """Make the views of B that are not there yet, and put them in their places, where none is seen; each step takes
        as long as a picture."""
        for direction in DIRECTIONS:
            if direction not in self._stacks:
                self._stacks[direction] = QStackedWidget()
                self._add(direction, SECOND + direction, self._plots[direction])
                yield
        while not self.made:
            self._place(DIRECTIONS[len(self._pairs)])
            yield
        for direction in DIRECTIONS:
            if self._add_grid(direction):
                yield

    def _place(self, direction: str) -> None:
        """Put the empty view of B beside that of A, not to be seen yet."""
        stack, second = self._stack(direction), self._stacks[direction]
        second.hide()
        part, row = self._plots.part_of_row(direction)
        sizes, place, both = row.sizes(), row.indexOf(part), SideBySide()
        for k, widget in enumerate((stack, second)):
            both.addWidget(widget)
            both.setStretchFactor(k, 1)
        row.insertWidget(place, both)
        row.setStretchFactor(place, 1)
        self._pairs.append(both)
        row.setSizes(sizes)

    def _add(self, direction: str, name: str, like: Plot) -> ProcessPlot:
        view = cast(ProcessPlot, like).another()
        view.second = True
        view.set_hint("The second model comes.")
        self._stacks[direction].addWidget(view)
        cast(ProcessPlot, like).link(view)
        view.box.setRange(like.box.viewRect(), padding=0)
        self._plots.add(name, view)
        return view

    def _add_grid(self, direction: str) -> bool:
        """Give B a grid of its own once A shows data as images, if it has none."""
        front = self._stack(direction).currentWidget()
        if direction in self._grids or not isinstance(front, ProcessPlot) or front is self._plots[direction]:
            return False
        self._grids[direction] = self._add(direction, f"{SECOND}{direction} images", front)
        return True

    def _bring_to_front(self, direction: str) -> None:
        """Images or points, as of A."""
        front = self._stack(direction).currentWidget()
        grid = self._grids.get(direction)
        shown = grid if grid is not None and type(front) is type(grid) else self._plots[SECOND + direction]
        self._stacks[direction].setCurrentWidget(shown)

    @Slot(object)
    def _show_frame(self, frame: Frame | None) -> None:
        if self._seen or frame is None:
            for plot in self._plots.seconds:
                plot.set_frame(frame)
            self._move()

    @Slot()
    def _move(self) -> None:
        frame = self._comparison.frame
        if self._shown and frame is not None:
            position = self._cursor.fraction * (len(frame.t) - 1)
            for plot in self._plots.seconds:
                plot.set_cursor(position)

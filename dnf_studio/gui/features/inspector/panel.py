"""The Inspector: every number of the chosen point on its way, step by step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from dnf_studio.gui.drawing.picking import existing
from dnf_studio.gui.drawing.theme import DIRECTIONS, LIGHT, Theme
from dnf_studio.gui.features.inspector.image_strip import NeighbourStrip
from dnf_studio.gui.features.inspector.numbers import compared_columns, offered, point_columns, statistic
from dnf_studio.gui.widgets.choices import Directions, UnitsBox
from dnf_studio.gui.widgets.controls import ChoiceBox, caption, keep_place
from dnf_studio.gui.widgets.solver_box import OTHERS, path_words
from dnf_studio.gui.widgets.table import Column, CopyTable, TableModel
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.state import CHOICE
from dnf_studio.workers.excess import ExcessFrame
from dnf_studio.workers.frames import Frame, Inspection

NOTHING = (
    "Click a point or a path in a view: its numbers are listed here, step by step.\n\n"
    "Ctrl-click or Shift-click chooses several, Esc clears."
)
BOTH, STILL = ", each with a Brownian path of its own", ", and goes back without noise"


class InspectorPanel(QWidget):
    """Which point and direction, one table of its path, and how the chosen points compare with all.

    Writes selection and direction to the session and the row that is clicked to the cursor; shows
    the newest `Inspection` it is given.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._theme, self._names, self._alone = LIGHT, tuple[str, ...](), ""
        self._found: Inspection | None = None
        self._second: Inspection | None = None
        self._frame: Frame | None = None
        self._excess: ExcessFrame | None = None
        self._second_excess: ExcessFrame | None = None
        self._layout: tuple[object, ...] = ()
        self._offered: list[int] = []
        self.model = TableModel(self)
        self.empty = caption(NOTHING)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMargin(16)
        self._make_header()
        self._make_table()
        self.statistic = caption()
        self.statistic.setToolTip(
            "Log-ratio of the whole path, nats: the mean of the chosen points and of all where it is known"
        )
        self.images = NeighbourStrip()
        self._arrange()
        session.changed.connect(self._follow)
        session.lacks_changed.connect(self._show_pairing)
        session.cursor.moved.connect(self._moved)
        self._refresh()

    def set_inspection(self, found: Inspection) -> None:
        """Show the numbers of the point that was asked for."""
        self._found = found
        self._refresh()

    def set_excess(self, found: ExcessFrame | None) -> None:
        """What is known of the log-ratios so far; None is nothing."""
        self._excess = found
        self._refresh()

    def set_second(self, found: Inspection | None) -> None:
        """Show the numbers of the same point of B beside those of A; None where they are not known."""
        self._second = found
        self._show_pairing()
        self._refresh()

    def set_second_excess(self, found: ExcessFrame | None) -> None:
        """What is known of the log-ratios of B so far; None is nothing."""
        if found is not self._second_excess:
            self._second_excess = found
            self._refresh()

    def set_frame(self, frame: Frame | None) -> None:
        """What the views show: how many points there are."""
        self._frame = frame
        self._refresh_head()

    def set_models(self, names: tuple[str, ...] = (), alone: str = "") -> None:
        """Say whose numbers these are, by the `names` of A and B where two models are compared, and that they are
        those of A `alone`, with the reason, where B has no such path."""
        if (names, alone) != (self._names, self._alone):
            self._names, self._alone = names, alone
            self._show_pairing()
            self._refresh()

    def set_theme(self, theme: Theme) -> None:
        """Recolour marks and the row of the cursor."""
        self._theme = theme
        self.model.set_theme(theme)
        self.directions.set_theme(theme)

    def _make_header(self) -> None:
        self.chooser = ChoiceBox({})
        self.chooser.setToolTip("The chosen point that is listed")
        self.chooser.setAccessibleName("Point listed")
        self.chooser.chosen.connect(self._make_current)
        self.label = QLabel("&Point")
        self.label.setBuddy(self.chooser)
        self.previous, self.next = QToolButton(), QToolButton()
        for button, step, mark, word in ((self.previous, -1, "‹", "Previous"), (self.next, 1, "›", "Next")):
            button.setText(mark)
            button.setToolTip(f"{word} one of the chosen points")
            button.setAccessibleName(f"{word} chosen point")
            button.clicked.connect(lambda _checked=False, step=step: self._go(step))
            # Or the views beside would move under the pointer when a second point is chosen
            keep_place(button)
        self.directions = Directions("List its", "path")
        self.directions.turned.connect(self._turn)
        self.units = UnitsBox(self._session, "Show x, f and g²s, and all places, in the units of the data")
        self.units.toggled.connect(self._refresh)
        self.copy_button = QPushButton("&Copy as text")
        self.copy_button.setToolTip("Copy the whole table, separated by tabs; Ctrl+C copies the chosen rows")

    def _make_table(self) -> None:
        self.table = CopyTable(self.model, self.copy_button, lambda: [self._session.cursor.node])
        self.table.setAccessibleName("Numbers of the chosen path")
        self.table.setToolTip("Row i: the node i and the step to i + 1. Choosing a row moves the time cursor there")
        self.table.horizontalHeader().setSectionsMovable(True)
        self.table.selectionModel().currentRowChanged.connect(self._row_chosen)

    def _arrange(self) -> None:
        first, ways, second = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for part in (self.label, self.chooser, self.previous, self.next):
            first.addWidget(part)
        first.addStretch(1)
        ways.addWidget(self.directions)
        ways.addStretch(1)
        second.addWidget(self.units)
        second.addStretch(1)
        second.addWidget(self.copy_button)
        self.pair = caption()
        self._show_pairing()
        numbers = QWidget()
        column = QVBoxLayout(numbers)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        column.addLayout(first)
        column.addLayout(ways)
        column.addWidget(self.statistic)
        column.addWidget(self.images)
        column.addWidget(self.table, 1)
        column.addLayout(second)
        column.addWidget(self.pair)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.empty)
        self.pages.addWidget(numbers)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.pages)

    def _follow(self, names: frozenset[str]) -> None:
        if names & CHOICE:
            self._refresh()
        if names & {*CHOICE, "solver"}:
            self._show_pairing()

    def _show_pairing(self) -> None:
        """Say which of its two paths the point has, and let only that one be listed."""
        state = self._session.effective
        noise = "" if "noise" in self._session.lacks else BOTH if self._session.solver.noise else STILL
        self.pair.setText(self._whose() + path_words(state.listed, state.paired, noise))
        self.directions.offer(*(DIRECTIONS if state.paired else (state.listed,)), why=OTHERS)

    def _whose(self) -> str:
        """Which models the numbers are of, where there are two."""
        if not self._names:
            return ""
        if self._alone:
            return f"Numbers of A, {self._names[0]}, alone: {self._alone} "
        first, second = self._found, self._second
        counts = [len(each.table.t) - 1 for each in (first, second) if each is not None]
        apart = f", whose N is {counts[1]}: each row has its node nearest on the way" if len(set(counts)) > 1 else ""
        return f"A is {self._names[0]}, B {self._names[1]}{apart}. "

    def _refresh(self) -> None:
        """Head and table for the state as it is."""
        self._refresh_head()
        state, found, second = self._session.state, self._found, self._second
        if found is None or not state.selection or found.asked.point != state.selection[-1]:
            return
        columns = self._columns_of(found, self._log_ratios(found.asked.point + 1))
        if self._names and not self._alone:
            # Of the settings before B's would stand in rows of their own for a moment
            fits = second is not None and (second.asked, second.request.steps) == (found.asked, found.request.steps)
            ratios = self._log_ratios(found.asked.point + 1, second=True)
            theirs = self._columns_of(second, ratios) if second is not None and fits else []
            columns = compared_columns(columns, theirs, self._names)
        self.model.set_columns(columns)
        before, self._layout = self._layout, (len(found.table.t), len(columns), self.units.isChecked())
        # Narrower again only for another kind of table
        self.table.fit_columns(anew=self._layout != before)
        self._moved(self._session.cursor.position)

    def _columns_of(self, found: Inspection, ratios: NDArray[np.float32]) -> list[Column]:
        """The numbers of one model, with the log-ratios (N, P) of its points."""
        table = found.table.in_data_units(found.standardisation) if self.units.isChecked() else found.table
        own = ratios[:, found.asked.point :]
        return point_columns(table, own[:, 0] if np.isfinite(own).any() else None)

    def _refresh_head(self) -> None:
        state, frame = self._session.state, self._frame
        count = frame.forward.shape[1] if frame is not None else 0
        shown = existing(state.selection, count)
        there = bool(state.selection) and state.selection[-1] < count
        if state.selection and not there and frame is not None and frame.complete:
            self.empty.setText(f"Point {state.selection[-1]:,} is not among the {count:,} points shown at this N.")
        else:
            self.empty.setText(NOTHING)
        self.pages.setCurrentIndex(int(there))
        points = offered(state.selection) if state.selection else []
        if points != self._offered:
            self._offered = points
            self.chooser.set_choices({f"{point:,}": point for point in points})
        if state.selection:
            self.chooser.show_value(state.selection[-1])
        for button in (self.previous, self.next):
            button.setVisible(len(state.selection) > 1)
        self.directions.set_current(state.listed)
        with np.errstate(over="ignore", invalid="ignore"):
            both = [self._log_ratios(count, second).sum(axis=0) for second in (False, True)]
        said = [statistic(shown, totals) for totals in both]
        two = bool(self._names) and not self._alone and said[1]
        self.statistic.setText(f"A: {said[0]}\nB: {said[1]}" if two else said[0])

    def _log_ratios(self, count: int, second: bool = False) -> NDArray[np.float32]:
        """(N, count) of the process that is listed, of A or the `second` model, none where nothing is known of them."""
        found = self._second_excess if second else self._excess
        # Those of B come through its own frames alone
        if found is None or not (second or found.fits(self._frame)):
            return np.empty((0, 0), np.float32)
        return found.rows(self._session.state.listed, count)

    def _moved(self, _position: float) -> None:
        """Keep the row of the cursor in sight; several rows chosen for copying stay chosen."""
        row = self._session.cursor.node
        index = self.model.index(row, max(0, self.table.currentIndex().column()))
        if row == self.model.current and self.table.currentIndex() == index:
            return
        self.model.set_current(row)
        if index.isValid() and self.isVisible():
            across = self.table.horizontalScrollBar().value()
            self.table.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
            rows = self.table.chosen_rows()
            if len(rows) == 1 and rows != [row]:
                self.table.clearSelection()
            self.table.scrollTo(index)
            self.table.horizontalScrollBar().setValue(across)

    @Slot(QModelIndex, QModelIndex)
    def _row_chosen(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid() and current.row() != self._session.cursor.node:
            self._session.cursor.jump(current.row())

    def _turn(self, direction: str) -> None:
        self._session.apply({"direction": direction})

    def _go(self, step: int) -> None:
        points = sorted(self._session.state.selection)
        if points:
            self._make_current(points[(points.index(self._session.state.selection[-1]) + step) % len(points)])

    def _make_current(self, point: int) -> None:
        others = tuple(other for other in self._session.state.selection if other != point)
        self._session.apply({"selection": (*others, point)})

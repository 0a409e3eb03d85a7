"""All chosen points at once: how they differ from the rest, and a table of them."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from dnf_studio.core.exploration.lineage import LineageColumn, LineageTable, compare, lineage_table, mask_of
from dnf_studio.core.files import with_suffix
from dnf_studio.gui.drawing.layers.trails import at_position
from dnf_studio.gui.drawing.picking import existing
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.drawing.words import component_name
from dnf_studio.gui.features.selection.comparison import ComparisonGrid
from dnf_studio.gui.widgets.choices import UnitsBox
from dnf_studio.gui.widgets.controls import caption
from dnf_studio.gui.widgets.solver_box import paths_words
from dnf_studio.gui.widgets.table import Column, CopyTable, TableModel
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.state import CHOICE
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.excess import ExcessFrame
from dnf_studio.workers.frames import Frame, Inspection

if TYPE_CHECKING:
    from dnf_studio.core.data.dataset import Standardisation

Array = NDArray[np.float32]
NOTHING = (
    "Draw a rectangle or a lasso around points with the tools at the left of the views, or click them: "
    "they are compared with all others here.\n\nEsc chooses none any more."
)
NOT_KNOWN = np.empty((0, 0), np.float32)
HEADS = {"point": "point", "log_ratio": "log-ratio", "worst_step": "worst step"}
DIGITS = 4
EXACT = {"i8": "d", "f4": ".9g", "f8": ".12g"}
"""How other programs get a number: as exactly as it is kept."""
SETTLE_MS = 60
"""The views come first; while time plays, the numbers follow this often."""


class SelectionPanel(QWidget):
    """Statistics of the chosen points against the rest at the time cursor, and each of them as a row.

    A click on a row makes its point the current one. While nobody sees the panel it does nothing.
    """

    save_wanted = Signal(object, object)
    """A `Path` and the `LineageTable` to write there."""
    export_wanted = Signal()
    """The chosen points are to be exported with their paths."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._frame: Frame | None = None
        self._found: ExcessFrame | None = None
        self._standardisation: Standardisation | None = None
        self.lineage, self.model = LineageTable(()), TableModel(self)
        self.summary, self.comparison = caption(NOTHING), ComparisonGrid()
        self._make_buttons()
        self._make_table()
        self._arrange()
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self.refresh)
        session.changed.connect(self._follow)
        session.cursor.moved.connect(lambda _position: self._later())
        self.refresh()

    def set_frame(self, frame: Frame | None) -> None:
        """What the views show."""
        self._frame = frame
        self._later()

    def set_excess(self, found: ExcessFrame | None) -> None:
        """What is known of the log-ratios so far; None is nothing."""
        self._found = found
        self._later()

    def set_inspection(self, found: Inspection) -> None:
        """Learn the units of the data."""
        before, self._standardisation = self._standardisation, found.standardisation
        self.units.setEnabled(True)
        if before != found.standardisation and self.units.isChecked():
            self._later()

    def set_theme(self, theme: Theme) -> None:
        """Recolour the row of the current point."""
        self.model.set_theme(theme)
        self.table.viewport().update()

    def refresh(self) -> None:
        """Statistics and table for the state as it is."""
        self._settle.stop()
        frame, state = self._frame, self._session.state
        count = frame.forward.shape[1] if frame is not None else 0
        rows = np.sort(existing(state.selection, count))
        some = frame is not None and len(rows) > 0
        for part in (self.comparison, self.units, self.table, self.foot):
            part.setVisible(some)
        paired = frame is not None and frame.paired
        told = f"{len(rows):,} of {count:,} points. {paths_words(state.listed, paired)}"
        self.summary.setText(told if some else NOTHING)
        self.summary.setAlignment(Qt.AlignmentFlag.AlignLeft if some else Qt.AlignmentFlag.AlignCenter)
        if frame is None or not some:
            self._list(LineageTable(()))
            return
        paths, steps = frame.paths_of(state.listed), NOT_KNOWN
        if self._found is not None and self._found.fits(frame):
            rows_of = self._found.rows(state.listed, count)
            steps = rows_of if np.isfinite(rows_of).any() else NOT_KNOWN
        now = at_position(paths, float(np.clip(self._session.cursor.position, 0, len(paths) - 1)))
        found = compare(now, paths[-1], steps, mask_of(rows, count), self._in_units(now))
        self.comparison.set_comparison(found)
        places = {"now": now, "latent": paths[-1]}
        if paired or state.listed == "forward":
            places["data"] = frame.forward[0]
        if paired or state.listed == "backward":
            places["sample"] = frame.backward[0]
        in_units = {name: self._in_units(states) for name, states in places.items()}
        self._list(lineage_table(rows, in_units, steps))
        current = np.flatnonzero(rows == state.selection[-1])
        self.model.set_current(int(current[0]) if len(current) else -1)

    def showEvent(self, event: QShowEvent) -> None:
        """What has happened meanwhile is shown now."""
        super().showEvent(event)
        self.refresh()

    def _make_table(self) -> None:
        self.table = CopyTable(self.model, self.copy_button)
        self.table.setAccessibleName("The chosen points")
        self.table.setToolTip("One row a chosen point. A click makes it the current one, which the tab Point lists")
        head = self.table.horizontalHeader()
        head.setSectionsMovable(True)
        head.setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        self.table.setSortingEnabled(True)
        self.table.clicked.connect(self._make_current)
        self.table.activated.connect(self._make_current)

    def _make_buttons(self) -> None:
        self.units = UnitsBox(self._session, "Show all places in the units of the data instead of standardised ones")
        self.units.setEnabled(False)
        self.units.toggled.connect(self._change_units)
        self.copy_button = QPushButton("&Copy")
        self.copy_button.setToolTip("Copy the whole table, separated by tabs; Ctrl+C in it copies the chosen rows")
        self.save_button = QPushButton("Save C&SV…")
        self.save_button.setToolTip("Write the table to a text file, separated by commas")
        self.save_button.clicked.connect(self._save)
        self.export_button = QPushButton("Ex&port…")
        self.export_button.setToolTip(
            "Write these points with their whole paths and noises to an HDF5 file; the Export panel says which"
        )
        self.export_button.clicked.connect(self.export_wanted)

    def _arrange(self) -> None:
        self.foot = QWidget()
        row = QHBoxLayout(self.foot)
        row.setContentsMargins(0, 0, 0, 0)
        for button in (self.copy_button, self.save_button, self.export_button):
            row.addWidget(button, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        column.addWidget(self.summary)
        column.addWidget(self.comparison)
        column.addWidget(self.units)
        column.addWidget(self.table, 1)
        column.addWidget(self.foot)

    def _follow(self, names: frozenset[str]) -> None:
        if names & CHOICE:
            self._later()

    def _later(self) -> None:
        if self.isVisible() and not self._settle.isActive():
            self._settle.start()

    def _in_units(self, states: Array) -> NDArray[np.floating]:
        """(…, D) in the units that are asked for; those of the data in float64, for they may be far from 0."""
        known = self._standardisation
        if not self.units.isChecked() or known is None or len(known.mean) != states.shape[-1]:
            return states
        return known.array_to_data(states)

    def _change_units(self) -> None:
        self.refresh()
        self.table.fit_columns()

    def _list(self, table: LineageTable) -> None:
        """Show `table`; columns get their widths when the first rows come."""
        first = not len(self.lineage)
        self.lineage = table
        self.model.set_columns(lineage_columns(table))
        if first:
            self.table.fit_columns()

    def _make_current(self, index: QModelIndex) -> None:
        point = int(self.lineage.columns[0].values[self.model.place(index.row())])
        others = tuple(other for other in self._session.state.selection if other != point)
        self._session.apply({"selection": (*others, point)})

    def _save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self.window(), "Save table", "selection.csv", "Table (*.csv)")
        if name:
            self.save_wanted.emit(with_suffix(name, ".csv"), self.lineage)


def make_panel(workspace: Workspace) -> SelectionPanel:
    """The panel, which follows the frames and saves and exports what is chosen."""
    panel, live, session = SelectionPanel(workspace.session), workspace.live, workspace.session
    panel.set_frame(live.frame)
    panel.set_excess(live.excess)
    live.frame_shown.connect(panel.set_frame)
    live.excess_found.connect(panel.set_excess)
    live.inspected.connect(panel.set_inspection)
    panel.export_wanted.connect(workspace.commands["export-selection"].trigger)

    def save(path: Path, table: LineageTable) -> None:
        from dnf_studio.core.exploration.lineage import write_csv

        done = f"Saved {path.name}."
        workspace.studio.background.run(
            partial(write_csv, path, table), lambda _done: workspace.say(done), workspace.tell
        )

    def count(names: frozenset[str]) -> None:
        """How many points are chosen, at the tab that lists them."""
        if "selection" in names:
            chosen = len(session.state.selection)
            panel.setWindowTitle(f"Selection ({chosen:,})" if chosen > 1 else "Selection")

    panel.save_wanted.connect(save)
    session.changed.connect(count)
    count(frozenset({"selection"}))
    return panel


def lineage_columns(table: LineageTable) -> list[Column]:
    """A row a point: its number, where it is on its path, and its log-ratio where that is known."""
    return [_column(column, name) for column, name in zip(table.columns, table.names, strict=True)]


def _column(column: LineageColumn, name: str) -> Column:
    head = HEADS[column.name] if column.component < 0 else f"{column.name} {component_name(column.component)}"
    values, tip = column.values, f"{column.tip}. A click sorts by it"
    return Column(head, tip, values, f",.{_decimals(values)}f", name, exact=EXACT[values.dtype.str[1:]])


def _decimals(values: NDArray[Any]) -> int:
    """As many as show four digits of the largest value, none of whole numbers."""
    if values.dtype.kind == "i":
        return 0
    largest = float(np.abs(values[np.isfinite(values)]).max(initial=0))
    return int(np.clip(DIGITS - 1 - math.floor(math.log10(max(largest, 1e-9))), 0, 6))

"""The table of runs as it is drawn: small pictures beside the names, faint values where they are the defaults."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QPushButton, QTableView

from dnf_studio.gui.features.runs.columns import Run, columns_of, default_at, tip_of
from dnf_studio.gui.widgets.table import CopyTable, TableModel
from dnf_studio.gui.workspace.thumbnails import Thumbnails

SIDE = 28
"""Pixels of a picture."""
WIDEST = 260
"""Pixels that a column of notes or names takes at most by itself; a person may widen it."""
Index = QModelIndex | QPersistentModelIndex


class RunsModel(TableModel):
    """Rows of runs; places are places in `runs`."""

    def __init__(self, thumbnails: Thumbnails) -> None:
        super().__init__()
        self._thumbnails = thumbnails
        self._pictures: dict[tuple[str, str], QIcon] = {}
        self.runs: tuple[Run, ...] = ()

    def set_runs(self, runs: Sequence[Run]) -> None:
        """Show these, sorted as before."""
        self.runs = tuple(runs)
        self.set_columns(columns_of(self.runs))

    def run_at(self, row: int) -> Run:
        """What a row of the table shows."""
        return self.runs[self.place(row)]

    def repaint_pictures(self) -> None:
        """Another picture is there."""
        if self.runs:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.runs) - 1, 0), [Qt.ItemDataRole.DecorationRole])

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - as Qt asks
        """Also pictures, tooltips and faint letters."""
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return self._picture(self.run_at(index.row()))
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip_of(self.run_at(index.row()))
        if role == Qt.ItemDataRole.ForegroundRole:
            run = self.run_at(index.row())
            if run.facts.file.fault:
                return QColor(self._theme.warning if index.column() else self._theme.muted)
            return QColor(self._theme.muted) if default_at(run, self.columns[index.column()]) else None
        return super().data(index, role)

    def _picture(self, run: Run) -> QIcon:
        """The same picture whether the row is chosen or not: the colour of what is chosen would hide it."""
        colour, sha256 = self._theme.backward, run.facts.file.sha256
        if (found := self._pictures.get((sha256, colour))) is not None:
            return found
        whole = self._thumbnails.pixmap(sha256, colour)
        picture = QPixmap(SIDE, SIDE)
        # The names stand below each other before there are pictures, too
        picture.fill(QColor(self._theme.base) if whole is not None else QColor(0, 0, 0, 0))
        if whole is not None:
            painter = QPainter(picture)
            smooth = Qt.TransformationMode.SmoothTransformation
            painter.drawPixmap(0, 0, whole.scaled(SIDE, SIDE, Qt.AspectRatioMode.KeepAspectRatio, smooth))
            painter.end()
        icon = QIcon()
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
            icon.addPixmap(picture, mode)
        if whole is not None:
            self._pictures[sha256, colour] = icon
        return icon


class RunsTable(CopyTable):
    """Rows that are chosen, opened by a double click or Enter, and sorted by a click on a head."""

    opened = Signal()
    moved = Signal()
    """Other rows are in sight."""
    least_height = SIDE + 6

    def __init__(self, model: RunsModel, button: QPushButton) -> None:
        super().__init__(model, button)
        self._runs = model
        self.setAccessibleName("Runs")
        self.setIconSize(QSize(SIDE, SIDE))
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.doubleClicked.connect(lambda _index: self.opened.emit())
        self.verticalScrollBar().valueChanged.connect(lambda _value: self.moved.emit())

    def chosen(self) -> list[Run]:
        """From top to bottom."""
        return [self._runs.run_at(row) for row in self.chosen_rows()]

    def choose(self, paths: Sequence[Path]) -> None:
        """Choose the rows of these files and no others."""
        wanted, selection = set(paths), self.selectionModel()
        selection.clearSelection()
        flags = selection.SelectionFlag.Select | selection.SelectionFlag.Rows
        for place, run in enumerate(self._runs.runs):
            if run.path in wanted and (row := self._runs.row_of(place)) >= 0:
                selection.select(self._runs.index(row, 0), flags)

    def in_sight(self) -> list[Run]:
        """Rows that are seen now."""
        first, last = self.rowAt(0), self.rowAt(self.viewport().height() - 1)
        count = self._runs.rowCount()
        if first < 0 or not count:
            return []
        return [self._runs.run_at(row) for row in range(first, (last if last >= 0 else count - 1) + 1)]

    def fit_columns(self, anew: bool = True) -> None:
        """As all tables, with room for the pictures, and no column of long texts that hides the others."""
        before = self.columnWidth(0)
        super().fit_columns(anew)
        count = self._runs.columnCount()
        for k in range(count):
            self.setColumnWidth(k, min(WIDEST, self.columnWidth(k)))
        if count and (anew or self.columnWidth(0) > before):
            self.setColumnWidth(0, self.columnWidth(0) + SIDE + 6)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """More rows may be in sight."""
        super().resizeEvent(event)
        self.moved.emit()

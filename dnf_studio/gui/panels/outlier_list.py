"""The table of outliers with its buttons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, Qt, Signal, Slot
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QHeaderView, QPushButton, QTableView, QVBoxLayout, QWidget

from dnf_studio.core.storage.atomic import atomic_file
from dnf_studio.errors import ExportError, StudioError
from dnf_studio.gui.controls import say_for_a_moment
from dnf_studio.gui.panels.outlier_model import OutlierModel

if TYPE_CHECKING:
    from dnf_studio.core.exploration.outliers import Outliers

__all__ = ["OutlierList"]

FILE = "outliers.csv"


class OutlierList(QWidget):
    """Sorts by a click on a head, copies as text, saves as CSV."""

    chosen = Signal(object)
    """A list of places among the outliers, the current one last."""
    failed = Signal(object)
    """A `StudioError`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: object = None
        self.model = OutlierModel(self)
        self._make_table()
        self.copy_button, self.save_button = QPushButton("Cop&y as text"), QPushButton("Sa&ve as CSV…")
        self.copy_button.setToolTip("Copy the whole table, separated by tabs; Ctrl+C copies the chosen rows")
        self.copy_button.clicked.connect(lambda: self.copy())
        self.save_button.setToolTip("Save the whole table, as it is sorted, to a file of comma-separated values")
        self.save_button.clicked.connect(self._ask_and_save)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (self.copy_button, self.save_button):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.table, 1)
        column.addLayout(buttons)

    def set_outliers(self, found: Outliers | None, names: tuple[str, ...] = ()) -> None:
        """List these; the same again leaves everything as it is."""
        if found is not self._shown:
            self._shown = found
            self.model.set_outliers(found, names)
            self._fit_columns()

    def choose(self, place: int) -> None:
        """Choose one outlier, as a click on its row does."""
        index = self.model.index(self.model.row_of(place), 0)
        flags = QItemSelectionModel.SelectionFlag
        self.table.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self.table.scrollTo(index)

    def copy(self, rows: list[int] | None = None) -> None:
        """Put the table, or these rows of it, on the clipboard as text."""
        QGuiApplication.clipboard().setText(self.model.as_text(rows))
        say_for_a_moment(self.copy_button, "Copied")

    def save(self, target: Path) -> None:
        """Write the table to `target`, whole or not at all; raises `ExportError`."""
        with atomic_file(target, ExportError) as partial:
            partial.write_text(self.model.as_text(separator=","), encoding="utf-8")

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Copy takes whole rows; left to itself the table would copy one cell."""
        if event.type() in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride) and isinstance(event, QKeyEvent):
            if not event.matches(QKeySequence.StandardKey.Copy):
                return False
            if event.type() == QEvent.Type.KeyPress:
                self._copy_rows()
            event.accept()
            return True
        return False

    def changeEvent(self, event: QEvent) -> None:
        """Larger letters need higher rows and wider columns."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "table"):
            self._fit_columns()

    def _make_table(self) -> None:
        table = self.table = QTableView()
        table.setModel(self.model)
        table.setAccessibleName("Outliers")
        table.setToolTip("Choosing a row moves the time cursor to where it went wrong and selects a point of the views")
        table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        table.setWordWrap(False)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.horizontalHeader().setHighlightSections(False)
        table.horizontalHeader().setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        table.setSortingEnabled(True)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        for text, act in (("Copy chosen &rows", self._copy_rows), ("Copy &whole table", self.copy)):
            action = QAction(text, table)
            action.triggered.connect(lambda _checked=False, act=act: act())
            table.addAction(action)
        table.installEventFilter(self)
        table.selectionModel().selectionChanged.connect(self._tell)

    def _fit_columns(self) -> None:
        metrics = self.fontMetrics()
        self.table.verticalHeader().setDefaultSectionSize(metrics.height() + 4)
        for column in range(self.model.columnCount()):
            width = max(metrics.horizontalAdvance(text) for text in self.model.longest(column))
            self.table.setColumnWidth(column, width + 12)

    @Slot(QItemSelection, QItemSelection)
    def _tell(self, _chosen: QItemSelection, _left: QItemSelection) -> None:
        rows, current = self._chosen_rows(), self.table.currentIndex().row()
        if current in rows:
            rows.remove(current)
            rows.append(current)
        self.chosen.emit([self.model.place(row) for row in rows])

    def _copy_rows(self) -> None:
        self.copy(self._chosen_rows() or None)

    def _chosen_rows(self) -> list[int]:
        return sorted(index.row() for index in self.table.selectionModel().selectedRows())

    def _ask_and_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self.window(), "Save outliers", FILE, "Comma-separated values (*.csv)")
        if not name:
            return
        target = Path(name)
        try:
            self.save(target if target.suffix else target.with_suffix(".csv"))
        except StudioError as error:
            self.failed.emit(error)
        else:
            say_for_a_moment(self.save_button, "Saved")

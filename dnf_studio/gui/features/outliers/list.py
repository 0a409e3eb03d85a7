"""The table of outliers with its buttons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from dnf_studio.core.files import atomic_file, with_suffix
from dnf_studio.errors import ExportError, StudioError
from dnf_studio.gui.features.outliers.columns import columns_shown, outlier_columns
from dnf_studio.gui.widgets.controls import say_for_a_moment
from dnf_studio.gui.widgets.table import CopyTable, TableModel

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
        self.model = TableModel(self)
        self.copy_button, self.save_button = QPushButton("Cop&y as text"), QPushButton("Sa&ve as CSV…")
        self.copy_button.setToolTip("Copy the whole table, separated by tabs; Ctrl+C copies the chosen rows")
        self._make_table()
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
            # Others, though their numbers may be the same: none is chosen any more
            self.model.set_columns(())
            if found is not None:
                self.model.set_columns(outlier_columns(found, names), columns_shown(found))
            self.table.fit_columns()

    def choose(self, place: int) -> None:
        """Choose one outlier, as a click on its row does."""
        index = self.model.index(self.model.row_of(place), 0)
        flags = QItemSelectionModel.SelectionFlag
        self.table.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self.table.scrollTo(index)

    def save(self, target: Path) -> None:
        """Write the table to `target`, whole or not at all; raises `ExportError`."""
        with atomic_file(target, ExportError) as partial:
            partial.write_text(self.model.as_text(separator=","), encoding="utf-8")

    def _make_table(self) -> None:
        table = self.table = CopyTable(self.model, self.copy_button)
        table.setAccessibleName("Outliers")
        table.setToolTip("Choosing a row moves the time cursor to where it went wrong and selects a point of the views")
        table.horizontalHeader().setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        table.setSortingEnabled(True)
        table.selectionModel().selectionChanged.connect(self._tell)

    @Slot(QItemSelection, QItemSelection)
    def _tell(self, _chosen: QItemSelection, _left: QItemSelection) -> None:
        rows, current = self.table.chosen_rows(), self.table.currentIndex().row()
        if current in rows:
            rows.remove(current)
            rows.append(current)
        self.chosen.emit([self.model.place(row) for row in rows])

    def _ask_and_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self.window(), "Save outliers", FILE, "Comma-separated values (*.csv)")
        if not name:
            return
        try:
            self.save(with_suffix(name, ".csv"))
        except StudioError as error:
            self.failed.emit(error)
        else:
            say_for_a_moment(self.save_button, "Saved")

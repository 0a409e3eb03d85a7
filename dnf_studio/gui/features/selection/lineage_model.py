"""The chosen points as rows that sort; only rows that are seen are ever written out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from dnf_studio.core.exploration.lineage import LineageColumn, LineageTable
from dnf_studio.gui.drawing.theme import LIGHT, Theme, mix
from dnf_studio.gui.drawing.words import component_name

__all__ = ["LineageModel"]

HEADS = {"point": "point", "log_ratio": "log-ratio", "worst_step": "worst step"}
CURRENT = 0.22
DASH = "–"
DIGITS = 4
Index = QModelIndex | QPersistentModelIndex
Rows = NDArray[np.intp]


class LineageModel(QAbstractTableModel):
    """Sorts by arrays, not by asking for every cell: 50,000 rows take some milliseconds."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._take(LineageTable(()))
        self._order: Rows = np.empty(0, np.intp)
        self._by, self._way = 0, Qt.SortOrder.AscendingOrder
        self._current = -1
        self._theme = LIGHT

    def set_table(self, table: LineageTable) -> None:
        """Show `table`, sorted as before; the same points with other numbers leave chosen rows as they are."""
        old = self.table
        same = old.names == table.names and len(old) == len(table) and len(table) > 0
        if same and np.array_equal(old.columns[0].values, table.columns[0].values):
            self._take(table)
            self._sort()
            self.dataChanged.emit(self.index(0, 0), self.index(len(table) - 1, len(table.columns) - 1))
            return
        self.beginResetModel()
        self._take(table)
        if self._by >= len(table.columns):
            self._by, self._way = 0, Qt.SortOrder.AscendingOrder
        self._order = self._sorted()
        self.endResetModel()

    def set_current(self, point: int) -> None:
        """Set the row of the current point off."""
        if point != self._current:
            self._current = point
            if len(self.table):
                last = self.index(len(self.table) - 1, len(self.table.columns) - 1)
                self.dataChanged.emit(self.index(0, 0), last, [Qt.ItemDataRole.BackgroundRole])

    def set_theme(self, theme: Theme) -> None:
        """Take the colours of `theme`."""
        self._theme = theme

    def point_at(self, row: int) -> int:
        """The number of the point in a row."""
        return int(self.table.columns[0].values[self._order[row]])

    def row_of(self, point: int) -> int:
        """The row of a point, −1 where it has none."""
        if not len(self.table):
            return -1
        found = np.flatnonzero(self.table.columns[0].values[self._order] == point)
        return int(found[0]) if len(found) > 0 else -1

    def widest(self, column: int) -> str:
        """The longest text of a column, its head included, for a sort that is shown too."""
        values = self.table.columns[column].values
        finite = values[np.isfinite(values)]
        texts = [self._text(column, value) for value in (finite.min(initial=0), finite.max(initial=0))]
        # The mark of the sort is as wide as a letter, and the head stands in the middle
        return max(f"m{_head(self.table.columns[column])}m", *texts, key=len)

    def as_text(self, rows: list[int] | None = None) -> str:
        """Head and these rows, or all, as they are sorted, separated by tabs."""
        return self.table.as_text("\t", self._order if rows is None else self._order[rows])

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Called by the head of the table."""
        if 0 <= column < len(self.table.columns):
            self._by, self._way = column, order
            self._sort()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - as Qt declares it
        """One for each chosen point."""
        return 0 if parent.isValid() else len(self.table)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - as Qt declares it
        """1 + 3 D, or 4 D of round trips, of at most eight components, and two more where log-ratios are known."""
        return 0 if parent.isValid() else len(self.table.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - as Qt asks
        """Text, its place, and the band of the current point."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(index.column(), self.table.columns[index.column()].values[self._order[index.row()]])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.BackgroundRole and self.point_at(index.row()) == self._current:
            return QColor(mix(self._theme.base, self._theme.accent, CURRENT))
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - as Qt asks
        """Names of the columns and what they mean."""
        if orientation != Qt.Orientation.Horizontal or section >= len(self.table.columns):
            return None
        column = self.table.columns[section]
        return {
            Qt.ItemDataRole.DisplayRole: _head(column),
            Qt.ItemDataRole.ToolTipRole: f"{column.tip}. A click sorts by it",
            Qt.ItemDataRole.TextAlignmentRole: int(Qt.AlignmentFlag.AlignCenter),
        }.get(Qt.ItemDataRole(role))

    def _take(self, table: LineageTable) -> None:
        self.table = table
        self._decimals = [_decimals(column.values) for column in table.columns]

    def _text(self, column: int, value: Any) -> str:  # noqa: ANN401 - a number of NumPy
        return f"{value:,.{self._decimals[column]}f}".replace("-", "−") if np.isfinite(value) else DASH

    def _sorted(self) -> Rows:
        """Rows of the table in the order that is shown; numbers that are not finite come last."""
        if not self.table.columns:
            return np.empty(0, np.intp)
        values = self.table.columns[self._by].values.astype(np.float64)
        falling = self._way == Qt.SortOrder.DescendingOrder
        return np.argsort(np.where(np.isfinite(values), -values if falling else values, np.inf), kind="stable")

    def _sort(self) -> None:
        order = self._sorted()
        if np.array_equal(order, self._order):
            return
        self.layoutAboutToBeChanged.emit()
        kept = self.persistentIndexList()
        rows = np.empty(len(order), np.intp)
        rows[order] = np.arange(len(order))
        moved = [self.index(int(rows[self._order[index.row()]]), index.column()) for index in kept]
        self._order = order
        self.changePersistentIndexList(kept, moved)
        self.layoutChanged.emit()


def _head(column: LineageColumn) -> str:
    return HEADS[column.name] if column.component < 0 else f"{column.name} {component_name(column.component)}"


def _decimals(values: NDArray[Any]) -> int:
    """As many as show four digits of the largest value, none of whole numbers."""
    if values.dtype.kind == "i":
        return 0
    largest = float(np.abs(values[np.isfinite(values)]).max(initial=0))
    return int(np.clip(DIGITS - 1 - math.floor(math.log10(max(largest, 1e-9))), 0, 6))

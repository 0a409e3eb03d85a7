"""The columns of a table as rows with a tick, their range, a small histogram and what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSignalBlocker,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QBrush, QPainter, QPalette
from PySide6.QtWidgets import (
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

if TYPE_CHECKING:
    from dnf_studio.core.data.describe import ColumnInfo

__all__ = ["ColumnTable", "Histogram"]

COUNTS = Qt.ItemDataRole.UserRole
HEADERS = ("Column", "Range", "Mean", "Histogram", "Why it cannot be used")
NAME, RANGE, MEAN, HISTOGRAM, PROBLEM = range(5)
Flag = Qt.ItemFlag


class ColumnTable(QTableWidget):
    """Ticks for the columns that can be used; the others are greyed and say why."""

    changed = Signal()
    """A tick was set or taken away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(HEADERS), parent)
        self._names: list[QTableWidgetItem] = []
        self.setHorizontalHeaderLabels(list(HEADERS))
        self.setAccessibleName("Columns")
        self.setToolTip("Tick the columns to train on; the space bar ticks the current one")
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.setItemDelegateForColumn(HISTOGRAM, Histogram(self))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 14)
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        for column, width in ((NAME, 150), (RANGE, 190), (MEAN, 90), (HISTOGRAM, 130)):
            header.resizeSection(column, width)
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
        self.itemChanged.connect(lambda _item: self.changed.emit())

    def show_columns(self, columns: Sequence[ColumnInfo]) -> None:
        """Show these columns, every one that can be used ticked; emits nothing."""
        with QSignalBlocker(self):
            self._names = []
            self.setRowCount(len(columns))
            for row, info in enumerate(columns):
                items = self._items(info)
                self._names.append(items[NAME])
                for column, item in enumerate(items):
                    self.setItem(row, column, item)
            usable = next((row for row, info in enumerate(columns) if not info.problem), None)
            if usable is not None:
                self.setCurrentCell(usable, NAME, QItemSelectionModel.SelectionFlag.NoUpdate)

    def ticked(self) -> tuple[int, ...]:
        """Numbers of the ticked columns."""
        return tuple(row for row, name in enumerate(self._names) if name.checkState() is Qt.CheckState.Checked)

    def tick_all(self, on: bool) -> None:
        """Tick every column that can be used, or none."""
        with QSignalBlocker(self):
            for name in self._names:
                if name.flags() & Flag.ItemIsEnabled:
                    name.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        self.viewport().update()
        self.changed.emit()

    def _items(self, info: ColumnInfo) -> list[QTableWidgetItem]:
        """The cells of one column."""
        span = f"{_number(info.low)} … {_number(info.high)}" if math.isfinite(info.low) else "–"
        reason = info.problem[:1].upper() + info.problem[1:]
        cells = [QTableWidgetItem(text) for text in (info.name, span, _number(info.mean), "", reason)]
        missing = f", {info.missing:.3g} of the rows without a number" if info.missing else ""
        tip = f"{info.name}: {span}, mean {_number(info.mean)}{missing}"
        for cell in cells:
            cell.setToolTip(f"{tip}\n{reason}" if reason else tip)
            cell.setFlags(Flag.ItemIsSelectable if info.problem else Flag.ItemIsSelectable | Flag.ItemIsEnabled)
        if not info.problem:
            cells[NAME].setFlags(cells[NAME].flags() | Flag.ItemIsUserCheckable)
        cells[NAME].setCheckState(Qt.CheckState.Unchecked if info.problem else Qt.CheckState.Checked)
        cells[HISTOGRAM].setData(COUNTS, info.counts)
        cells[PROBLEM].setFlags(Flag.ItemIsSelectable | Flag.ItemIsEnabled)
        cells[PROBLEM].setForeground(QBrush(self.palette().color(QPalette.ColorRole.BrightText)))
        return cells


class Histogram(QStyledItemDelegate):
    """Draws the counts of a cell as bars over a base line, in the colours of the palette."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Bars as tall as the fullest bin is."""
        super().paint(painter, option, index)
        counts = index.data(COUNTS) or ()
        if not any(counts):
            return
        role = QPalette.ColorRole
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        usable = bool(index.flags() & Flag.ItemIsEnabled)
        colour = role.HighlightedText if selected else role.Highlight if usable else role.PlaceholderText
        area = QRectF(option.rect).adjusted(6, 4, -6, -4)
        width, most = area.width() / len(counts), max(counts)
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(option.palette.color(QPalette.ColorGroup.Active, colour))
        for place, count in enumerate(counts):
            # A bin that is not empty stays visible beside a full one
            height = max(1.0, area.height() * count / most) if count else 0.0
            left = round(area.left() + place * width)
            right = max(left + 1, round(area.left() + (place + 1) * width) - (1 if width >= 3 else 0))
            painter.drawRect(QRectF(left, area.bottom() - height, right - left, height))
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """A size that forty bars fit into."""
        return QSize(130, super().sizeHint(option, index).height())


def _number(value: float) -> str:
    """Four digits with a real minus sign; a dash where there is no number."""
    return f"{value:.4g}".replace("-", "−") if math.isfinite(value) else "–"

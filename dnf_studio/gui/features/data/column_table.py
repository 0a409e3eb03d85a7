"""The columns of a table as rows with a tick, their range, a small histogram and what is wrong with them."""

from __future__ import annotations

import datetime
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
)

if TYPE_CHECKING:
    from dnf_studio.core.data.describe import ColumnInfo

EPOCH = datetime.datetime(1970, 1, 1)
COUNTS = Qt.ItemDataRole.UserRole
HEADERS = ("Column", "Kind", "Range", "Missing", "Histogram", "What keeps it out")
NAME, KIND, RANGE, MISSING, HISTOGRAM, PROBLEM = range(6)
LABEL = "the label"
Flag = Qt.ItemFlag


class ColumnTable(QTableWidget):
    """Ticks for the columns that can be used; the others are greyed and say why."""

    changed = Signal()
    """A tick was set or taken away."""

    def __init__(self) -> None:
        super().__init__(0, len(HEADERS))
        self._cells: list[list[QTableWidgetItem]] = []
        self._columns: Sequence[ColumnInfo] = ()
        self._rows, self._label = False, -1
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
        for column, width in ((NAME, 150), (KIND, 195), (RANGE, 165), (MISSING, 65), (HISTOGRAM, 110)):
            header.resizeSection(column, width)
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
        self.itemChanged.connect(lambda _item: self.changed.emit())

    def show_columns(self, columns: Sequence[ColumnInfo], rows: bool = False) -> None:
        """Show these columns, every one that can be used ticked but dates; emits nothing.

        Those with missing values can be where `rows` that have some are left out.
        """
        with QSignalBlocker(self):
            self._cells, self._columns, self._rows, self._label = [], columns, rows, -1
            self.setRowCount(len(columns))
            for row, info in enumerate(columns):
                items = self._items(info)
                self._cells.append(items)
                for column, item in enumerate(items):
                    self.setItem(row, column, item)
                self._allow(row, not info.kind.startswith("date"))
            usable = next((row for row, info in enumerate(columns) if not self._reason(row)), None)
            if usable is not None:
                self.setCurrentCell(usable, NAME, QItemSelectionModel.SelectionFlag.NoUpdate)

    def leave_out(self, rows: bool) -> None:
        """Let rows with missing values be left out, or else the columns that have some."""
        self._change(rows, self._label)

    def set_label(self, label: int | None) -> None:
        """Let this column be the label, and so no component."""
        self._change(self._rows, -1 if label is None else label)

    def _change(self, rows: bool, label: int) -> None:
        before = [self._reason(row) for row in range(len(self._cells))]
        self._rows, self._label = rows, label
        with QSignalBlocker(self):
            for row, reason in enumerate(before):
                if reason != self._reason(row):
                    self._allow(row, True)
        self.viewport().update()
        self.changed.emit()

    def _reason(self, row: int) -> str:
        """Why a column cannot be a component; nothing where it can."""
        info = self._columns[row]
        reason = LABEL if row == self._label else info.without_gaps if self._rows else info.problem
        return reason[:1].upper() + reason[1:]

    def _allow(self, row: int, tick: bool) -> None:
        """Grey a column with the reason, or let it be ticked."""
        info, reason = self._columns[row], self._reason(row)
        cells, mean = self._cells[row], _number(info.mean)
        missing = f", {info.gaps:,} of the rows ({info.missing:.3g}) without a value" if info.gaps else ""
        tip = f"{info.name}: {info.kind}, {cells[RANGE].text()}, mean {mean}{missing}"
        for cell in cells:
            cell.setToolTip(f"{tip}\n{reason}" if reason else tip)
            cell.setFlags(Flag.ItemIsSelectable if reason else Flag.ItemIsSelectable | Flag.ItemIsEnabled)
        if not reason:
            cells[NAME].setFlags(cells[NAME].flags() | Flag.ItemIsUserCheckable)
        cells[NAME].setCheckState(Qt.CheckState.Checked if tick and not reason else Qt.CheckState.Unchecked)
        cells[PROBLEM].setText(reason)
        cells[PROBLEM].setFlags(Flag.ItemIsSelectable | Flag.ItemIsEnabled)
        colour = QPalette.ColorRole.Text if row == self._label else QPalette.ColorRole.BrightText
        cells[PROBLEM].setForeground(QBrush(self.palette().color(colour)))

    def ticked(self) -> tuple[int, ...]:
        """Numbers of the ticked columns."""
        return tuple(row for row, cells in enumerate(self._cells) if cells[NAME].checkState() is Qt.CheckState.Checked)

    def tick_all(self, on: bool) -> None:
        """Tick every column that can be used, or none."""
        with QSignalBlocker(self):
            for name in (cells[NAME] for cells in self._cells):
                if name.flags() & Flag.ItemIsEnabled:
                    name.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        self.viewport().update()
        self.changed.emit()

    def _items(self, info: ColumnInfo) -> list[QTableWidgetItem]:
        """The cells of one column, as long as nothing keeps it out."""
        span = _span(info)
        missing = f"{info.gaps:,}" if info.gaps else ""
        cells = [QTableWidgetItem(text) for text in (info.name, info.kind, span, missing, "", "")]
        cells[HISTOGRAM].setData(COUNTS, info.counts)
        cells[MISSING].setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
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


def _span(info: ColumnInfo) -> str:
    """From where to where its values go; of text how many different ones there are."""
    if info.kind.startswith("date") and math.isfinite(info.low):
        first, last = (EPOCH + datetime.timedelta(days=day) for day in (info.low, info.high))
        return f"{first:%Y-%m-%d} … {last:%Y-%m-%d}"
    if math.isfinite(info.low):
        return _number(info.low) if info.low == info.high else f"{_number(info.low)} … {_number(info.high)}"
    if info.kind == "text":
        return "very many different" if info.distinct is None else f"{info.distinct:,} different"
    return "–"


def _number(value: float) -> str:
    """Four digits with a real minus sign; a dash where there is no number."""
    return f"{value:.4g}".replace("-", "−") if math.isfinite(value) else "–"

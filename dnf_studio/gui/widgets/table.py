"""Tables of numbers: one model of columns, of which only rows that are seen are written out, and one view.

A feature describes its table as a list of `Column`; sorting, copying, colours and widths are here. Sorting looks at
arrays, not at cells, so that 50,000 rows take some milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QAction, QColor, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHeaderView, QPushButton, QTableView

from dnf_studio.gui.drawing.theme import LIGHT, Theme, mix
from dnf_studio.gui.widgets.controls import say_for_a_moment

DASH = "–"
CURRENT = 0.22
"""How much of the accent the band of the current row has."""
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, eq=False)
class Column:
    """One column: what its head says, its values, and how they are written in the table and for other programs."""

    head: str
    tip: str
    values: NDArray[Any]
    """(K,) for the K rows of the table; rows for which there is none are empty."""
    form: str
    """How the table writes a number, as ``format`` understands it."""
    name: str = ""
    """The head for other programs; empty where it is the same."""
    texts: tuple[str, ...] = ()
    """Words in place of the values 0, 1, 2 … and, for −1, the last one; none where values are numbers."""
    lost: str | None = DASH
    """What stands for a number that is not finite. With the dash it comes last in every order, with anything else
    where it belongs by its size; None writes it as it is."""
    exact: str = ".9g"
    """How other programs get a number."""

    def text(self, place: int) -> str:
        """Value number `place` as the table shows it."""
        if place >= len(self.values):
            return DASH
        value = self.values[place]
        if self.texts:
            return self.texts[int(value)]
        if self.lost is not None and not np.isfinite(value):
            return self.lost
        return format(value, self.form).replace("-", "−")

    def exact_values(self, places: NDArray[np.intp]) -> tuple[str, list[Any]]:
        """The values at `places` for another program, and how they are written, as ``%`` understands it."""
        there = places[places < len(self.values)]
        values: list[Any] = self.values[there].tolist()
        if self.texts:
            return "%s", [self.texts[value] for value in values]
        if len(there) == len(places):
            return f"%{self.exact}", values
        # Rows without a value are empty
        known = (f"%{self.exact}" % value for value in values)
        return "%s", [next(known) if place < len(self.values) else "" for place in places]

    def widest(self) -> tuple[str, ...]:
        """Texts none of which is longer than the widest of these; the head is not one of them."""
        if self.texts:
            return self.texts
        finite = np.flatnonzero(np.isfinite(self.values))
        if not len(finite):
            return (self.text(0),)
        known = self.values[finite]
        return tuple(self.text(int(finite[place])) for place in (known.argmin(), known.argmax()))


class TableModel(QAbstractTableModel):
    """Shows columns of equal length in an order that a click on a head changes; one row may be current.

    A *place* is where a row stands in the arrays of the columns, whatever the order that is shown.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns: Sequence[Column] = ()
        self._shown = 0
        self._order: NDArray[np.intp] = np.empty(0, np.intp)
        self._by, self._way = 0, Qt.SortOrder.AscendingOrder
        self._current = -1
        self._theme = LIGHT

    @property
    def current(self) -> int:
        """The place of the current row, or −1."""
        return self._current

    def set_columns(self, columns: Sequence[Column], shown: int | None = None) -> None:
        """Show the first `shown` of `columns`, or all, sorted as before; the others are only copied.

        Columns with the heads and the first column of those before are new numbers of the same rows, which leave
        chosen rows as they are.
        """
        before, self.columns = self.columns, columns
        count = len(columns[0].values) if columns else 0
        same_heads = [column.head for column in before] == [column.head for column in columns]
        if count and same_heads and np.array_equal(before[0].values, columns[0].values):
            self._sort()
            self.dataChanged.emit(self.index(0, 0), self.index(count - 1, self._shown - 1))
            return
        self.beginResetModel()
        self._shown = len(columns) if shown is None else shown
        if self._by >= self._shown > 0:
            self._by, self._way = 0, Qt.SortOrder.AscendingOrder
        self._order = self._sorted()
        self.endResetModel()

    def set_current(self, place: int) -> None:
        """Set the row of this place off from the others; −1 for none."""
        changed = {self._current, place} if place != self._current else set()
        self._current = place
        for row in map(self.row_of, changed):
            if row >= 0:
                self.dataChanged.emit(self.index(row, 0), self.index(row, self._shown - 1))

    def set_theme(self, theme: Theme) -> None:
        """Take the colours of `theme`."""
        self._theme = theme

    def place(self, row: int) -> int:
        """Where the values of a row stand in the arrays of the columns."""
        return int(self._order[row])

    def row_of(self, place: int) -> int:
        """The row that shows the values of a place, −1 where none does."""
        found = np.flatnonzero(self._order == place)
        return int(found[0]) if len(found) else -1

    def as_text(self, rows: Sequence[int] | None = None, separator: str = "\t") -> str:
        """A head and these rows, or all, as they are sorted; every column, exactly."""
        places = self._order if rows is None else self._order[np.asarray(rows, np.intp)]
        heads = separator.join(column.name or column.head for column in self.columns)
        columns = [column.exact_values(places) for column in self.columns]
        line = separator.join(form for form, _ in columns)
        return "\n".join((heads, *(line % row for row in zip(*(values for _, values in columns), strict=True)))) + "\n"

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by the values of a column, ties by their places; called by the head of the table."""
        if 0 <= column < self._shown:
            self._by, self._way = column, order
            self._sort()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - as Qt declares it
        """As many as the first column has values."""
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - as Qt declares it
        """Those that are shown."""
        return 0 if parent.isValid() else self._shown

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - as Qt asks
        """Text, its alignment, and the band of the current row."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self.columns[index.column()].text(self.place(index.row()))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(self.columns[index.column()])
        if role == Qt.ItemDataRole.BackgroundRole and self.place(index.row()) == self._current:
            return QColor(mix(self._theme.base, self._theme.accent, CURRENT))
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - as Qt asks
        """Heads of the columns and what they mean."""
        if orientation != Qt.Orientation.Horizontal or section >= self._shown:
            return None
        column = self.columns[section]
        return {
            Qt.ItemDataRole.DisplayRole: column.head,
            Qt.ItemDataRole.ToolTipRole: column.tip,
            Qt.ItemDataRole.TextAlignmentRole: _alignment(column),
        }.get(Qt.ItemDataRole(role))

    def _sorted(self) -> NDArray[np.intp]:
        """The places in the order that is shown."""
        if not self.columns:
            return np.empty(0, np.intp)
        column, count = self.columns[self._by], len(self.columns[0].values)
        values = np.full(count, np.nan)
        values[: len(column.values)] = column.values
        if column.lost == DASH:
            values[~np.isfinite(values)] = np.nan
        # NumPy has what is not a number last, either way
        return np.argsort(-values if self._way == Qt.SortOrder.DescendingOrder else values, kind="stable")

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


def _alignment(column: Column) -> int:
    side = Qt.AlignmentFlag.AlignLeft if column.texts else Qt.AlignmentFlag.AlignRight
    return int(side | Qt.AlignmentFlag.AlignVCenter)


class CopyTable(QTableView):
    """Whole rows are chosen and copied: by Ctrl+C, the context menu or `button`, which says so for a moment.

    `otherwise` tells which rows Ctrl+C copies while none is chosen, None for all.
    """

    def __init__(
        self, model: TableModel, button: QPushButton, otherwise: Callable[[], list[int] | None] = lambda: None
    ) -> None:
        super().__init__()
        self._table, self._button, self._otherwise = model, button, otherwise
        self.setModel(model)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setHighlightSections(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        for words, act in (("Copy chosen &rows", self._copy_chosen), ("Copy &whole table", self._copy)):
            action = QAction(words, self)
            action.triggered.connect(lambda _checked=False, act=act: act())
            self.addAction(action)
        button.clicked.connect(lambda: self._copy())
        self._fit_rows()

    def chosen_rows(self) -> list[int]:
        """From top to bottom."""
        return sorted(index.row() for index in self.selectionModel().selectedRows())

    def fit_columns(self, anew: bool = True) -> None:
        """Make the columns as wide as their texts need; unless `anew` none becomes narrower, so that nothing jumps."""
        metrics = self.fontMetrics()
        for k in range(self._table.columnCount()):
            column = self._table.columns[k]
            # The mark of the sort takes the place of letters beside the head
            head = f"m{column.head}m" if self.isSortingEnabled() else column.head
            width = max(metrics.horizontalAdvance(text) for text in (head, *column.widest())) + 14
            if anew or width > self.columnWidth(k):
                self.setColumnWidth(k, width)

    def event(self, event: QEvent) -> bool:
        """Copy takes whole rows; left to itself the table would copy one cell."""
        if event.type() in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride) and isinstance(event, QKeyEvent):
            if not event.matches(QKeySequence.StandardKey.Copy):
                return super().event(event)
            if event.type() == QEvent.Type.KeyPress:
                self._copy_chosen()
            event.accept()
            return True
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:
        """Larger letters need higher rows and wider columns."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and self.model() is not None:
            self._fit_rows()
            self.fit_columns()

    def _fit_rows(self) -> None:
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 4)

    def _copy_chosen(self) -> None:
        self._copy(self.chosen_rows() or self._otherwise())

    def _copy(self, rows: list[int] | None = None) -> None:
        QGuiApplication.clipboard().setText(self._table.as_text(rows))
        say_for_a_moment(self._button, "Copied")

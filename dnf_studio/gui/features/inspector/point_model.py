"""The numbers of one path as rows and columns of a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from dnf_studio.gui.drawing.theme import LIGHT, Theme, mix
from dnf_studio.gui.drawing.words import component_name

if TYPE_CHECKING:
    from dnf_studio.core.exploration.inspect import PointTable

__all__ = ["PointModel"]

DASH = "–"
DIGITS = 5
MOST_DECIMALS = 6
CURRENT = 0.22
Array = NDArray[np.float64]
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Column:
    """One column: what its head and tooltip say, its values and how many decimals they need."""

    name: str
    tip: str
    values: Array
    """(N+1,) or (N,): a step has none after the last node; (0,) while they are not known."""
    decimals: int

    def text(self, row: int) -> str:
        """As the table shows it; an en dash where a step has no value."""
        if row >= len(self.values):
            return DASH
        return f"{self.values[row]:.{self.decimals}f}".replace("-", "−")

    def exact(self, row: int) -> str:
        """Nine digits for another program; nothing where a step has no value."""
        return f"{self.values[row]:.9g}" if row < len(self.values) else ""


class PointModel(QAbstractTableModel):
    """i, t, x, f, g²s, δF, δB, what a step adds to the bound, its log-ratio: row i is node i and the step to i + 1."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns: list[Column] = []
        self._rows = 0
        self._current = -1
        self._theme = LIGHT

    @property
    def current(self) -> int:
        """The row of the time cursor, or −1."""
        return self._current

    def set_table(self, table: PointTable | None, log_ratios: NDArray[np.floating] | None = None) -> None:
        """Show `table`; None empties the model. New numbers of the same shape leave rows chosen as they are.

        `log_ratios` (N,) are those of the steps of this path, where they are known.
        """
        columns = [] if table is None else _columns(table, log_ratios)
        rows = 0 if table is None else len(table.t)
        if (rows, len(columns)) == (self._rows, len(self._columns)):
            self._columns = columns
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(rows - 1, len(columns) - 1))
            return
        self.beginResetModel()
        self._columns, self._rows = columns, rows
        self.endResetModel()

    def set_current(self, row: int) -> None:
        """Set the row of the time cursor off from the others."""
        before, self._current = self._current, row
        for changed in {before, row}:
            if before != row and 0 <= changed < self._rows:
                self.dataChanged.emit(self.index(changed, 0), self.index(changed, len(self._columns) - 1))

    def set_theme(self, theme: Theme) -> None:
        """Take the colours of `theme`."""
        self._theme = theme

    def widest(self, column: int) -> str:
        """The longest text of a column, its head included."""
        col = self._columns[column]
        sound = len(col.values) > 0 and bool(np.isfinite(col.values).all())
        ends = (int(np.argmin(col.values)), int(np.argmax(col.values))) if sound else (0,)
        return max((col.name, *(col.text(row) for row in ends)), key=len)

    def as_text(self, rows: list[int] | None = None) -> str:
        """The head and these rows, or all, separated by tabs."""
        lines = ["\t".join(column.name for column in self._columns)]
        for row in range(self._rows) if rows is None else rows:
            lines.append("\t".join(column.exact(row) for column in self._columns))
        return "\n".join(lines) + "\n"

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - as Qt declares it
        """N + 1."""
        return 0 if parent.isValid() else self._rows

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - as Qt declares it
        """4 + 5 D, 2 + 2 D of a model without noise."""
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - as Qt asks
        """Text, its place, and the band of the cursor's row."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self._columns[index.column()].text(index.row())
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.BackgroundRole and index.row() == self._current:
            return QColor(mix(self._theme.base, self._theme.accent, CURRENT))
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - as Qt asks
        """Names of the columns and what they mean."""
        if orientation != Qt.Orientation.Horizontal or section >= len(self._columns):
            return None
        column = self._columns[section]
        return {
            Qt.ItemDataRole.DisplayRole: column.name,
            Qt.ItemDataRole.ToolTipRole: column.tip,
            Qt.ItemDataRole.TextAlignmentRole: int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
        }.get(Qt.ItemDataRole(role))


def _columns(table: PointTable, log_ratios: NDArray[np.floating] | None) -> list[Column]:
    """i, t, then one column a component of every vector, and what is known of each step."""
    steps = len(table.t) - 1
    vectors = (
        ("x", "State x(t_i) on this path", table.x),
        ("f", "Drift f(x_i, t_i)", table.drift),
        ("g²s", "g² times the score s(x_i, t_i). No step uses it at t₀, so training never shaped it there",
         table.score_term),
        ("δF", "Noise with which the forward SDE takes the step from i to i + 1", table.forward_noise),
        ("δB", "Noise with which the backward SDE takes the step from i + 1 to i", table.backward_noise),
    )  # fmt: skip
    columns = [
        Column("i", "Node i of the time grid, 0 at the data", np.arange(steps + 1.0), 0),
        Column("t", "Time of the node, dimensionless", table.t, _decimals_of_times(table.t)),
    ]
    for name, tip, values in vectors:
        for k in range(values.shape[1] if len(values) else 0):
            end = component_name(k).removeprefix("x") if values.shape[1] > 1 else ""
            # In data units each component has a unit of its own
            columns.append(Column(name + end, tip, values[:, k], _decimals(values[:, k])))
    if not len(table.contributions):
        return columns
    known = log_ratios is not None and len(log_ratios) == steps
    ratios = log_ratios.astype(np.float64) if log_ratios is not None and known else np.empty(0)
    told = (
        ("to the bound", "What the step from i to i + 1 contributes to the bound, ½(‖δB‖² − ‖δF‖²), nats",
         table.contributions),
        ("log-ratio", "ln p_F(x_i | x_i+1) − ln p_B(x_i | x_i+1) of this step, nats, a moment later than the rest; "
         "the mean over points is the excess", ratios),
    )  # fmt: skip
    return [*columns, *(Column(name, tip, values, _decimals(values)) for name, tip, values in told)]


def _decimals(values: Array) -> int:
    """As many as show five digits of the largest value, at most six while that leaves three of them."""
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max(initial=0))
    if not largest:
        return 1
    first = -math.floor(math.log10(largest))
    return max(0, min(DIGITS - 1 + first, max(MOST_DECIMALS, 2 + first)))


def _decimals_of_times(t: Array) -> int:
    """At least as many as tell the shortest step."""
    return max(_decimals(t), -math.floor(math.log10(float(np.diff(t).min()))))

"""The outliers as a table that sorts, copies and exports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from dnf_studio.gui.drawing.words import component_name

if TYPE_CHECKING:
    from dnf_studio.core.exploration.outliers import Outliers

__all__ = ["OutlierModel", "reasons"]

MOST = 8
"""Components that have columns of their own in the table; a file has them all."""
Index = QModelIndex | QPersistentModelIndex
WHY = {
    "lost": "not finite",
    "beyond": "beyond ±4",
    "way": "±4 on the way",
    "off": "off support",
}


@dataclass(frozen=True)
class Column:
    """One column: what its head says, in the table and in a file, and its values as they sort."""

    name: str
    plain: str
    """For another program."""
    tip: str
    values: NDArray[Any]
    texts: tuple[str, ...] = ()
    """Of the values where they are codes."""
    decimals: int = 0

    def text(self, row: int) -> str:
        """As the table shows it."""
        value = self.values[row]
        if self.texts:
            return self.texts[int(value)]
        if not np.isfinite(value):
            return "∞"
        return f"{value:,.{self.decimals}f}".replace("-", "−")

    def exact(self, row: int) -> str:
        """For another program."""
        return self.texts[int(self.values[row])] if self.texts else f"{self.values[row]:.9g}"


class OutlierModel(QAbstractTableModel):
    """One row an outlier; sorted by a click on a head, by number at first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns: list[Column] = []
        self._shown = 0
        self._order: NDArray[np.intp] = np.empty(0, np.intp)
        self._sorted = 0, Qt.SortOrder.AscendingOrder

    def set_outliers(self, found: Outliers | None, names: tuple[str, ...] = ()) -> None:
        """Show these; the order that was asked for stays. `names` are those of the data's columns."""
        self.beginResetModel()
        self._columns = [] if found is None else _columns(found, names)
        dim = 0 if found is None else found.rows.end.shape[1]
        self._shown = len(self._columns) - (2 * max(0, dim - MOST))
        self._order = np.arange(0 if found is None else len(found.rows))
        self._arrange()
        self.endResetModel()

    def place(self, row: int) -> int:
        """Where the outlier in this row of the table stands among the outliers."""
        return int(self._order[row])

    def row_of(self, place: int) -> int:
        """The row of the table in which that outlier is."""
        return int(np.flatnonzero(self._order == place)[0])

    def as_text(self, rows: list[int] | None = None, separator: str = "\t") -> str:
        """A head and these rows, or all, as they are sorted; every component."""
        lines = [separator.join(column.plain for column in self._columns)]
        for row in range(len(self._order)) if rows is None else rows:
            lines.append(separator.join(column.exact(self.place(row)) for column in self._columns))
        return "\n".join(lines) + "\n"

    def longest(self, column: int) -> tuple[str, ...]:
        """Texts of a column none of which is longer than the widest of these; its head leaves room for the arrow."""
        values = self._columns[column].values
        ends = (int(np.argmin(values)), int(np.argmax(values))) if len(values) else ()
        texts = self._columns[column].texts or tuple(self._columns[column].text(row) for row in ends)
        return self._columns[column].name + "   ", *texts

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By the values of a column, ties by number; what is chosen stays chosen."""
        self.layoutAboutToBeChanged.emit()
        kept = [(index, self.place(index.row())) for index in self.persistentIndexList()]
        self._sorted = column, order
        self._arrange()
        for index, place in kept:
            self.changePersistentIndex(index, self.index(self.row_of(place), index.column()))
        self.layoutChanged.emit()

    def _arrange(self) -> None:
        column, order = self._sorted
        if 0 <= column < self._shown:
            values = self._columns[column].values
            self._order = np.argsort(values if order == Qt.SortOrder.AscendingOrder else -values, kind="stable")

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - as Qt declares it
        """How many outliers."""
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - as Qt declares it
        """7 + 2 D, of at most eight components."""
        return 0 if parent.isValid() else self._shown

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - as Qt asks
        """Text and its place."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self._columns[index.column()].text(self.place(index.row()))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(self._columns[index.column()])
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - as Qt asks
        """Names of the columns and what they mean."""
        if orientation != Qt.Orientation.Horizontal or section >= self._shown:
            return None
        column = self._columns[section]
        return {
            Qt.ItemDataRole.DisplayRole: column.name,
            Qt.ItemDataRole.ToolTipRole: column.tip,
            Qt.ItemDataRole.TextAlignmentRole: _alignment(column),
        }.get(Qt.ItemDataRole(role))


def reasons(found: Outliers) -> NDArray[np.intp]:
    """(K,) which of `WHY` each is, the first that holds."""
    first: NDArray[np.intp] = np.argmax([getattr(found.rows, name) for name in WHY], axis=0)
    return first


def _alignment(column: Column) -> int:
    side = Qt.AlignmentFlag.AlignLeft if column.texts else Qt.AlignmentFlag.AlignRight
    return int(side | Qt.AlignmentFlag.AlignVCenter)


def _columns(found: Outliers, names: tuple[str, ...]) -> list[Column]:
    """Number, why, step, distance, |z|, jump and where, then of every component the end and the latent."""
    rows, steps = found.rows, found.steps
    arrows = tuple(f"{i + 1} → {i}" for i in range(steps))
    # The last of the texts stands for NEVER
    step_texts = (*arrows, "latent", "none")
    columns = [
        Column("no.", "number", "Which sample: its number among the points of the views, or in an export of the same "
               "seed", rows.number),
        Column("why", "why", "What is wrong with it: the first that holds", reasons(found), tuple(WHY.values())),
        Column("step", "step", "The step of its backward path that led out of what the forward process visits and "
               "from which it never came back; “latent”: it began out there; “none”: the forward process goes there "
               "too", rows.step, step_texts),
        Column("distance", "distance", "Of its end to the nearest data point compared with, model units",
               rows.distance, decimals=3),
        Column("|z|", "latent_radius", "Length of its latent", rows.radius, decimals=2),
        Column("jump", "largest_jump", "Its largest step, in units of what forward paths move at that step",
               rows.jump, decimals=1),
        Column("at", "jump_step", "The step with that jump", rows.jump_step, arrows),
    ]  # fmt: skip
    dim = rows.end.shape[1]
    ends = [_component("x", k, rows.end[:, k], "End, t₀, model units", names) for k in range(dim)]
    latents = [_component("z", k, rows.latent[:, k], "Latent, t_N", ()) for k in range(dim)]
    return [*columns, *ends[:MOST], *latents[:MOST], *ends[MOST:], *latents[MOST:]]


def _component(letter: str, k: int, values: NDArray[np.float32], tip: str, names: tuple[str, ...]) -> Column:
    own = f": {names[k]}" if k < len(names) else ""
    return Column(component_name(k).replace("x", letter), f"{letter}{k + 1}", f"{tip}{own}", values, decimals=3)

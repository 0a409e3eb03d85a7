"""Values that are missing: they are refused, or the rows or columns that have some are left out, and that is told."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dnf_studio.config import Missing
from dnf_studio.core.data.labels import UNKNOWN
from dnf_studio.core.data.table import FLOAT32, Table
from dnf_studio.errors import DataError

SHOWN = 4
DO = (
    "leave out such rows with --missing drop-rows or such columns with --missing drop-columns, or in the window with "
    "'Missing values'"
)
DO_ALONE = "leave out the rows that have some"
"""The same where rows are taken as they are, and nothing is offered to leave any out."""


@dataclass(frozen=True)
class LeftOut:
    """What of a table is not used."""

    rows: int = 0
    """Rows in which a value is missing."""
    columns: tuple[str, ...] = ()
    """Columns in which values are missing."""
    dates: tuple[str, ...] = ()
    """Columns of dates that nobody chose."""

    @property
    def words(self) -> str:
        """What is left out, for a person; nothing where nothing is."""
        parts = []
        if self.rows:
            parts.append(f"{self.rows:,} row{'' if self.rows == 1 else 's'} with missing values left out")
        if self.columns:
            parts.append(f"{_listed(self.columns)} left out, with missing values")
        if self.dates:
            parts.append(f"{_listed(self.dates)} left out, with dates")
        return "; ".join(parts)


NOTHING = LeftOut()


def checked_table(table: Table, missing: Missing = "error", do: str = DO) -> tuple[Table, NDArray[np.bool_], LeftOut]:
    """`table` as far as every value in it is a finite number that single precision can hold.

    Also returns which columns (D,) of it hold one value only, and what was left out. A value is missing where it is
    NaN or infinite, and a label where there is none. Raises `DataError`, saying where the first such value is and what
    to `do`, unless `missing` says what to leave out, and where nothing would be left.
    """
    found, left = _Look(table), LeftOut(dates=table.dates)
    if found.missing.any() or found.unlabelled:
        if missing == "error":
            raise DataError(found.complaint(do))
        if missing == "drop-rows":
            table, left = _fewer_rows(table, found, left)
        else:
            table, left = _fewer_columns(table, found, left)
        found = _Look(table)
    if found.huge:
        raise DataError(f"'{table.path}' holds a value beyond ±3.4e38, the range of single precision, in {found.huge}.")
    return table, np.asarray(found.low == found.high), left


class _Look:
    """One pass over a table."""

    def __init__(self, table: Table) -> None:
        dim = len(table.columns)
        self.table = table
        self.missing = np.zeros(dim, np.int64)
        """(D,), how many values of each column are missing or not finite."""
        self.sound = np.ones(len(table), bool)
        """(n,), which rows have every value and a label."""
        self.low, self.high = np.full(dim, np.inf), np.full(dim, -np.inf)
        self.first, self.huge = "", ""
        for rows, block in table.blocks():
            self.low, self.high = np.minimum(self.low, block.min(0)), np.maximum(self.high, block.max(0))
            finite = np.isfinite(block)
            if not finite.all():
                self.missing += len(block) - finite.sum(0)
                self.sound[rows] = finite.all(1)
                self.first = self.first or _where(table, rows.start, ~finite)
            elif not self.huge and np.abs(block).max() > FLOAT32.max:
                self.huge = _where(table, rows.start, np.abs(block) > FLOAT32.max)
        self.unlabelled = 0
        if table.labels is not None:
            codes = table.labels.codes if table.kept is None else table.labels.codes[table.kept]
            self.unlabelled = int((codes == UNKNOWN).sum())
            self.sound &= codes != UNKNOWN

    def complaint(self, do: str) -> str:
        """How many values are missing in which columns, and what to `do`."""
        table, total = self.table, int(self.missing.sum())
        if not total:
            column = table.labels.column if table.labels is not None else ""
            count = "a row without a label" if self.unlabelled == 1 else f"{self.unlabelled:,} rows without a label"
            return f"'{table.path}' has {count} in column '{column}'; leave them out with --missing drop-rows."
        if total == 1:
            return f"'{table.path}' has a value that is missing or not finite in {self.first}; {do}."
        held = np.flatnonzero(self.missing)
        first, where = self.first, ""
        if len(held) > 1:
            named = [f"'{table.columns[i]}' ({self.missing[i]:,})" for i in held[:SHOWN]]
            more = f" and {len(held) - SHOWN:,} more" if len(held) > SHOWN else ""
            where = f" in {len(held):,} columns, {', '.join(named)}{more}"
        return f"'{table.path}' has {total:,} values that are missing or not finite{where}, the first in {first}; {do}."


def _fewer_rows(table: Table, found: _Look, left: LeftOut) -> tuple[Table, LeftOut]:
    rows = np.flatnonzero(found.sound)
    if len(rows) < 3:
        raise DataError(
            f"Of the rows of '{table.path}' only {len(rows)} have no missing value; choose fewer columns with "
            "FILE::column,column, or leave out those with missing values."
        )
    gone = len(table) - len(rows)
    return replace(table, kept=rows if table.kept is None else table.kept[rows]), replace(left, rows=gone)


def _fewer_columns(table: Table, found: _Look, left: LeftOut) -> tuple[Table, LeftOut]:
    if found.unlabelled and table.labels is not None:
        raise DataError(
            f"Column '{table.labels.column}' of '{table.path}' has no label in {found.unlabelled:,} rows; leave these "
            "out with --missing drop-rows."
        )
    keep = np.flatnonzero(found.missing == 0).tolist()
    if not keep:
        raise DataError(
            f"Every column of '{table.path}' has missing values; leave out rows instead, with --missing drop-rows."
        )
    columns, picked = tuple(table.columns[i] for i in keep), tuple(table.picked[i] for i in keep)
    gone = tuple(name for i, name in enumerate(table.columns) if found.missing[i])
    return replace(table, columns=columns, picked=picked), replace(left, columns=gone)


def _where(table: Table, start: int, wrong: NDArray[np.bool_]) -> str:
    """Row and column of the first wrong value of a block that starts at row `start`."""
    row, column = np.argwhere(wrong)[0]
    return f"{table.told_place(start + int(row))}, column '{table.columns[column]}'"


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:SHOWN]) + (
        f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    )
    return f"column{'' if len(names) == 1 else 's'} {shown}"

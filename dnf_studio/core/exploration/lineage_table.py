"""The chosen points as a table: where each begins, is now and ends, and the log-ratio of its path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.storage.atomic import atomic_file
from dnf_studio.errors import ExportError

__all__ = ["MOST_COMPONENTS", "LineageColumn", "LineageTable", "lineage_table", "write_csv"]

MOST_COMPONENTS = 8
"""Components of a state that have columns; the HDF5 export holds all of them."""
FORMATS = {"i8": "%d", "f4": "%.9g", "f8": "%.12g"}
Array = NDArray[np.float32]
States = NDArray[np.floating]
PLACES = {
    "data": "Where the forward path of the point begins, x₀",
    "now": "Where the point is at the time cursor",
    "latent": "Where the point is at the noise end, x_N",
    "sample": "Where the backward path of the point ends, x₀",
}
"""What a point may have, in this order; only one that is a round trip has all."""


@dataclass(frozen=True, eq=False)
class LineageColumn:
    """One column; `name` is ASCII, for other programs."""

    name: str
    tip: str
    values: NDArray[Any]
    """(K,) float32, float64 or integers."""
    component: int = -1
    """Which component of `name`, −1 of a number that is not one."""


@dataclass(frozen=True, eq=False)
class LineageTable:
    """Columns of equal length, a row a point, by rising number."""

    columns: tuple[LineageColumn, ...]

    def __len__(self) -> int:
        return len(self.columns[0].values) if self.columns else 0

    @property
    def names(self) -> tuple[str, ...]:
        """Heads of the columns: the component is counted from 1."""
        return tuple(c.name if c.component < 0 else f"{c.name}_{c.component + 1}" for c in self.columns)

    def as_text(self, separator: str, rows: Sequence[int] | NDArray[np.intp] | None = None) -> str:
        """Head and these rows, or all, in nine digits, those of float64 in twelve."""
        chosen = [
            column.values if rows is None else column.values[np.asarray(rows, np.intp)] for column in self.columns
        ]
        line = separator.join(FORMATS[values.dtype.str[1:]] for values in chosen)
        body = (line % row for row in zip(*(values.tolist() for values in chosen), strict=True))
        return "\n".join((separator.join(self.names), *body)) + "\n"


def lineage_table(rows: NDArray[np.intp], places: Mapping[str, States], steps: Array) -> LineageTable:
    """The points `rows` (K,), each at those of `PLACES`, (P, D) in whatever units, that its process has.

    `steps` (N, P) are the log-ratios of each step, nats, not a number where not known, or (0, 0) where none is.
    """
    columns = [LineageColumn("point", "Number of the point among those shown", rows.astype(np.int64))]
    for name in (name for name in PLACES if name in places):
        states = places[name]
        for k in range(min(states.shape[1], MOST_COMPONENTS)):
            columns.append(LineageColumn(name, PLACES[name], states[rows, k], k))
    if steps.size:
        own = steps[:, rows]
        with np.errstate(over="ignore", invalid="ignore"):
            total = own.sum(axis=0)
            known = np.isfinite(total)
            largest = np.where(np.isfinite(own), own, -np.inf).argmax(axis=0)
            worst = np.where(known, largest, -1).astype(np.int64)
        columns.append(LineageColumn("log_ratio", "Log-ratio of its path, the sum over the steps, nats", total))
        columns.append(LineageColumn("worst_step", "The step i that adds most to it, −1 where unknown", worst))
    return LineageTable(tuple(columns))


def write_csv(path: Path, table: LineageTable) -> None:
    """Write all rows to `path`, whole or not at all; raises `ExportError` where that cannot be."""
    with atomic_file(path, ExportError) as partial:
        partial.write_text(table.as_text(","), encoding="utf-8", newline="\n")

"""What a plot tells beside its picture: what its lines stand for, and the numbers behind them as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtWidgets import QGraphicsItem

from dnf_studio.errors import ExportError

Column = NDArray[np.generic] | Sequence[object]


@dataclass(frozen=True)
class Sign:
    """What a line or mark of a plot stands for, in the legend of a figure."""

    text: str
    colour: str
    kind: Literal["line", "dashed", "dotted", "dot", "hollow", "bar"] = "line"


@dataclass(frozen=True, eq=False)
class Numbers:
    """Columns by their names, which end with the unit in brackets, as in ``distance [standardised]``.

    Columns may differ in length; what a shorter one lacks at its end stays empty in the table.
    """

    columns: dict[str, Column]

    def text(self) -> str:
        """The table as CSV: a header, then numbers that read back as the very same; not a number is ``nan``."""
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(zip_longest(*(_cells(column) for column in self.columns.values()), fillvalue=""))
        return out.getvalue()


class TellingPlot:
    """What a plot tells where it is looked at without its window; plots say of these what there is to say."""

    plot: pg.PlotWidget
    letter = ""
    """The letter of the model that it shows, where two are compared."""
    _title_text: str
    _is_empty: bool | None = None

    @property
    def full_name(self) -> str:
        """Its title behind its letter."""
        return f"{self.letter}  {self._title_text}".lstrip()

    @property
    def is_empty(self) -> bool:
        """Whether a sentence stands in place of what there is not."""
        return bool(self._is_empty)

    def name_axis(
        self, side: str, name: str, written: bool, unit: tuple[float, float] = (0.0, 1.0), tip: str = ""
    ) -> None:
        """What is along an axis, where it is `written` and as its tooltip with a `tip`; its `unit` (`Units.map_of`)."""
        axis = self.plot.getAxis(side)
        axis.set_unit(*unit)
        self.title_axis(side, name, tip)
        axis.setLabel(name if written else None)

    def title_axis(self, side: str, name: str, tip: str = "") -> None:
        """What is along an axis, with its unit: its tooltip, with a `tip`, and its title in figures, where alone it is
        always written."""
        self.__dict__.setdefault("_axis_titles", {})[side] = name
        self.plot.getAxis(side).setToolTip(f"{name}{tip}")

    def axis_title(self, side: str) -> str:
        """The title of an axis in a figure; nothing where there is none."""
        return self.__dict__.get("_axis_titles", {}).get(side) or str(self.plot.getAxis(side).labelText or "")

    def signs(self) -> Sequence[Sign]:
        """What the lines and marks of a figure stand for; nothing where there is one kind or the plot has a key."""
        return ()

    def numbers(self) -> Numbers | None:
        """The numbers that are drawn, for a table; None where the plot has none or shows nothing."""
        return None

    def cursor_items(self) -> Sequence[QGraphicsItem]:
        """What follows the time cursor, which a figure can leave out."""
        return ()


def long_table(parts: Sequence[Mapping[str, object]]) -> Numbers:
    """One table of several curves, a row a point: a column that is one value for a whole curve is repeated.

    `parts` have the same names.
    """
    columns: dict[str, list[object]] = {name: [] for part in parts[:1] for name in part}
    for part in parts:
        size = max((len(v) for v in part.values() if isinstance(v, np.ndarray | list | tuple)), default=1)
        for name, values in part.items():
            many = isinstance(values, np.ndarray | list | tuple)
            columns[name].extend(_cells(values) if many else [values] * size)  # type: ignore[arg-type]
    return Numbers(dict(columns))


def column_name(title: str) -> str:
    """The name of a column from the title of an axis: ``x₁ [standardised]`` from ``x₁, standardised``."""
    name, comma, unit = title.rpartition(", ")
    return f"{' '.join(name.split())} [{unit}]" if comma else " ".join(title.split())


def in_units(places: NDArray[np.floating], unit: tuple[float, float]) -> NDArray[np.floating]:
    """Standardised `places` in a unit (`Units.map_of`); as they are where it is the standardised one."""
    mean, scale = unit
    return places if unit == (0.0, 1.0) else mean + scale * places.astype(np.float64)


def write_numbers(path: Path, numbers: Numbers) -> None:
    """Write the table to `path`, which ends in ``.csv``, whole or not at all; raises `ExportError` else."""
    from dnf_studio.core.files import atomic_file

    if path.suffix.lower() != ".csv":
        raise ExportError(f"Numbers are written as .csv, not as '{path.suffix or path.name}'; end the name in .csv.")
    with atomic_file(path, ExportError) as partial:
        partial.write_text(numbers.text(), encoding="utf-8", newline="")


def _cells(column: Column) -> Sequence[object]:
    """What is written. Of numbers of single precision the shortest that read back as the same, not all that a double
    would show."""
    if isinstance(column, np.ndarray) and column.dtype == np.float32:
        return [str(value) for value in column]
    if isinstance(column, np.ndarray):
        return list(column.tolist())
    return column

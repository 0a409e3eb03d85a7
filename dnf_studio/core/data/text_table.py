"""Tables whose cells are text, wherever they come from: which are components, what they hold, and the labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.cells import Meaning, is_missing, meanings, numbers, plain_number
from dnf_studio.core.data.labels import MOST_LABELS, LabelFinder
from dnf_studio.core.data.table import BLOCK, BLOCK_CELLS, Table, picked_columns
from dnf_studio.errors import DataError

Rows = list[list[str]]


@dataclass(frozen=True)
class TextRows:
    """A table as text: its columns, what the first rows say that these mean, and all rows, as often as asked."""

    path: Path
    names: tuple[str, ...]
    meanings: tuple[Meaning, ...]
    rows: Callable[[], Iterator[list[str]]]
    """All rows, each as wide as there are names."""
    place: Callable[[int], str]
    semicolons: bool = False
    """Whether semicolons separate the values, as where the comma is that of decimals."""

    @property
    def dates(self) -> tuple[int, ...]:
        """The columns of dates."""
        return tuple(i for i, meaning in enumerate(self.meanings) if meaning.kind == "date")

    def blocks(self, some: Iterator[list[str]] | None = None) -> Iterator[Rows]:
        """All rows or `some`, a block at a time."""
        step, rows = max(1, min(BLOCK, BLOCK_CELLS // len(self.names))), some or self.rows()
        while block := list(islice(rows, step)):
            yield block


def header_names(cells: Sequence[str]) -> tuple[str, ...]:
    """What the columns below these cells are called, each in one line, as it is said wherever a sentence names it."""
    lines = (" ".join(map(str.strip, cell.splitlines())).strip() for cell in cells)
    return tuple(name or f"column {index}" for index, name in enumerate(lines))


class CellError(DataError):
    """A cell is no number of the kind that its column holds."""

    def __init__(self, sentence: str, otherwise: bool) -> None:
        """`otherwise` tells whether it would be a number or a date if the column were of another kind."""
        super().__init__(sentence)
        self.otherwise = otherwise


class Growing:
    """Rows of numbers (n, D) that come block by block; they are never held twice."""

    def __init__(self, dim: int) -> None:
        self._dim, self._count = dim, 0
        self._held = np.empty(0)

    def add(self, block: NDArray[np.float64]) -> None:
        """Take the next rows (k, D)."""
        end = self._count + len(block)
        if end * self._dim > len(self._held):
            # The system moves pages of a large array without copying them
            self._held.resize(max(end, self._count * 3 // 2) * self._dim, refcheck=False)
        self._held[self._count * self._dim : end * self._dim] = block.ravel()
        self._count = end

    def values(self) -> NDArray[np.float64]:
        """All rows; none can be added any more."""
        self._held.resize(self._count * self._dim, refcheck=False)
        return self._held.reshape(self._count, self._dim)


def read_text(text: TextRows, selection: str | None, label: str | None) -> Table:
    """The chosen columns as numbers; raises `CellError` for a cell that is none."""
    dates = text.dates if selection is None else ()
    picked, labelled = picked_columns(text.path, text.names, selection, label, dates)
    finder = label_finder(text, labelled)
    growing, start = Growing(len(picked)), 0
    for block in text.blocks():
        values = np.empty((len(block), len(picked)))
        for place, i in enumerate(picked):
            values[:, place] = _column(text, block, i, start)
        growing.add(values)
        if finder is not None and labelled is not None:
            whole = text.meanings[labelled].kind == "whole number"
            finder.note(label_cells((row[labelled] for row in block), whole))
        start += len(block)
    return text_table(text, growing.values(), picked, finder, dates)


def text_table(
    text: TextRows,
    values: NDArray[np.float64],
    picked: tuple[int, ...],
    finder: LabelFinder | None,
    unasked: tuple[int, ...],
) -> Table:
    """The table that these numbers (n, D) of the picked columns are, with its labels and the `unasked` dates."""
    columns = tuple(text.names[i] for i in picked)
    labels = None if finder is None or not len(values) else finder.labels()
    dates = tuple(text.names[i] for i in unasked)
    return Table(text.path, values, tuple(range(len(picked))), columns, text.place, labels=labels, dates=dates)


def label_finder(text: TextRows, labelled: int | None) -> LabelFinder | None:
    """Who collects the labels, if there are any; raises `DataError` where the column holds no labels."""
    if labelled is None:
        return None
    name, kind = text.names[labelled], text.meanings[labelled].kind
    if kind in ("number", "date"):
        raise DataError(
            f"Column '{name}' of '{text.path}' holds {kind}s, and labels are text or whole numbers; choose another one "
            "with --label."
        )
    return LabelFinder(text.path, name)


def label_cells(cells: Iterable[str], whole: bool = False) -> list[str | None]:
    """The labels in these cells, None where one is missing; `whole` numbers have one name however they are written."""
    return [None if is_missing(cell) else _whole(cell.strip()) if whole else cell.strip() for cell in cells]


def _whole(cell: str) -> str:
    try:
        return str(int(plain_number(cell)))
    except (ValueError, OverflowError):
        return cell


def _column(text: TextRows, block: Rows, i: int, start: int) -> NDArray[np.float64]:
    """One column of a block whose first row is row `start`."""
    cells, meaning = [row[i] for row in block], text.meanings[i]
    try:
        # One cell that is no number makes all of a column text
        return numbers(cells, Meaning("number", meaning.form) if meaning.kind == "text" else meaning)
    except ValueError as error:
        wrong = str(error.args[0])
        place = text.place(start + cells.index(wrong))
        raise CellError(_complaint(text, i, place, wrong, cells), meanings([[wrong]])[0].kind != "text") from None


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _complaint(text: TextRows, i: int, place: str, wrong: str, cells: Sequence[str]) -> str:
    """What is wrong with a cell that is not a number."""
    hint = ""
    if place == "line 1":
        hint = "; the names in a header must not be numbers"
    elif all(meaning.kind == "text" for meaning in meanings([[cell] for cell in cells[:50] if not is_missing(cell)])):
        hint = "; choose others with FILE::column,column, or take it as --label"
    return (
        f"'{text.path}' holds the text {_short(wrong)} in {place}, column '{text.names[i]}', "
        f"where a number is needed{hint}."
    )


@dataclass(frozen=True)
class Understood:
    """What is known of one column besides its numbers."""

    kind: str
    """In words; empty where the numbers tell."""
    fault: str = ""
    """Why it holds no numbers, as the rest of a sentence about it; nothing where it does."""
    distinct: int | None = None
    """How many different labels a column of text has; None for numbers, and where they are more than labels can be."""
    gaps: NDArray[np.bool_] | None = None
    """Which rows (n,) of a column of text have no value."""


@dataclass(frozen=True)
class Sketch:
    """The first rows of a table, NaN where there is no number, and what their columns are."""

    table: Table
    columns: tuple[Understood, ...] = field(default=())
    partial: bool = False
    """Whether rows are left out."""


def first_rows(width: int, most_cells: int) -> int:
    """How many rows of so many columns are looked at before all are read: BLOCK at least, unless they are wide."""
    return max(3, min(BLOCK, BLOCK_CELLS // max(1, width)), most_cells // max(1, width))


def sketch_text(text: TextRows, most_cells: int) -> Sketch:
    """The first rows, as many as have `most_cells` cells, and BLOCK at least."""
    width = len(text.names)
    limit, rows, growing, start = first_rows(width, most_cells), text.rows(), Growing(width), 0
    columns = [_Looked(text, i) for i in range(width)]
    for block in text.blocks(islice(rows, limit)):
        values = np.empty((len(block), width))
        for i, column in enumerate(columns):
            values[:, i] = column.note([row[i] for row in block], start)
        growing.add(values)
        start += len(block)
    held = growing.values()
    for i, column in enumerate(columns):
        if column.otherwise:
            # It is not as it begins, so all of its cells are looked at together
            held[:, i] = column.again([row[i] for row in islice(text.rows(), start)])
    table = Table(text.path, held, tuple(range(width)), text.names, text.place)
    return Sketch(table, tuple(column.understood() for column in columns), next(rows, None) is not None)


class _Looked:
    """What is known of a column, block by block."""

    def __init__(self, text: TextRows, i: int) -> None:
        self._text, self._meaning = text, text.meanings[i]
        self.otherwise = False
        """Whether a cell is not of the kind that the first ones are."""
        self._first: tuple[int, str] | None = None
        self._distinct, self._gaps = set[str](), list[NDArray[np.bool_]]()

    def note(self, cells: list[str], start: int) -> NDArray[np.float64]:
        """Take the next cells, of which the first is in row `start`; their numbers, NaN where there are none."""
        if self._meaning.kind != "text" and not self.otherwise:
            try:
                return numbers(cells, self._meaning)
            except ValueError:
                self.otherwise = True
        if not self.otherwise:
            self._note_text(cells, start)
        return np.full(len(cells), np.nan)

    def again(self, cells: list[str]) -> NDArray[np.float64]:
        """The numbers in all cells."""
        (self._meaning,), self.otherwise = meanings([cells], self._text.semicolons), False
        return self.note(cells, 0)

    def _note_text(self, cells: list[str], start: int) -> None:
        gaps = np.fromiter(map(is_missing, cells), bool, len(cells))
        self._gaps.append(gaps)
        if len(self._distinct) <= MOST_LABELS:
            self._distinct.update(cell.strip() for cell, gap in zip(cells, gaps, strict=True) if not gap)
        if self._first is None:
            places = (row for row, cell in enumerate(cells) if not gaps[row] and not _plain(cell))
            if (row := next(places, None)) is not None:
                self._first = start + row, cells[row]

    def understood(self) -> Understood:
        """All that is known."""
        if self._meaning.kind != "text":
            told = self._meaning.kind == "date" or self._meaning.form != "plain"
            return Understood(self._meaning.words if told else "")
        row, cell = self._first or (0, "")
        fault = f"holds the text {_short(cell)} in {self._text.place(row)}" if self._first else "holds text"
        distinct, gaps = len(self._distinct), np.concatenate([np.zeros(0, bool), *self._gaps])
        return Understood(
            "text",
            fault,
            distinct if distinct <= MOST_LABELS else None,
            gaps,
        )


def _plain(cell: str) -> bool:
    return meanings([[cell]])[0].kind in ("number", "whole number")

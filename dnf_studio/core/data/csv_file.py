"""Tables in text files: values separated by comma, semicolon or tab, with or without a header."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.table import BLOCK, Table, number_columns, pick_columns
from dnf_studio.errors import DataError

__all__ = ["read_csv", "sketch_csv"]

DELIMITERS = "\t;,"
"""Delimiters in the order in which they are tried: numbers hold neither of the first two."""


@dataclass(frozen=True)
class _Text:
    """An open file: what its columns are called and its rows, as text."""

    names: tuple[str, ...]
    rows: Iterator[list[str]]
    place: _LinePlace


def read_csv(path: Path, selection: str | None) -> Table:
    """Read UTF-8 text whose values are separated by comma, semicolon or tab, with or without a header."""
    with _opened(path) as text:
        picked = pick_columns(path, text.names, selection)
        blocks = list(_blocks(path, text, picked))
    values = np.concatenate(blocks) if blocks else np.empty((0, len(picked)))
    return Table(path, values, tuple(range(len(picked))), tuple(text.names[i] for i in picked), text.place)


def sketch_csv(path: Path, most_cells: int) -> tuple[Table, dict[int, str], bool]:
    """The first rows with NaN where there is no number, why columns hold text, and whether rows are left out."""
    problems: dict[int, str] = {}
    with _opened(path) as text:
        limit = max(BLOCK, most_cells // len(text.names))
        blocks, start = [], 0
        for rows in _row_blocks(path, text):
            blocks.append(
                _lenient(rows, lambda row, i, cell: problems.setdefault(i, _text_place(text, row, cell)), start)
            )
            start += len(rows)
            if start >= limit:
                break
        partial = next(text.rows, None) is not None
    values = np.concatenate(blocks) if blocks else np.empty((0, len(text.names)))
    return Table(path, values, tuple(range(len(text.names))), text.names, text.place), problems, partial


@contextmanager
def _opened(path: Path) -> Iterator[_Text]:
    """The file behind its header; whatever is wrong with its text is one sentence."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            delimiter = _delimiter(file)
            rows = _rows(file, delimiter)
            first = next(rows, None)
            if first is None:
                raise DataError(f"'{path}' is empty.")
            header = not any(map(_is_number, first))
            if not header:
                rows = chain([first], rows)
            names = _header_names(first) if header else number_columns(len(first))
            yield _Text(names, rows, _LinePlace(path, delimiter, int(header)))
    except UnicodeDecodeError:
        raise DataError(f"'{path}' is not UTF-8 text.") from None
    except csv.Error as error:
        raise DataError(f"'{path}' cannot be read as CSV: {error}.") from None


def _rows(file: TextIO, delimiter: str) -> Iterator[list[str]]:
    """The rows of a file from its start, without blank lines."""
    file.seek(0)
    return filter(None, csv.reader(file, delimiter=delimiter, skipinitialspace=delimiter != "\t"))


def _delimiter(file: TextIO) -> str:
    """The first delimiter that splits the first two rows into equally many values, else a comma."""
    for delimiter in DELIMITERS:
        widths = [len(row) for row in islice(_rows(file, delimiter), 2)]
        if widths and widths[0] > 1 and len(set(widths)) == 1:
            return delimiter
    return ","


def _number(text: str) -> float:
    """The number that `text` is; Python would read 1_2, which in a table is a name, as twelve."""
    if "_" in text:
        raise ValueError(text)
    return float(text)


def _is_number(text: str) -> bool:
    try:
        _number(text)
    except ValueError:
        return False
    return True


def _header_names(first: list[str]) -> tuple[str, ...]:
    """Names of the columns; NumPy writes '# ' before the first."""
    names = [first[0].lstrip("# "), *first[1:]]
    return tuple(name.strip() or f"column {index}" for index, name in enumerate(names))


@dataclass(frozen=True)
class _LinePlace:
    """Finds the line of a row by reading the file again: only errors ask, so rows need not remember it."""

    path: Path
    delimiter: str
    skipped: int

    def __call__(self, row: int) -> str:
        with self.path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter=self.delimiter, skipinitialspace=self.delimiter != "\t")
            next(islice(filter(None, reader), row + self.skipped, None), None)
            return f"line {reader.line_num}"


def _row_blocks(path: Path, text: _Text) -> Iterator[list[list[str]]]:
    """All rows as text, BLOCK at a time, each as wide as the first line."""
    start = 0
    while block := list(islice(text.rows, BLOCK)):
        if set(map(len, block)) != {len(text.names)}:
            row = next(i for i, cells in enumerate(block) if len(cells) != len(text.names))
            count = "1 value" if len(block[row]) == 1 else f"{len(block[row])} values"
            raise DataError(
                f"'{path}' has {count} in {text.place(start + row)}, but {len(text.names)} in its first line."
            )
        yield block
        start += len(block)


def _blocks(path: Path, text: _Text, picked: tuple[int, ...]) -> Iterator[NDArray[np.float64]]:
    """The picked columns of all rows as float64 blocks (≤ BLOCK, D)."""
    start, names = 0, text.names
    whole = picked == tuple(range(len(names)))
    for block in _row_blocks(path, text):
        cells = chain.from_iterable(block) if whole else (row[i] for row in block for i in picked)
        try:
            yield np.fromiter(map(_number, cells), np.float64).reshape(len(block), len(picked))
        except ValueError:
            row, i = next((r, i) for r, row in enumerate(block) for i in picked if not _is_number(row[i]))
            raise DataError(_text_complaint(path, names[i], text.place(start + row), block[row][i])) from None
        start += len(block)


def _lenient(rows: list[list[str]], note: Callable[[int, int, str], object], start: int) -> NDArray[np.float64]:
    """Rows as numbers, NaN for a cell that is none; `note` is told row, column and text of what is not empty."""
    values = np.empty((len(rows), len(rows[0])))
    for i in range(values.shape[1]):
        try:
            values[:, i] = np.fromiter((_number(row[i]) for row in rows), np.float64)
        except ValueError:
            for r, row in enumerate(rows):
                number = _is_number(row[i])
                values[r, i] = float(row[i]) if number else np.nan
                if not number and row[i].strip():
                    note(start + r, i, row[i])
    return values


def _text_place(text: _Text, row: int, cell: str) -> str:
    """What text a column holds and where."""
    return f"holds the text {_short(cell)} in {text.place(row)}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _text_complaint(path: Path, column: str, place: str, text: str) -> str:
    """What is wrong with a cell that is not a number."""
    if not text.strip():
        return f"'{path}' has no value in {place}, column '{column}'; fill it or remove the row."
    hint = "; the names in a header must not be numbers" if place == "line 1" else ""
    return f"'{path}' holds the text {_short(text)} in {place}, column '{column}', where a number is needed{hint}."

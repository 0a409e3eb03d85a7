"""Numbers from a user's `.npy` or `.csv` file, as a `Table` whose columns have names.

Nothing in a file is ever executed: pickled arrays are refused before they are opened.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from dnf_studio.errors import DataError

__all__ = ["Table", "read_table", "split_selection"]

DELIMITERS = "\t;,"
"""In the order in which they are tried: numbers hold neither of the first two."""
BLOCK = 16_384
"""Rows that are read or converted at a time."""


@dataclass(frozen=True)
class Table:
    """Rows of numbers: the `picked` columns of `values` (n, ≥ D), whose names are `columns`."""

    path: Path
    values: NDArray[Any]
    picked: tuple[int, ...]
    columns: tuple[str, ...]
    place: Callable[[int], str]
    """Where a row stands, in words for a person who looks into the file."""

    def __len__(self) -> int:
        return len(self.values)

    def blocks(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """All rows in order as (rows, float64 (≤ BLOCK, D)), so that a mapped file is never held whole."""
        everything = self.picked == tuple(range(self.values.shape[1]))
        for start in range(0, len(self), BLOCK):
            rows = slice(start, min(start + BLOCK, len(self)))
            block = self.values[rows] if everything else self.values[rows, list(self.picked)]
            yield rows, np.asarray(block, dtype=np.float64)


def split_selection(source: str) -> tuple[Path, str | None]:
    """`FILE::column,column` as the file and what is chosen of it (None: everything)."""
    if "::" not in source or os.path.exists(source):
        return Path(os.path.expanduser(source)), None
    name, _, selection = source.partition("::")
    return Path(os.path.expanduser(name)), selection


def read_table(source: str) -> Table:
    """Read FILE or `FILE::column,column`; columns are chosen by header name or by number from 0.

    Raises `DataError` for whatever is wrong with the file, as one sentence.
    """
    path, selection = split_selection(source)
    if os.path.isdir(path):
        raise DataError(f"'{path}' is a folder, not a data file.")
    if not os.path.exists(path):
        raise DataError(f"There is no file '{path}'.")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"'{path}' is not a kind of data file that can be read; {' and '.join(READERS)} files are.")
    if not os.path.isfile(path):
        raise DataError(f"'{path}' is not a regular file.")
    try:
        return reader(path, selection)
    except OSError as error:
        raise DataError(f"Cannot read '{path}': {error.strerror or error}.") from None


def pick_columns(path: Path, columns: tuple[str, ...], selection: str | None) -> tuple[int, ...]:
    """Indices of the comma-separated names or numbers in `selection`, or of all columns for None."""
    if selection is None:
        return tuple(range(len(columns)))
    picked: list[int] = []
    for wanted in (part.strip() for part in selection.split(",")):
        index = _find_column(path, columns, wanted)
        if index in picked:
            raise DataError(f"Column '{wanted}' of '{path}' is chosen twice.")
        picked.append(index)
    return tuple(picked)


def _find_column(path: Path, columns: tuple[str, ...], wanted: str) -> int:
    """The index of the one column that is called `wanted` or has that number."""
    if not wanted:
        raise DataError(f"A column chosen of '{path}' has no name; write FILE::column,column.")
    found = [index for index, name in enumerate(columns) if name == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        numbers = " and ".join(map(str, found))
        raise DataError(f"'{path}' has {len(found)} columns named '{wanted}'; choose by number, {numbers}.")
    if wanted.isdecimal():
        if int(wanted) < len(columns):
            return int(wanted)
        raise DataError(f"'{path}' has no column {wanted}; its {len(columns)} columns are numbered from 0.")
    lower = {name.lower(): name for name in columns}
    near = get_close_matches(wanted.lower(), lower, n=1)
    shown = ", ".join(columns[:8]) + (", …" if len(columns) > 8 else "")
    hint = f"the nearest is '{lower[near[0]]}'" if near else f"it has {shown}"
    raise DataError(f"'{path}' has no column named '{wanted}'; {hint}.")


def number_columns(count: int) -> tuple[str, ...]:
    """Names for columns that have none."""
    return tuple(f"column {index}" for index in range(count))


def _read_npy(path: Path, selection: str | None) -> Table:
    """Map a `.npy` file of one or two dimensions; its header is checked before any of its data is touched."""
    shape, dtype, fortran, offset = _npy_header(path)
    if dtype.hasobject:
        raise DataError(f"'{path}' holds pickled Python objects, which are never opened; save plain numbers.")
    if dtype.kind not in "biuf":
        raise DataError(f"'{path}' holds values of type {dtype}, not real numbers.")
    if len(shape) not in (1, 2):
        raise DataError(f"'{path}' has {len(shape)} dimensions; a table has one or two (rows, columns).")
    if 0 in shape:
        raise DataError(f"'{path}' holds no {'rows' if shape[0] == 0 else 'columns'}.")
    if min(shape) < 0 or math.prod(shape) * dtype.itemsize > path.stat().st_size - offset:
        raise DataError(f"'{path}' is cut short: its header promises more data than it holds.")
    columns = shape[1] if len(shape) == 2 else 1
    values = np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C").reshape(shape[0], columns)
    names = number_columns(columns)
    picked = pick_columns(path, names, selection)
    return Table(path, values, picked, tuple(names[i] for i in picked), lambda row: f"row {row} (counted from 0)")


def _npy_header(path: Path) -> tuple[tuple[int, ...], np.dtype[Any], bool, int]:
    """Shape, type, whether columns come first, and where the data starts."""
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read(file)
        except OSError:
            raise
        except Exception:  # NumPy's header parser passes on whatever its tokenizer and literal_eval raise
            raise DataError(f"'{path}' is not a NumPy array file, or its header is damaged.") from None
        return shape, dtype, fortran, file.tell()


def _read_csv(path: Path, selection: str | None) -> Table:
    """Read UTF-8 text whose values are separated by comma, semicolon or tab, with or without a header."""
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
            picked = pick_columns(path, names, selection)
            place = _LinePlace(path, delimiter, int(header))
            blocks = list(_csv_blocks(path, rows, names, picked, place))
    except UnicodeDecodeError:
        raise DataError(f"'{path}' is not UTF-8 text.") from None
    except csv.Error as error:
        raise DataError(f"'{path}' cannot be read as CSV: {error}.") from None
    values = np.concatenate(blocks) if blocks else np.empty((0, len(picked)))
    return Table(path, values, tuple(range(len(picked))), tuple(names[i] for i in picked), place)


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


def _is_number(text: str) -> bool:
    try:
        float(text)
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


def _csv_blocks(
    path: Path, rows: Iterator[list[str]], names: tuple[str, ...], picked: tuple[int, ...], place: _LinePlace
) -> Iterator[NDArray[np.float64]]:
    """The picked columns of all rows as float64 blocks (≤ BLOCK, D)."""
    start = 0
    while block := list(islice(rows, BLOCK)):
        if set(map(len, block)) != {len(names)}:
            row = next(i for i, cells in enumerate(block) if len(cells) != len(names))
            raise DataError(
                f"'{path}' has {len(block[row])} values in {place(start + row)}, but {len(names)} in its first line."
            )
        cells = (row[i] for row in block for i in picked) if len(picked) < len(names) else chain.from_iterable(block)
        try:
            yield np.fromiter(map(float, cells), np.float64).reshape(len(block), len(picked))
        except ValueError:
            row, i = next((r, i) for r, row in enumerate(block) for i in picked if not _is_number(row[i]))
            raise DataError(_text_complaint(path, names[i], place(start + row), block[row][i])) from None
        start += len(block)


def _text_complaint(path: Path, column: str, place: str, text: str) -> str:
    """What is wrong with a cell that is not a number."""
    if not text.strip():
        return f"'{path}' has no value in {place}, column '{column}'; fill it or remove the row."
    shown = text if len(text) <= 40 else text[:40] + "…"
    hint = "; the names in a header must not be numbers" if place == "line 1" else ""
    return f"'{path}' holds the text {shown!r} in {place}, column '{column}', where a number is needed{hint}."


READERS: dict[str, Callable[[Path, str | None], Table]] = {".csv": _read_csv, ".npy": _read_npy}

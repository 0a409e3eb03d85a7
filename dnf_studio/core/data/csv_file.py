"""Tables in text files: values separated by comma, semicolon, tab, bar or blanks, with or without a header.

How a file is written is found from its beginning. Then every line is looked at once, so that one that is too short or
too long is told by its number, and pandas reads the numbers; where a column is not as its beginning, or is of text or
dates, its cells are read one by one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO, TypeVar

import numpy as np

from dnf_studio.core.data.cells import MISSING, Meaning, cell_number, is_missing, meanings
from dnf_studio.core.data.csv_writing import BLANKS, MOST_ROWS, delimiter_of, encodings, split_rows
from dnf_studio.core.data.table import MOST_COLUMNS, Table, number_columns, picked_columns
from dnf_studio.core.data.text_table import (
    CellError,
    Growing,
    Sketch,
    TextRows,
    header_names,
    label_cells,
    label_finder,
    read_text,
    sketch_text,
    text_table,
)
from dnf_studio.errors import DataError

HEAD = 1 << 20
"""Characters from which it is found how a file is written."""
LONG_HEAD = 1 << 26
"""As many where a column turned out not to be as it begins."""
PIECE_CELLS = 1 << 22
MOST_AT_ONCE = 1000
"""Columns that pandas is given: it takes a millisecond for each, however few rows there are."""
Found = TypeVar("Found")


@dataclass(frozen=True)
class _Writing:
    """How the file is written."""

    encoding: str
    delimiter: str
    skipped: int
    """Lines before the first that counts."""
    header: bool


def read_csv(path: Path, selection: str | None, label: str | None = None) -> Table:
    """Read text in UTF-8, UTF-16 or as Windows writes it, whose values are separated in one of five ways."""

    def read(encoding: str) -> Table:
        try:
            return _read(_opened(path, encoding), selection, label)
        except CellError as error:
            # A German table may begin with whole numbers only
            if not error.otherwise or path.stat().st_size <= HEAD:
                raise
            return _read(_opened(path, encoding, LONG_HEAD), selection, label)

    return _decoded(path, read)


def sketch_csv(path: Path, most_cells: int) -> Sketch:
    """The first rows, and what their columns are."""
    return _decoded(path, lambda encoding: sketch_text(_opened(path, encoding)[0], most_cells))


def _read(opened: tuple[TextRows, _Writing], selection: str | None, label: str | None) -> Table:
    text, writing = opened
    return _at_once(text, writing, selection, label) or read_text(text, selection, label)


def _decoded(path: Path, read: Callable[[str], Found]) -> Found:
    """What `read` finds by the first encoding that fits; whatever is wrong with the text is one sentence."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    for encoding in encodings(head):
        try:
            return read(encoding)
        except UnicodeError:
            continue
        except csv.Error as error:
            raise DataError(f"'{path}' cannot be read as CSV: {error}.") from None
    raise DataError(f"'{path}' is no text that can be read; save it as UTF-8.")


def _opened(path: Path, encoding: str, most: int = HEAD) -> tuple[TextRows, _Writing]:
    """The table behind its header, and how it is written."""
    with path.open(newline="", encoding=encoding) as file:
        head = file.read(most)
        # The last line may be cut, and the first may be longer than all that was read
        head += "".join(file.readline(LONG_HEAD) for _ in range(3))
    if not head.strip():
        raise DataError(f"'{path}' is empty.")
    if max(map(head[: head.find("\n")].count, "\t;,| ")) > 10 * MOST_COLUMNS:
        raise DataError(f"'{path}' has more than the {MOST_COLUMNS:,} columns that are read.")
    marked = head[:4] == "sep=" and head[4:6].strip() == head[4:5] != ""
    body = head.partition("\n")[2] if marked else head
    delimiter = head[4] if marked else delimiter_of(body)
    rows = list(islice(split_rows(io.StringIO(body, newline=""), delimiter), MOST_ROWS if most == HEAD else None))
    if not rows:
        raise DataError(f"'{path}' is empty.")
    if len(rows[0]) > MOST_COLUMNS:
        raise DataError(f"'{path}' has {len(rows[0]):,} columns, more than the {MOST_COLUMNS:,} that are read.")
    width = len(rows[0])
    known = _known(rows[1:] or rows, width, delimiter)
    header = not any(map(_is_number, rows[0], known))
    if not header:
        known = _known(rows, width, delimiter)
    names = _header_names(rows[0]) if header else number_columns(len(rows[0]))
    writing = _Writing(encoding, delimiter, int(marked), header)
    place = _LinePlace(path, writing)
    return TextRows(path, names, known, lambda: _wide(path, writing, names, place), place, delimiter == ";"), writing


def _known(rows: list[list[str]], width: int, delimiter: str) -> tuple[Meaning, ...]:
    """What the columns of these rows mean; rows that are wider or narrower are told later."""
    return meanings(([row[i] for row in rows if i < len(row)] for i in range(width)), delimiter == ";")


def _is_number(cell: str, meaning: Meaning) -> bool:
    """Whether a cell of the first line is one of the table rather than the name of a column."""
    for form in {"plain", meaning.form} & {"plain", "comma", "point"}:
        try:
            cell_number(cell, Meaning("number", form))
        except ValueError:
            continue
        return not is_missing(cell) or cell.strip().lstrip("+-").lower() == "nan"
    return False


def _header_names(first: list[str]) -> tuple[str, ...]:
    """Names of the columns; NumPy writes '# ' before the first."""
    return header_names([first[0].lstrip("# "), *first[1:]])


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    """The lines of a file; raises `DataError` where it holds what no text does."""
    for line in file:
        if "\0" in line:
            raise DataError(f"'{path}' is no text that can be read: it holds bytes that are 0.")
        yield line


def _wide(path: Path, writing: _Writing, names: tuple[str, ...], place: _LinePlace) -> Iterator[list[str]]:
    """All rows behind the header; raises `DataError` for one that is not as wide as the first."""
    with path.open(newline="", encoding=writing.encoding) as file:
        rows = split_rows(_lines(file, path), writing.delimiter)
        rows = islice(rows, writing.skipped + writing.header, None)
        for number, row in enumerate(rows):
            if len(row) != len(names):
                count = "1 value" if len(row) == 1 else f"{len(row)} values"
                raise DataError(f"'{path}' has {count} in {place(number)}, but {len(names)} in its first line.")
            yield row


@dataclass(frozen=True)
class _LinePlace:
    """Finds the line of a row by reading the file again: only errors ask, so rows need not remember it."""

    path: Path
    writing: _Writing

    def __call__(self, row: int) -> str:
        with self.path.open(newline="", encoding=self.writing.encoding) as file:
            counted = _Counted(file)
            wanted = row + self.writing.skipped + self.writing.header
            next(islice(split_rows(counted, self.writing.delimiter), wanted, None), None)
            return f"line {counted.count}"


class _Counted:
    """The lines of a file, counted as they are read."""

    def __init__(self, file: TextIO) -> None:
        self._file, self.count = file, 0

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.count += 1
            yield line


def _at_once(text: TextRows, writing: _Writing, selection: str | None, label: str | None) -> Table | None:
    """What pandas reads; None where the cells must be looked at one by one."""
    dates = text.dates if selection is None else ()
    picked, labelled = picked_columns(text.path, text.names, selection, label, dates)
    forms = {text.meanings[i].form for i in picked}
    if len(picked) > MOST_AT_ONCE:
        return None
    if not {text.meanings[i].kind for i in picked} <= {"number", "whole number"} or forms not in ({"plain"}, {"comma"}):
        return None
    count = sum(1 for _ in text.rows())
    growing = Growing(len(picked))
    finder = label_finder(text, labelled)
    whole = labelled is not None and text.meanings[labelled].kind == "whole number"
    try:
        for piece in _pieces(text, writing, picked, labelled, "," if forms == {"comma"} else "."):
            growing.add(piece[list(picked)].to_numpy(np.float64))
            if finder is not None:
                finder.note(label_cells((cell if isinstance(cell, str) else "" for cell in piece[labelled]), whole))
    except (ValueError, OverflowError) as error:
        # Also what pandas raises; such a cell is found and told by `read_text`
        if isinstance(error, DataError | UnicodeError):
            raise
        return None
    values = growing.values()
    return text_table(text, values, picked, finder, dates) if len(values) == count else None


def _pieces(
    text: TextRows, writing: _Writing, picked: tuple[int, ...], labelled: int | None, decimal: str
) -> Iterator[Any]:
    """Tables of pandas, some rows at a time, whose columns are called by their numbers."""
    import pandas as pd

    used = [*picked, *([] if labelled is None else [labelled])]
    with text.path.open(newline="", encoding=writing.encoding) as file:
        reader = pd.read_csv(
            file,
            sep=r"\s+" if writing.delimiter == BLANKS else writing.delimiter,
            decimal=decimal,
            header=0 if writing.header else None,
            names=list(range(len(text.names))),
            skiprows=writing.skipped,
            index_col=False,
            usecols=used,
            dtype={i: str if i == labelled else np.float64 for i in used},
            na_values=sorted(MISSING),
            keep_default_na=False,
            skipinitialspace=writing.delimiter != "\t",
            chunksize=max(1, PIECE_CELLS // len(text.names)),
        )
        with reader:
            yield from reader

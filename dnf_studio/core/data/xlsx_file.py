"""Sheets of an Excel workbook (`.xlsx`): the values that its cells show, formulas as they were last computed."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnf_studio.core.data.arrays import ArrayInfo, choose_array
from dnf_studio.core.data.cells import is_missing, meanings, plain_number, text_of
from dnf_studio.core.data.table import Table, gigabytes, number_columns
from dnf_studio.core.data.text_table import Sketch, TextRows, header_names, read_text, sketch_text
from dnf_studio.errors import DataError

MOST_BYTES = 1 << 29
"""Bytes of a workbook when it is unpacked; it is text, of which a number takes some fifty."""
MOST_CELLS = 1 << 24
"""Cells of a sheet that are held, each of them a piece of text."""
MOST_ROWS = 1000
Workbook = Any
"""openpyxl has no types."""


def list_xlsx(path: Path) -> tuple[ArrayInfo, ...]:
    """The sheets of a workbook, in its order."""
    with _opened(path) as book:
        return _infos(book)


def read_xlsx(path: Path, selection: str | None, label: str | None = None) -> Table:
    """The chosen sheet, or the only one, and of it the chosen columns."""
    text, columns = _text(path, selection)
    return read_text(text, columns, label)


def sketch_xlsx(path: Path, most_cells: int, inside: str | None = None) -> Sketch:
    """The first rows of a sheet, and what its columns are."""
    return sketch_text(_text(path, inside)[0], most_cells)


@dataclass(frozen=True)
class _Place:
    numbers: list[int]

    def __call__(self, row: int) -> str:
        return f"row {self.numbers[row]}"


def _text(path: Path, selection: str | None) -> tuple[TextRows, str | None]:
    """A sheet as text, and what columns are chosen of it."""
    with _opened(path) as book:
        sheets, columns = _infos(book), selection
        name = sheets[0].name
        if len(sheets) > 1 or (selection is not None and selection.partition("::")[0].strip() == name):
            info, columns = choose_array(path, sheets, selection)
            name = info.name
        numbers, rows = _cells(path, book[name])
    if not rows:
        raise DataError(f"Sheet '{name}' of '{path}' is empty.")
    header = not any(map(_is_number, rows[0]))
    names = header_names(rows[0])
    body = rows[header:]
    known = meanings([row[i] for row in body[:MOST_ROWS]] for i in range(len(names)))
    named = names if header else number_columns(len(names))
    return TextRows(path, named, known, lambda: iter(body), _Place(numbers[header:])), columns


def _cells(path: Path, sheet: Any) -> tuple[list[int], list[list[str]]]:  # noqa: ANN401 - openpyxl has no types
    """The rows of a sheet that hold something, all equally wide, and their numbers."""
    numbers, rows, width, count = list[int](), list[list[str]](), 0, 0
    for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
        row = [text_of(value) for value in values]
        while row and not row[-1]:
            row.pop()
        if not row:
            continue
        width, count = max(width, len(row)), count + len(row)
        if max(count, width * (len(rows) + 1)) > MOST_CELLS:
            raise DataError(f"A sheet of '{path}' holds more than {MOST_CELLS:,} cells; save it as CSV.")
        numbers.append(number)
        rows.append(row)
    return numbers, [row + [""] * (width - len(row)) for row in rows]


def _is_number(cell: str) -> bool:
    try:
        plain_number(cell)
    except ValueError:
        return False
    return not is_missing(cell)


def _infos(book: Workbook) -> tuple[ArrayInfo, ...]:
    # A chart has a sheet of its own without cells
    return tuple(ArrayInfo(sheet.title, (), "sheet") for sheet in book.worksheets)


@contextmanager
def _opened(path: Path) -> Iterator[Workbook]:
    """The workbook, nothing of it computed or fetched from elsewhere; whatever is wrong with it is one sentence."""
    import openpyxl

    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                size = sum(member.file_size for member in archive.infolist())
            if size > MOST_BYTES:
                raise DataError(f"'{path}' takes {gigabytes(size)} when it is unpacked; save it as CSV.")
            with warnings.catch_warnings():
                # On styles and such, which are no data
                warnings.simplefilter("ignore")
                book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
                if not book.worksheets:
                    raise DataError(f"'{path}' holds no sheet.")
                yield book
        except (DataError, MemoryError):
            raise
        except Exception:  # openpyxl passes on whatever its parsers of archives, XML and dates raise
            raise DataError(f"'{path}' is no sound Excel workbook: it is damaged or of an older kind.") from None

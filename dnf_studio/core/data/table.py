"""Rows of numbers with names, wherever they lie, and how columns of them are chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.labels import Labels, number_labels
from dnf_studio.errors import DataError

BLOCK = 16_384
"""Rows that are read or converted at a time."""
BLOCK_CELLS = 1 << 24
"""Numbers in a block at most: a table of very many columns is read by fewer rows at a time."""
MOST_COLUMNS = 100_000
"""Columns of a table that is read at all: each has a name, and a model takes a tenth of them."""
MOST_HELD = 2 << 30
"""Bytes that are unpacked into memory at most; what a file holds as it is may be of any size."""
FLOAT32 = np.finfo(np.float32)


class Rows(Protocol):
    """What of an array is used: its shape, and its rows by a slice or by their numbers in ascending order."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: Any, /) -> Any: ...  # noqa: ANN401 - an array of whatever type the file has


@dataclass(frozen=True)
class Table:
    """Rows of numbers: the `picked` columns of `values` (n, ≥ D), whose names are `columns`."""

    path: Path
    values: Rows
    picked: tuple[int, ...]
    columns: tuple[str, ...]
    place: Callable[[int], str]
    """Where a row stands, in words for a person who looks into the file."""
    mapped: bool = False
    """Whether the rows stay in the file and are read from it when they are needed."""
    inside: str | None = None
    """The array of a file that holds several."""
    labels: Labels | None = None
    """What the rows are called by another column; of all rows, whether or not they are kept."""
    dates: tuple[str, ...] = ()
    """Columns of dates that are left out since nobody asked for them."""
    kept: NDArray[np.int64] | None = None
    """The rows of `values` that are left, ascending; None for all."""

    def __len__(self) -> int:
        return self.values.shape[0] if self.kept is None else len(self.kept)

    @property
    def name(self) -> str:
        """The file without its folder, and the array inside it."""
        return self.path.name if self.inside is None else f"{self.path.name}::{self.inside}"

    def read(self, rows: slice | NDArray[np.int64]) -> NDArray[np.float64]:
        """The picked columns of these rows, float64 (k, D)."""
        block = self.values[rows] if self.kept is None else self._kept_rows(self.kept[rows])
        if self.picked != tuple(range(self.values.shape[1])):
            block = block[:, list(self.picked)]
        with np.errstate(invalid="ignore", over="ignore"):  # of what is no number, or beyond them, it makes infinity
            return np.asarray(block, dtype=np.float64)

    def _kept_rows(self, rows: NDArray[np.int64]) -> Any:  # noqa: ANN401 - an array of whatever type the file has
        """These rows of `values`; near ones are read as a whole, which a file gives much sooner than single rows."""
        if not len(rows) or rows[-1] - rows[0] > 4 * len(rows):
            return self.values[rows]
        return self.values[rows[0] : rows[-1] + 1][rows - rows[0]]

    def told_place(self, row: int) -> str:
        """Where one of the rows that are kept stands in the file."""
        return self.place(row if self.kept is None else int(self.kept[row]))

    def labelled_by(self, column: str, index: int) -> Table:
        """This table with the labels that are the whole numbers of column `index` of `values`."""
        alone = replace(self, picked=(index,), columns=(column,))
        return replace(self, labels=number_labels(self.path, column, (block[:, 0] for _, block in alone.blocks())))

    def blocks(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """All rows in order as (rows, float64 (≤ BLOCK, D)), so that a mapped file is never held whole."""
        step = max(1, min(BLOCK, BLOCK_CELLS // self.values.shape[1]))
        for start in range(0, len(self), step):
            rows = slice(start, min(start + step, len(self)))
            yield rows, self.read(rows)


def array_fault(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    """Why an array is no table, as the rest of a sentence about it; nothing where it is one."""
    if dtype.hasobject:
        return "holds pickled Python objects, which are never opened; save plain numbers"
    if dtype.kind not in "biuf":
        return f"holds values of type {dtype}, not real numbers"
    if len(shape) not in (1, 2):
        return f"has {len(shape)} dimensions; a table has one or two (rows, columns)"
    if 0 in shape:
        return f"holds no {'rows' if shape[0] == 0 else 'columns'}"
    if shape[1:] and shape[1] > MOST_COLUMNS:
        return f"has {shape[1]:,} columns, more than the {MOST_COLUMNS:,} that are read"
    return ""


def counted_row(row: int) -> str:
    """The place of a row in an array."""
    return f"row {row} (counted from 0)"


def gigabytes(size: int) -> str:
    """Bytes in GB for a person to read."""
    return f"{size / 1e9:.2g} GB" if size < 1e11 else f"{size / 1e9:,.0f} GB"


def number_columns(count: int) -> tuple[str, ...]:
    """Names for columns that have none."""
    return tuple(f"column {index}" for index in range(count))


def pick_columns(path: Path, columns: tuple[str, ...], selection: str | None) -> tuple[int, ...]:
    """Indices of the comma-separated names or numbers in `selection`, or of all columns for None."""
    if selection is None:
        return tuple(range(len(columns)))
    picked: list[int] = []
    for wanted in (part.strip() for part in selection.split(",")):
        index = find_column(path, columns, wanted)
        if index in picked:
            raise DataError(f"Column '{wanted}' of '{path}' is chosen twice.")
        picked.append(index)
    return tuple(picked)


def picked_columns(
    path: Path, columns: tuple[str, ...], selection: str | None, label: str | None, unasked: Collection[int] = ()
) -> tuple[tuple[int, ...], int | None]:
    """Indices of the columns that are components, as `pick_columns` has them, and that of the one with the labels.

    The labels are no component, and where none are chosen neither are the `unasked` columns. Raises `DataError`
    where no component is left.
    """
    labelled = None if label is None else find_column(path, columns, label.strip(), "--label")
    picked = pick_columns(path, columns, selection)
    if selection is not None and labelled in picked:
        raise DataError(
            f"Column '{columns[labelled or 0]}' of '{path}' has the labels and so is no component; choose the others "
            "with FILE::column,column."
        )
    if selection is None:
        picked = tuple(index for index in picked if index != labelled and index not in unasked)
    if not picked:
        raise DataError(f"'{path}' holds no column of numbers to train on besides its labels and dates.")
    return picked, labelled


def find_column(path: Path, columns: tuple[str, ...], wanted: str, by: str = "FILE::column,column") -> int:
    """The index of the one column that is called `wanted` or has that number."""
    if not wanted:
        raise DataError(f"A column chosen of '{path}' has no name; write {by}.")
    found = [index for index, name in enumerate(columns) if name == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        numbers = " and ".join(map(str, found))
        raise DataError(f"'{path}' has {len(found)} columns named '{wanted}'; choose by number, {numbers}.")
    if wanted.isdecimal():
        # As many digits as this are no column's number; of thousands int() would make no number at all
        if len(wanted) < 10 and int(wanted) < len(columns):
            return int(wanted)
        raise DataError(f"'{path}' has no column {wanted:.20}; its {len(columns)} columns are numbered from 0.")
    lower = {name.lower(): name for name in columns}
    near = get_close_matches(wanted.lower(), lower, n=1)
    shown = ", ".join(columns[:8]) + (", …" if len(columns) > 8 else "")
    hint = f"the nearest is '{lower[near[0]]}'" if near else f"it has {shown}"
    comma = next((index for index, name in enumerate(columns) if wanted in map(str.strip, name.split(","))), None)
    if comma is not None:
        hint = f"'{columns[comma]}', whose name holds a comma, is chosen by its number, {comma}"
    raise DataError(f"'{path}' has no column named '{wanted}'; {hint}.")


def varies_too_little(scale: float, low: float, high: float) -> bool:
    """Whether single precision loses what a column of this spread and range varies by."""
    return bool(scale <= max(4 * FLOAT32.eps * max(-low, high), FLOAT32.tiny))


class CopyFinder:
    """Finds columns that repeat another, from blocks of rows: of each column a digest is enough."""

    def __init__(self, dim: int) -> None:
        self._digests = [hashlib.sha256() for _ in range(dim)]

    def note(self, block: NDArray[np.float32]) -> None:
        """Take the next rows (n, D)."""
        for digest, column in zip(self._digests, block.T, strict=True):
            digest.update(column.tobytes())

    def found(self) -> dict[int, int]:
        """Each column that repeats an earlier one, and the first of those."""
        first: dict[bytes, int] = {}
        originals = (first.setdefault(digest.digest(), i) for i, digest in enumerate(self._digests))
        return {i: original for i, original in enumerate(originals) if original != i}

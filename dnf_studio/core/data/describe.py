"""What a data file holds, for a person who chooses from it: its arrays, and the columns of one of them.

A column that cannot be trained on is no error here but a reason in words; only a file that cannot be
read is a `DataError`. Rows are read in blocks, several times over, and never held whole; of a text or
Parquet table that is too large for that the first rows are described.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.arrays import ArrayInfo
from dnf_studio.core.data.csv_file import sketch_csv
from dnf_studio.core.data.labels import MOST_LABELS
from dnf_studio.core.data.parquet_file import sketch_parquet
from dnf_studio.core.data.readers import list_arrays, read_table, told
from dnf_studio.core.data.row_sets import standardise
from dnf_studio.core.data.table import FLOAT32, CopyFinder, varies_too_little
from dnf_studio.core.data.text_table import Sketch, Understood
from dnf_studio.core.data.xlsx_file import sketch_xlsx
from dnf_studio.errors import DataError

BINS = 40
MOST_CELLS = 1 << 23
"""Numbers of a text or Parquet table that are looked at."""
MOST_COLUMNS = 2000
"""Columns of a table that are described one by one; one with more can only be taken whole."""
MOST_GAPS = 1 << 26
"""Bytes that say which rows have missing values; a table that needs more does not tell how many are left."""
SKETCHES: dict[str, Callable[[Path, int, str | None], Sketch]] = {
    ".csv": lambda path, most, _inside: sketch_csv(path, most),
    ".tsv": lambda path, most, _inside: sketch_csv(path, most),
    ".txt": lambda path, most, _inside: sketch_csv(path, most),
    ".xlsx": sketch_xlsx,
    ".parquet": lambda path, most, _inside: sketch_parquet(path, most),
}
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class ColumnInfo:
    """A column in data units; numbers are of its finite values, NaN where there are none."""

    name: str
    low: float
    high: float
    mean: float
    missing: float
    """The share of rows without a value, of a column of numbers without a finite one."""
    counts: tuple[int, ...]
    """Values in each of equally wide bins from `low` to `high`."""
    problem: str = ""
    """Why it cannot be trained on, as the rest of a sentence about it; nothing where it can."""
    kind: str = "number"
    """What it holds: numbers, whole numbers, dates, text, or one value only, and how they are written."""
    gaps: int = 0
    """How many rows have no value."""
    without_gaps: str = ""
    """Why it cannot be trained on even if the rows without a value are left out."""
    distinct: int | None = None
    """How many labels it would give; None where it can be none."""


@dataclass(frozen=True)
class Description:
    """What a file holds and, of one array or the table it is, the columns."""

    path: Path
    arrays: tuple[ArrayInfo, ...] = ()
    """The arrays of a file that holds several; empty for a table."""
    inside: str | None = None
    """The array whose columns these are."""
    rows: int = 0
    width: int = 0
    """How many columns there are; `columns` is empty where they are more than `MOST_COLUMNS`."""
    columns: tuple[ColumnInfo, ...] = ()
    partial: bool = False
    """Whether only the first `rows` were looked at."""
    problem: str = ""
    """Why nothing here can be trained on, as one sentence."""
    gaps: dict[int, NDArray[np.uint8]] = field(default_factory=dict, compare=False)
    """The rows without a missing value, by column that has some, as packed bits."""

    @property
    def simple(self) -> bool:
        """Whether there is nothing to choose: one array at most, of one or two sound columns."""
        sound = 1 <= self.width <= 2 and not any(column.problem for column in self.columns)
        return not self.problem and len(self.arrays) <= 1 and sound


def describe(path: Path, inside: str | None = None, cancelled: Cancelled = lambda: False) -> Description:
    """Describe `path`, and of several arrays inside it the one named, or else the largest that can be used.

    Raises `DataError` where the file cannot be read, or where `cancelled` says so meanwhile.
    """
    arrays = list_arrays(path)
    usable = [info for info in arrays if not info.problem]
    if arrays and inside is None:
        if not usable:
            return Description(path, arrays, problem=f"'{path.name}' holds no table of real numbers.")
        inside = max(usable, key=lambda info: (not info.scale, len(info.shape), np.prod(info.shape, dtype=float))).name
    sketch = SKETCHES.get(path.suffix.lower())
    if sketch is not None:
        with told(path):
            known = sketch(path, MOST_CELLS, inside)
    else:
        known = Sketch(read_table(str(path) if inside is None else f"{path}::{inside}"))
    table = known.table
    found = Description(path, arrays, inside, len(table), len(table.columns), partial=known.partial)
    if len(table) < 3:
        return replace(found, problem=f"'{table.name}' holds fewer than three rows, too few to train on.")
    if len(table.columns) > MOST_COLUMNS:
        return found
    columns = _Columns(known, cancelled)
    return replace(found, columns=columns.infos(), gaps=columns.gaps)


def rows_left(description: Description, columns: Sequence[int]) -> int | None:
    """How many rows have a value in all of these columns; None where that is not known."""
    held = [i for i in columns if description.columns and description.columns[i].gaps]
    if not set(held) <= description.gaps.keys():
        return None
    if not held:
        return description.rows
    lost = np.bitwise_or.reduce([description.gaps[i] for i in held])
    return description.rows - int(np.bitwise_count(lost).sum())


def source_of(description: Description, chosen: Sequence[int], label: int | None = None) -> str:
    """FILE, ``FILE::path/inside`` or either with ``::column,column``, for the columns with these numbers.

    All of them are those that are taken where none are named: all but dates and the one with the labels.
    """
    named = [str(description.path)]
    dates = {i for i, column in enumerate(description.columns) if column.kind.startswith("date")}
    whole = list(chosen) == [i for i in range(description.width) if i != label and i not in dates]
    usable = [info for info in description.arrays if not info.problem and not info.scale]
    if description.inside is not None and not (whole and [info.name for info in usable] == [description.inside]):
        named.append(description.inside)
    if not whole:
        named.append(",".join(column_name(description, i) for i in chosen))
    return "::".join(named)


def column_name(description: Description, index: int) -> str:
    """By what a column can be chosen: its name, or its number where the name would not do."""
    names = [column.name for column in description.columns]
    automatic = Path(description.path).suffix.lower() not in SKETCHES
    return str(index) if automatic or not _plain(names, index) else names[index]


def _plain(names: Sequence[str], index: int) -> bool:
    """Whether a column can be chosen by its name."""
    name = names[index]
    return bool(name) and name == name.strip() and "," not in name and "::" not in name and names.count(name) == 1


class _Columns:
    """Three passes over a table: ranges, then spreads and histograms, then copies."""

    def __init__(self, sketch: Sketch, cancelled: Cancelled) -> None:
        self._table, self._partial, self._cancelled = sketch.table, sketch.partial, cancelled
        dim = len(self._table.columns)
        self._known = sketch.columns or (Understood(""),) * dim
        self._finite, self._total = np.zeros(dim), np.zeros(dim)
        self._low, self._high = np.full(dim, np.inf), np.full(dim, -np.inf)
        self._whole = np.ones(dim, bool)
        self._square = np.zeros(dim)
        self._counts = np.zeros((dim, BINS), np.int64)
        self._values: dict[int, set[float]] = {}
        self.gaps: dict[int, NDArray[np.uint8]] = {}

    def infos(self) -> tuple[ColumnInfo, ...]:
        """Read everything and say what the columns are."""
        with np.errstate(all="ignore"):
            for block in self._blocks():
                self._note_range(block)
            mean = self._total / self._finite
            few = self._whole & (self._finite > 0) & (self._high - self._low < MOST_LABELS)
            self._values = {int(i): set() for i in np.flatnonzero(few)}
            gaps = self._gap_columns()
            for block in self._blocks():
                self._square += np.where(np.isfinite(block), (block - mean[:, None]) ** 2, 0.0).sum(1)
                self._count(block)
                for i, parts in gaps.items():
                    parts.append(~np.isfinite(block[i]))
            scale = np.sqrt(self._square / self._finite)
            lasting = [self._lasting(i, float(scale[i])) for i in range(len(self._finite))]
            self._find_copies(lasting, mean, scale)
        masks = {i: np.concatenate(parts) for i, parts in gaps.items()}
        masks |= {i: known.gaps for i, known in enumerate(self._known) if known.gaps is not None and known.gaps.any()}
        self.gaps = {i: np.packbits(mask) for i, mask in masks.items()}
        return tuple(self._info(i, problem) for i, problem in enumerate(lasting))

    def _gap_columns(self) -> dict[int, list[NDArray[np.bool_]]]:
        """The columns of numbers with missing values, as far as there is room for which rows these are."""
        rows = len(self._table)
        held = [i for i, known in enumerate(self._known) if known.gaps is None and self._finite[i] < rows]
        return {i: [] for i in held[: MOST_GAPS // max(1, rows)]}

    def _blocks(self) -> Iterator[NDArray[np.float64]]:
        """All rows in order, with the values of a column side by side: (D, k)."""
        for _, block in self._table.blocks():
            if self._cancelled():
                raise DataError(f"Reading '{self._table.path}' was cancelled.")
            yield np.ascontiguousarray(block.T)

    def _note_range(self, block: NDArray[np.float64]) -> None:
        finite = np.isfinite(block)
        self._finite += finite.sum(1)
        low, high, total = (
            (block,) * 3 if finite.all() else (np.where(finite, block, x) for x in (np.inf, -np.inf, 0.0))
        )
        self._total += total.sum(1)
        self._low = np.minimum(self._low, low.min(1))
        self._high = np.maximum(self._high, high.max(1))
        for i in np.flatnonzero(self._whole):
            self._whole[i] = not (np.floor(total[i]) != total[i]).any()

    def _count(self, block: NDArray[np.float64]) -> None:
        """Add a block to the histograms."""
        width = self._high / BINS - self._low / BINS
        width[~(width > 0)] = 1.0
        bins = (block - self._low[:, None]) / width[:, None]
        for i, column in enumerate(bins):
            known = np.isfinite(block[i])
            inside = column[known].clip(0, BINS - 1).astype(np.int32)
            self._counts[i] += np.bincount(inside, minlength=BINS)
            if i in self._values:
                self._values[i].update(np.unique(block[i][known]).tolist())

    def _lasting(self, i: int, scale: float) -> str:
        """Why a column is refused whatever rows are left out; of a part of the rows only what is certain.

        Which rows are to train on depends on the other columns that are chosen. So all rows are looked at here, and a
        column that varies in held-out rows alone is refused only when it is opened.
        """
        if self._known[i].fault:
            return self._known[i].fault
        if not self._finite[i]:
            return "has no values"
        if max(-self._low[i], self._high[i]) > FLOAT32.max:
            return "holds a value beyond ±3.4e38, the range of single precision"
        if self._partial:
            return ""
        if self._low[i] == self._high[i]:
            return "is constant"
        if varies_too_little(scale, self._low[i], self._high[i]):
            return "varies too little for single precision; subtract an offset or change its unit"
        return ""

    def _find_copies(self, problems: list[str], mean: NDArray[np.float64], scale: NDArray[np.float64]) -> None:
        """Refuse what repeats an earlier column in model units."""
        sound = [i for i, problem in enumerate(problems) if not problem and self._finite[i] == len(self._table)]
        if self._partial or not sound:
            return
        finder = CopyFinder(len(sound))
        for block in self._blocks():
            finder.note(standardise(block[sound].T, mean[sound], scale[sound]))
        for copy, original in finder.found().items():
            problems[sound[copy]] = f"repeats column '{self._table.columns[sound[original]]}'"

    def _info(self, i: int, lasting: str) -> ColumnInfo:
        finite, known, rows = self._finite[i], self._known[i], len(self._table)
        low, high = (float(self._low[i]), float(self._high[i])) if finite else (np.nan, np.nan)
        mean = float(self._total[i] / finite) if finite else np.nan
        gone = int(rows - finite) if known.gaps is None else int(known.gaps.sum())
        problem = known.fault
        if not problem and gone:
            problem = f"has {gone:,} value{'' if gone == 1 else 's'} missing or not finite"
        values = self._values.get(i)
        distinct = known.distinct if values is None or known.kind.startswith("date") else len(values)
        kind = known.kind or ("whole number" if self._whole[i] and finite else "number")
        if low == high and not self._partial:
            kind = "constant"
        counts = tuple(self._counts[i].tolist())
        name, missing = self._table.columns[i], gone / rows
        return ColumnInfo(name, low, high, mean, missing, counts, problem or lasting, kind, gone, lasting, distinct)

"""Parquet tables: numbers, dates as days, and text for labels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.labels import MOST_LABELS, LabelFinder, Labels
from dnf_studio.core.data.table import BLOCK, MOST_COLUMNS, MOST_HELD, Table, counted_row, gigabytes, picked_columns
from dnf_studio.core.data.text_table import Sketch, Understood, first_rows, label_cells
from dnf_studio.errors import DataError

Parquet = Any
"""pyarrow has no types."""


def read_parquet(path: Path, selection: str | None, label: str | None = None) -> Table:
    """Hold the chosen columns, which must be numbers or dates; a missing value is NaN."""
    with _opened(path) as file:
        names = tuple(file.schema_arrow.names)
        kinds = [file.schema_arrow.field(i).type for i in range(len(names))]
        dates = [i for i, kind in enumerate(kinds) if _is_date(kind)]
        picked, labelled = picked_columns(path, names, selection, label, dates)
        for i in picked:
            if fault := _fault(kinds[i]):
                raise DataError(f"Column '{names[i]}' of '{path}' {fault}; choose columns with FILE::column,column.")
        size = 8 * file.metadata.num_rows * len(picked)
        if size > MOST_HELD:
            raise DataError(
                f"'{path}' takes {gigabytes(size)} when it is unpacked; save it as .npy or choose fewer columns."
            )
        values = _values(file, picked, file.metadata.num_rows)
        labels = None if labelled is None else _labels(path, file, labelled)
        if labels is not None and len(labels.codes) != len(values):
            raise ValueError("other labels than promised")
    unasked = tuple(names[i] for i in dates if selection is None and i != labelled)
    columns = tuple(names[i] for i in picked)
    return Table(path, values, tuple(range(len(picked))), columns, counted_row, labels=labels, dates=unasked)


def sketch_parquet(path: Path, most_cells: int) -> Sketch:
    """The first rows, and what their columns are."""
    with _opened(path) as file:
        names = tuple(file.schema_arrow.names)
        kinds = [file.schema_arrow.field(i).type for i in range(len(names))]
        numbers = tuple(i for i, kind in enumerate(kinds) if not _fault(kind))
        rows = min(file.metadata.num_rows, first_rows(len(names), most_cells))
        values = np.full((rows, len(names)), np.nan)
        if numbers:
            values[:, list(numbers)] = _values(file, numbers, rows)
        columns = tuple(_understood(file, i, rows) for i in range(len(names)))
        partial = rows < file.metadata.num_rows
    return Sketch(Table(path, values, tuple(range(len(names))), names, counted_row), columns, partial)


def _understood(file: Parquet, i: int, rows: int) -> Understood:
    """What is known of a column besides its numbers."""
    kind = file.schema_arrow.field(i).type
    fault = _fault(kind)
    if not fault:
        return Understood("date" if _is_date(kind) else "")
    if not _is_text(kind):
        return Understood(str(kind), fault)
    cells = list(islice(chain.from_iterable(_texts(file, i)), rows))
    distinct, gaps = len(set(cells) - {None}), np.array([cell is None for cell in cells])
    return Understood("text", fault, distinct if distinct <= MOST_LABELS else None, gaps)


def _labels(path: Path, file: Parquet, i: int) -> Labels:
    """The labels in a column of text, truth values or whole numbers."""
    names, kind = file.schema_arrow.names, file.schema_arrow.field(i).type
    from pyarrow import types

    if not (_is_text(kind) or types.is_integer(kind) or types.is_boolean(kind)):
        raise DataError(
            f"Column '{names[i]}' of '{path}' holds values of type {kind}, and labels are text or whole numbers; "
            "choose another one with --label."
        )
    finder = LabelFinder(path, names[i])
    for block in _texts(file, i):
        finder.note(block)
    return finder.labels()


def _texts(file: Parquet, i: int) -> Iterator[list[str | None]]:
    """A column as text, block by block, None where a value is missing."""
    name = file.schema_arrow.names[i]
    place = file.schema_arrow.names[:i].count(name)
    for batch in file.iter_batches(BLOCK, columns=[name], use_threads=False):
        yield label_cells("" if cell is None else str(cell) for cell in batch.column(place).to_pylist())


@contextmanager
def _opened(path: Path) -> Iterator[Parquet]:
    """The file behind its footer; whatever pyarrow finds wrong in it is one sentence."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataError(
            f"'{path}' is a Parquet file, which needs pyarrow; install it with pip install 'dnf-studio[parquet]'."
        ) from None
    reader: Parquet = pyarrow.parquet.ParquetFile
    try:
        with reader(path) as file:
            if (count := file.metadata.num_columns) > MOST_COLUMNS:
                raise DataError(f"'{path}' has {count:,} columns, more than the {MOST_COLUMNS:,} that are read.")
            parts = (file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups))
            if sum(parts) != file.metadata.num_rows:
                raise ValueError("other rows than promised")
            yield file
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, TypeError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DataError(f"'{path}' is no sound Parquet file: it is damaged or cut short.") from None


def _fault(kind: Parquet) -> str:
    """Why a column of this type cannot be used, as the rest of a sentence about it."""
    from pyarrow import types

    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind):
        return ""
    if _is_date(kind):
        return ""
    return "holds text, not numbers" if _is_text(kind) else f"holds values of type {kind}, not real numbers"


def _is_text(kind: Parquet) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_dictionary(kind))


def _is_date(kind: Parquet) -> bool:
    from pyarrow import types

    return bool(types.is_date(kind) or types.is_timestamp(kind))


def _column(values: Parquet) -> NDArray[np.float64]:
    """Numbers, or days since 1970-01-01 UTC; NaN where one is missing."""
    import pyarrow

    if dated := _is_date(values.type):
        # Whole microseconds of a date fit into 64 bits for 290,000 years
        values = values.cast(pyarrow.timestamp("us"), safe=False).cast(pyarrow.int64())
    found: NDArray[np.float64] = values.cast(pyarrow.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found / 86_400e6 if dated else found


def _values(file: Parquet, picked: tuple[int, ...], count: int) -> NDArray[np.float64]:
    """The first `count` rows of the picked columns, (count, D)."""
    names = file.schema_arrow.names
    wanted = list(dict.fromkeys(names[i] for i in picked))
    # Of columns with one name all come, side by side in the order of the file
    read = [i for name in wanted for i, other in enumerate(names) if other == name]
    values = np.empty((count, len(picked)))
    start = 0
    for batch in file.iter_batches(BLOCK, columns=wanted, use_threads=False):
        if batch.schema.names != [names[i] for i in read]:
            raise ValueError("other columns than asked for")
        rows = min(batch.num_rows, count - start)
        for j, i in enumerate(picked):
            values[start : start + rows, j] = _column(batch.column(read.index(i)).slice(0, rows))
        start += rows
        if start == count:
            break
    if start < count:
        raise ValueError("fewer rows than promised")
    return values

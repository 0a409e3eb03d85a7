"""Tables in Parquet files, read through pyarrow where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.table import BLOCK, MOST_HELD, Table, counted_row, gigabytes, pick_columns
from dnf_studio.errors import DataError

__all__ = ["read_parquet", "sketch_parquet"]

Parquet = Any
"""pyarrow has no types."""


def read_parquet(path: Path, selection: str | None) -> Table:
    """Hold the chosen columns, which must be numbers; a missing value is NaN."""
    with _opened(path) as file:
        names = tuple(file.schema_arrow.names)
        picked = pick_columns(path, names, selection)
        for i in picked:
            if fault := _fault(file.schema_arrow.field(i).type):
                raise DataError(f"Column '{names[i]}' of '{path}' {fault}; choose columns with FILE::column,column.")
        size = 8 * file.metadata.num_rows * len(picked)
        if size > MOST_HELD:
            raise DataError(
                f"'{path}' takes {gigabytes(size)} when it is unpacked; save it as .npy or choose fewer columns."
            )
        values = _values(file, picked, file.metadata.num_rows)
    return Table(path, values, tuple(range(len(picked))), tuple(names[i] for i in picked), counted_row)


def sketch_parquet(path: Path, most_cells: int) -> tuple[Table, dict[int, str], bool]:
    """The first rows with NaN where there is no number, why columns hold none, and whether rows are left out."""
    with _opened(path) as file:
        names = tuple(file.schema_arrow.names)
        faults = {i: _fault(file.schema_arrow.field(i).type) for i in range(len(names))}
        numbers = tuple(i for i, fault in faults.items() if not fault)
        rows = min(file.metadata.num_rows, max(BLOCK, most_cells // max(1, len(names))))
        values = np.full((rows, len(names)), np.nan)
        if numbers:
            values[:, list(numbers)] = _values(file, numbers, rows)
        partial = rows < file.metadata.num_rows
    table = Table(path, values, tuple(range(len(names))), names, counted_row)
    return table, {i: fault for i, fault in faults.items() if fault}, partial


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
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_dictionary(kind)
    return "holds text, not numbers" if text else f"holds values of type {kind}, not real numbers"


def _values(file: Parquet, picked: tuple[int, ...], count: int) -> NDArray[np.float64]:
    """The first `count` rows of the picked columns, (count, D)."""
    import pyarrow

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
            column = batch.column(read.index(i)).slice(0, rows).cast(pyarrow.float64(), safe=False)
            values[start : start + rows, j] = column.to_numpy(zero_copy_only=False)
        start += rows
        if start == count:
            break
    if start < count:
        raise ValueError("fewer rows than promised")
    return values

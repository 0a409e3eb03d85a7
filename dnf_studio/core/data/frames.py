"""Data frames and series of pandas as tables: columns by their names, text for labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.labels import LabelFinder, Labels, number_labels
from dnf_studio.core.data.table import BLOCK, Table, counted_row, number_columns, picked_columns
from dnf_studio.errors import DataError

Frame = Any
"""pandas has no types here."""


def frame_table(path: Path, x: Frame, label: str | None = None) -> Table:
    """The columns of `x`, each a component, float64 with NaN where a value is missing; `path` is what it is called.

    The column `label` says what each row is called. Dates are left out, as in a file. Raises `DataError` for a column
    that holds no numbers.
    """
    import pandas as pd

    frame = x.to_frame() if isinstance(x, pd.Series) else x
    if not len(frame) or not len(frame.columns):
        raise DataError(f"The {path} holds no {'columns' if len(frame) else 'rows'}.")
    names = _names(frame.columns)
    dates = [i for i in range(len(names)) if pd.api.types.is_datetime64_any_dtype(frame.dtypes.iloc[i])]
    picked, labelled = picked_columns(path, names, None, label, dates)
    values = np.empty((len(frame), len(picked)))
    for place, i in enumerate(picked):
        values[:, place] = _numbers(path, names[i], frame.iloc[:, i])
    labels = None if labelled is None else _labels(path, names[labelled], frame.iloc[:, labelled])
    unasked = tuple(names[i] for i in dates if i != labelled)
    columns = tuple(names[i] for i in picked)
    return Table(path, values, tuple(range(len(picked))), columns, counted_row, labels=labels, dates=unasked)


def _names(columns: Frame) -> tuple[str, ...]:
    """What columns are called, as those of an array where they are only numbered; several levels by slashes."""
    if list(columns) == list(range(len(columns))):
        return number_columns(len(columns))
    return tuple("/".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in columns)


def _numbers(path: Path, name: str, column: Frame) -> NDArray[np.float64]:
    from pandas.api import types

    kind = column.dtype
    if types.is_complex_dtype(kind):
        raise DataError(
            f"Column '{name}' of the {path} holds complex numbers; give real and imaginary parts as columns of their "
            "own."
        )
    if not (types.is_numeric_dtype(kind) or types.is_bool_dtype(kind)) or isinstance(kind.type, str):
        first = next((value for value in column if isinstance(value, str)), None)
        held = f"the text {first[:40]!r}" if first is not None else f"values of type {kind}"
        raise DataError(
            f"Column '{name}' of the {path} holds {held}, where a number is needed; leave it out with "
            f"x.drop(columns={name!r}), take it as label={name!r}, or, where text stands for a number that is missing, "
            f"make it NaN with pandas.to_numeric(…, errors='coerce') and say missing='drop-rows'."
        )
    found: NDArray[np.float64] = column.to_numpy(np.float64, na_value=np.nan)
    return found


def _labels(path: Path, name: str, column: Frame) -> Labels:
    """What each row is called by a column of text, categories, truth values or whole numbers."""
    from pandas.api import types

    if types.is_float_dtype(column.dtype):
        return number_labels(path, name, [column.to_numpy(np.float64, na_value=np.nan)])
    if types.is_datetime64_any_dtype(column.dtype) or types.is_complex_dtype(column.dtype):
        raise DataError(
            f"Column '{name}' of the {path} holds values of type {column.dtype}, and labels are text or whole numbers; "
            "choose another one with label=."
        )
    finder, missing = LabelFinder(path, name), column.isna().to_numpy()
    for start in range(0, len(column), BLOCK):
        rows = slice(start, start + BLOCK)
        cells = column.iloc[rows]
        finder.note([None if gap else str(cell) for cell, gap in zip(cells, missing[rows], strict=True)])
    return finder.labels()

"""Files that hold several arrays: which one is meant by ``FILE::path/inside``.

The first part after the file names the array, a second one its columns:
``FILE::path/inside::column,column``. Where only one array can be used, it need not be named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from dnf_studio.core.data.table import Rows, Table, counted_row, number_columns, picked_columns
from dnf_studio.errors import DataError

SHOWN = 8
SAMPLES = "samples"
"""What is meant of an export, most likely."""


@dataclass(frozen=True)
class ArrayInfo:
    """An array inside a file, as far as its header tells."""

    name: str
    """Its path inside, without a slash at the start."""
    shape: tuple[int, ...]
    dtype: str
    problem: str = ""
    """Why it is no table, as the rest of a sentence about it; nothing where it is one."""
    scale: bool = False
    """Whether it only tells the positions along a dimension of other arrays."""


def choose_array(path: Path, arrays: Sequence[ArrayInfo], selection: str | None) -> tuple[ArrayInfo, str | None]:
    """The array that `selection` names and the columns chosen of it; raises `DataError`."""
    if selection is None:
        return _only(path, arrays), None
    named = {info.name: info for info in arrays}
    inside, columns = selection.strip().strip("/"), None
    if inside not in named and "::" in selection:
        inside, _, columns = selection.rpartition("::")
        inside = inside.strip().strip("/")
    if not inside:
        raise DataError(f"The array chosen of '{path}' has no name; write FILE::path/inside.")
    if inside not in named:
        raise DataError(f"'{path}' holds no array '{inside}'; {_hint(inside, arrays)}.")
    if named[inside].problem:
        raise DataError(f"The array '{inside}' of '{path}' {named[inside].problem}.")
    return named[inside], columns


def array_table(
    path: Path, values: Rows, inside: str | None, selection: str | None, mapped: bool, label: str | None = None
) -> Table:
    """The chosen columns of an array of one or two dimensions; one dimension is one column."""
    if isinstance(values, np.ndarray) and values.ndim == 1:
        values = values.reshape(-1, 1)
    names = number_columns(values.shape[1])
    picked, labelled = picked_columns(path, names, selection, label)
    table = Table(path, values, picked, tuple(names[i] for i in picked), counted_row, mapped, inside)
    return table if labelled is None else table.labelled_by(names[labelled], labelled)


def _only(path: Path, arrays: Sequence[ArrayInfo]) -> ArrayInfo:
    """The one array that can be used."""
    usable = [info for info in arrays if not info.problem and not info.scale]
    if len(usable) == 1:
        return usable[0]
    if usable:
        likely = next((array for array in usable if array.name == SAMPLES), usable[0])
        raise DataError(f"'{path}' holds several arrays, {_names(usable)}; choose one with FILE::{likely.name}.")
    if len(arrays) == 1:
        raise DataError(f"The array '{arrays[0].name}' of '{path}' {arrays[0].problem or 'only counts rows'}.")
    if arrays:
        first = f"the array '{arrays[0].name}' {arrays[0].problem or 'only counts rows'}"
        raise DataError(f"None of the {len(arrays)} arrays in '{path}' is a table of real numbers: {first}.")
    raise DataError(f"'{path}' holds no arrays.")


def _hint(inside: str, arrays: Sequence[ArrayInfo]) -> str:
    """What to ask for instead."""
    names = {info.name.lower(): info.name for info in arrays}
    near = get_close_matches(inside.lower(), names, n=1)
    if near:
        return f"the nearest is '{names[near[0]]}'"
    usable = [info for info in arrays if not info.problem] or arrays
    return f"it holds {_names(usable)}" if usable else "it holds none"


def _names(arrays: Sequence[ArrayInfo]) -> str:
    """Quoted names, a long list cut."""
    shown = [f"'{info.name}'" for info in arrays[:SHOWN]]
    if len(arrays) > SHOWN:
        return f"{', '.join(shown)} and {len(arrays) - SHOWN} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"

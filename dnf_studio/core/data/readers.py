"""From FILE, ``FILE::column,column`` or ``FILE::path/inside`` to a `Table`, whatever the kind of file.

A table (`.csv`, `.npy`, `.parquet`) takes columns after the colons. A file of arrays (`.npz`, `.h5`,
`.hdf5`) takes the array's path inside, which may be left out where only one can be used, and after
a second pair of colons its columns. Nothing in a file is ever executed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from dnf_studio.core.data.arrays import ArrayInfo
from dnf_studio.core.data.csv_file import read_csv
from dnf_studio.core.data.hdf5_file import list_hdf5, read_hdf5
from dnf_studio.core.data.npy_file import list_npz, read_npy, read_npz
from dnf_studio.core.data.parquet_file import read_parquet
from dnf_studio.core.data.table import Table
from dnf_studio.errors import DataError

__all__ = ["SUFFIXES", "Table", "checked_path", "list_arrays", "read_table", "split_selection"]

READERS: dict[str, Callable[[Path, str | None], Table]] = {
    ".csv": read_csv,
    ".npy": read_npy,
    ".npz": read_npz,
    ".h5": read_hdf5,
    ".hdf5": read_hdf5,
    ".parquet": read_parquet,
}
LISTS: dict[str, Callable[[Path], tuple[ArrayInfo, ...]]] = {".npz": list_npz, ".h5": list_hdf5, ".hdf5": list_hdf5}
SUFFIXES = tuple(READERS)
"""Kinds of data files, in the order in which they are told."""


def split_selection(source: str) -> tuple[Path, str | None]:
    """The file that `source` begins with and what is chosen of it (None: everything)."""
    source = os.path.expanduser(source)
    if "::" not in source or os.path.exists(source):
        return Path(source), None
    parts = source.split("::")
    for count in range(len(parts) - 1, 0, -1):
        if os.path.exists(name := "::".join(parts[:count])):
            return Path(name), "::".join(parts[count:])
    return Path(parts[0]), "::".join(parts[1:])


def read_table(source: str) -> Table:
    """Read FILE or what is chosen of it; columns are chosen by their name or by number from 0.

    Raises `DataError` for whatever is wrong with the file, as one sentence.
    """
    path, selection = split_selection(source)
    checked_path(path)
    try:
        return READERS[path.suffix.lower()](path, selection)
    except OSError as error:
        raise DataError(f"Cannot read '{path}': {error.strerror or error}.") from None


def list_arrays(path: Path) -> tuple[ArrayInfo, ...]:
    """What a file of arrays holds; nothing for a table. Raises `DataError` as `read_table` does."""
    checked_path(path)
    lister = LISTS.get(path.suffix.lower())
    try:
        return () if lister is None else lister(path)
    except OSError as error:
        raise DataError(f"Cannot read '{path}': {error.strerror or error}.") from None


def checked_path(path: Path) -> None:
    """Raise `DataError` where `path` is no plain file of a kind that can be read."""
    if os.path.isdir(path):
        raise DataError(f"'{path}' is a folder, not a data file.")
    if not os.path.exists(path):
        raise DataError(f"There is no file '{path}'.")
    if path.suffix.lower() not in READERS:
        kinds = f"{', '.join(SUFFIXES[:-1])} and {SUFFIXES[-1]}"
        raise DataError(f"'{path}' is not a kind of data file that can be read; {kinds} files are.")
    if not os.path.isfile(path):
        raise DataError(f"'{path}' is not a regular file.")

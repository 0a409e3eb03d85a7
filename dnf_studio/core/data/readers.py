"""From FILE, ``FILE::column,column`` or ``FILE::path/inside`` to a `Table`, whatever the kind of file.

A table (`.csv`, `.tsv`, `.txt`, `.npy`, `.parquet`) takes columns after the colons. A file of arrays (`.npz`, `.h5`,
`.hdf5`) or of sheets (`.xlsx`) takes the array's path inside, which may be left out where only one can be used, and
after a second pair of colons its columns. Nothing in a file is ever executed.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dnf_studio.core.data.arrays import ArrayInfo
from dnf_studio.core.data.csv_file import read_csv
from dnf_studio.core.data.hdf5_file import list_hdf5, read_hdf5
from dnf_studio.core.data.memory import InMemory
from dnf_studio.core.data.naming import MEMORY, PICTURES, split_selection
from dnf_studio.core.data.npy_file import list_npz, read_npy, read_npz
from dnf_studio.core.data.parquet_file import read_parquet
from dnf_studio.core.data.table import Table
from dnf_studio.core.data.xlsx_file import list_xlsx, read_xlsx
from dnf_studio.core.files import explain
from dnf_studio.errors import DataError, MissingDataError

READERS: dict[str, Callable[[Path, str | None, str | None], Table]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_csv,
    ".npy": read_npy,
    ".npz": read_npz,
    ".h5": read_hdf5,
    ".hdf5": read_hdf5,
    ".parquet": read_parquet,
    ".xlsx": read_xlsx,
}
LISTS: dict[str, Callable[[Path], tuple[ArrayInfo, ...]]] = {
    ".npz": list_npz,
    ".h5": list_hdf5,
    ".hdf5": list_hdf5,
    ".xlsx": list_xlsx,
}
SUFFIXES = tuple(READERS)
"""Kinds of data files, in the order in which they are told."""


def read_table(source: str, label: str | None = None) -> Table:
    """Read FILE or what is chosen of it; columns, of which `label` is one, are chosen by their name or number from 0.

    Data that a program holds brings its rows along. Raises `DataError` for whatever is wrong with the file, as one
    sentence.
    """
    if isinstance(source, InMemory):
        return source.table(label)
    if source.startswith(MEMORY):
        raise MissingDataError(f"There is no file with the program's own {source.removeprefix(MEMORY)}.")
    path, selection = split_selection(source)
    with told(path):
        return READERS[path.suffix.lower()](path, selection, label)


def list_arrays(path: Path) -> tuple[ArrayInfo, ...]:
    """What a file of arrays holds; nothing for a table. Raises `DataError` as `read_table` does."""
    with told(path):
        lister = LISTS.get(path.suffix.lower())
        return () if lister is None else lister(path)


@contextmanager
def told(path: Path, suffixes: tuple[str, ...] = SUFFIXES) -> Iterator[None]:
    """Reads `path`, checked before; what the system refuses is one sentence."""
    _check_path(path, suffixes)
    try:
        yield
    except OSError as error:
        raise DataError(f"Cannot read '{path}': {explain(error)}.") from None


def _check_path(path: Path, suffixes: tuple[str, ...]) -> None:
    """Raise `DataError` where `path` is no plain file of one of these kinds."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, ValueError):
        raise MissingDataError(f"There is no file '{path}'.") from None
    except OSError as error:
        raise DataError(f"Cannot read '{path}': {explain(error)}.") from None
    if stat.S_ISDIR(mode):
        raise DataError(f"'{path}' is a folder without pictures, not a data file.")
    if path.suffix.lower() not in suffixes:
        kinds = f"{', '.join((*SUFFIXES, *PICTURES[:-1]))} and {PICTURES[-1]}"
        raise DataError(f"'{path}' is not a kind of data file that can be read; {kinds} files are.")
    if not stat.S_ISREG(mode):
        raise DataError(f"'{path}' is not a regular file.")

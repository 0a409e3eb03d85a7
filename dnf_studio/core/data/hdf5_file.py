"""Datasets in HDF5 files of any program. Links are not followed, and nothing outside the file is read.

HDF5's library is no boundary against hostile files; what can be checked beforehand is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.arrays import ArrayInfo, array_table, choose_array
from dnf_studio.core.data.table import MOST_HELD, Rows, Table, array_fault, gigabytes
from dnf_studio.errors import DataError

__all__ = ["ChunkedRows", "list_hdf5", "read_hdf5"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MOST_OBJECTS = 1000
"""Groups and datasets of a file that are looked at."""
H5Object = Any
"""h5py has no types."""


@dataclass(frozen=True, eq=False)
class ChunkedRows:
    """A dataset that lies in the file in unfiltered chunks of whole rows, read from a map of the file."""

    raw: NDArray[np.uint8]
    """The bytes of the file."""
    dtype: np.dtype[Any]
    shape: tuple[int, int]
    chunk: tuple[int, int]
    offsets: NDArray[np.int64]
    """Offset of each chunk in the file, bytes."""

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> NDArray[Any]:
        """Rows by a slice or by their numbers in ascending order, (k, columns)."""
        numbers = np.arange(*rows.indices(self.shape[0])) if isinstance(rows, slice) else rows
        values = np.empty((len(numbers), self.shape[1]), self.dtype)
        size = math.prod(self.chunk) * self.dtype.itemsize
        chunks = numbers // self.chunk[0]
        ends = [*(np.flatnonzero(np.diff(chunks)) + 1).tolist(), len(numbers)]
        start = 0
        for end in ends if len(numbers) else ():
            offset = int(self.offsets[chunks[start]])
            chunk = self.raw[offset : offset + size].view(self.dtype).reshape(self.chunk)
            inside = numbers[start:end] % self.chunk[0]
            # Copying a whole piece is far quicker than picking its rows one by one
            picked = slice(inside[0], inside[-1] + 1) if isinstance(rows, slice) else inside
            values[start:end] = chunk[picked, : self.shape[1]]
            start = end
        return values


def list_hdf5(path: Path) -> tuple[ArrayInfo, ...]:
    """The datasets of a file in the order of their names, those in groups included."""
    with _opened(path) as file:
        return tuple(_infos(file))


def read_hdf5(path: Path, selection: str | None, label: str | None = None) -> Table:
    """Map the chosen dataset, or hold it where it lies in the file in another form than rows of numbers."""
    with _opened(path) as file:
        info, columns = choose_array(path, tuple(_infos(file)), selection)
        dataset = file[info.name]
        values = _mapped(path, file, dataset)
        mapped = values is not None
        if values is None:
            values = dataset[()]
    return array_table(path, values, info.name, columns, mapped, label)


@contextmanager
def _opened(path: Path) -> Iterator[H5Object]:
    """The file, opened for reading; whatever h5py finds wrong in it is one sentence."""
    import h5py

    with path.open("rb") as raw:
        if raw.read(len(SIGNATURE)) != SIGNATURE and not h5py.is_hdf5(path):
            raise DataError(f"'{path}' is not an HDF5 file.")
    try:
        with h5py.File(path, "r", locking="best-effort") as file:
            yield file
    except BlockingIOError:
        raise DataError(f"Cannot read '{path}': another program is writing it.") from None
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, MemoryError):
        raise DataError(f"'{path}' is damaged or cut short and cannot be read.") from None


def _infos(file: H5Object) -> Iterator[ArrayInfo]:
    """Every dataset that hard links lead to, each object once; other links as what cannot be used."""
    import h5py

    waiting, seen, count = [("", file)], set(), 0
    while waiting:
        prefix, group = waiting.pop()
        below = []
        for name in group:
            count += 1
            if count > MOST_OBJECTS:
                return
            inside = prefix + name
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                yield ArrayInfo(inside, (), "", "is a link, which is not followed")
                continue
            found = group[name]
            address = h5py.h5o.get_info(found.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(found, h5py.Group):
                below.append((f"{inside}/", found))
            elif isinstance(found, h5py.Dataset):
                yield _info(inside, found)
        waiting += reversed(below)


def _info(name: str, dataset: H5Object) -> ArrayInfo:
    """What a dataset is by its header."""
    shape = dataset.shape
    if shape is None:
        return ArrayInfo(name, (), "", "is empty")
    try:
        dtype = dataset.dtype
    except (TypeError, ValueError, KeyError):
        return ArrayInfo(name, shape, "", "holds values of a type that is not known here")
    scale = dataset.attrs.get("CLASS", b"") in (b"DIMENSION_SCALE", "DIMENSION_SCALE")
    fault = _object_fault(dtype) or array_fault(shape, dtype) or _storage_fault(dataset)
    return ArrayInfo(name, shape, str(dtype), fault, scale)


def _object_fault(dtype: np.dtype[Any]) -> str:
    """Why what h5py makes Python objects of is no table: HDF5 itself holds no pickles."""
    import h5py

    if dtype.kind != "O":
        return ""
    text = h5py.check_string_dtype(dtype) is not None
    return f"holds {'text' if text else 'references or rows of different lengths'}, not real numbers"


def _storage_fault(dataset: H5Object) -> str:
    """Why the bytes of a dataset cannot be read from this very file."""
    if dataset.is_virtual or dataset.external:
        return "lies in other files, which are not opened"
    if dataset.chunks is None:
        return "was never written" if dataset.id.get_storage_size() < dataset.nbytes else _held_fault(dataset)
    expected = math.prod(-(-size // chunk) for size, chunk in zip(dataset.shape, dataset.chunks, strict=True))
    if dataset.id.get_num_chunks() != expected:
        return "was not written to its end"
    return _held_fault(dataset)


def _held_fault(dataset: H5Object) -> str:
    """Why a dataset that cannot be mapped cannot be held either."""
    if _mappable(dataset) or dataset.nbytes <= MOST_HELD:
        return ""
    return (
        f"takes {gigabytes(dataset.nbytes)} and is compressed or stored in pieces of rows; "
        "write it without compression, in chunks of whole rows"
    )


def _mappable(dataset: H5Object) -> bool:
    """Whether the file holds the dataset as NumPy would, in one piece or in chunks of whole rows."""
    import h5py

    same_type = dataset.id.get_type() == h5py.h5t.py_create(dataset.dtype)
    layout = dataset.id.get_create_plist()
    if not same_type or dataset.file.userblock_size or layout.get_nfilters():
        return False
    if layout.get_layout() == h5py.h5d.CONTIGUOUS:
        return dataset.id.get_offset() is not None  # none where HDF5 keeps it elsewhere than in one piece
    return bool(layout.get_layout() == h5py.h5d.CHUNKED and dataset.chunks[1:] >= dataset.shape[1:])


def _mapped(path: Path, file: H5Object, dataset: H5Object) -> Rows | None:
    """The dataset on a map of the file, or None where only h5py can read it."""
    if not _mappable(dataset):
        return None
    if dataset.chunks is None:
        if dataset.id.get_offset() + dataset.nbytes > path.stat().st_size:
            raise ValueError("beyond the end of the file")
        return np.memmap(path, dataset.dtype, "r", dataset.id.get_offset(), dataset.shape)
    found: list[tuple[int, int, int]] = []
    dataset.id.chunk_iter(lambda chunk: found.append((chunk.chunk_offset[0], chunk.byte_offset, chunk.size)))
    found.sort()
    rows, columns = dataset.chunks[0], math.prod(dataset.chunks[1:])
    size = rows * columns * dataset.dtype.itemsize
    raw = np.memmap(path, np.uint8, "r")
    if any(length != size or offset + size > len(raw) for _, offset, length in found):
        raise ValueError("a chunk beyond the end of the file")
    shape = (dataset.shape[0], math.prod(dataset.shape[1:]))
    return ChunkedRows(raw, dataset.dtype, shape, (rows, columns), np.array([offset for _, offset, _ in found]))

"""HDF5 files of anybody, read so that a wrong one costs a sentence: the library works on them in another process.

What `hdf5_contents` finds there comes as plain numbers; rows that lie in the file as NumPy would hold them are then
read from it without the library. Only a file that this process wrote itself is opened here.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.file_rows import FileRows
from dnf_studio.core.data.hdf5_process import LibraryApart
from dnf_studio.errors import StudioError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MOST_KNOWN = 8
"""Files whose contents are remembered, so that what asks of one several times starts one process."""
SETTLED = 2_000_000_000
"""Nanoseconds after which a file that changes has another time, on every file system."""
Identity = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Hdf5Object:
    """A group, a link, or a dataset by its header."""

    kind: str
    """``group``, ``link`` or ``dataset``."""
    facts: dict[str, Any]
    """What `hdf5_contents` says of it."""
    places: NDArray[np.int64]
    """(n, 2), where its chunks of whole rows lie and their sizes."""

    @property
    def shape(self) -> tuple[int, ...] | None:
        """None for what is empty or no dataset."""
        shape = self.facts.get("shape")
        return None if shape is None else tuple(map(int, shape))

    @cached_property
    def dtype(self) -> np.dtype[Any] | None:
        """The type of its numbers; None where it holds others."""
        code = self.facts.get("type") or ""
        return np.dtype(code) if code[1:2] in ("b", "i", "u", "f") else None

    @property
    def nbytes(self) -> int:
        """Bytes that its values take."""
        return 0 if self.dtype is None or self.shape is None else math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True, eq=False)
class Contents:
    """What a file holds."""

    attributes: dict[str, tuple[str, Any]]
    """Those of the root as (kind, value)."""
    objects: dict[str, Hdf5Object]
    """By their paths inside, without a slash at the start."""


_known: dict[Identity, Contents] = {}
_own: set[Identity] = set()


def note_own(path: Path, written: Identity | None = None) -> None:
    """Remember that this process wrote the file at `path` as it is, so that it need not be read in another one.

    Where another process of the same work has `written` it, as `identity_of` says, only if it is still that.
    """
    found = identity_of(path)
    # On another machine the same file system has another number
    if written is None or found[1:] == tuple(written)[1:]:
        _own.add(found)


@contextmanager
def hdf5_file(path: Path, error: type[StudioError], damaged: str) -> Iterator[Hdf5File]:
    """The file at `path`, which begins as HDF5 files do; whatever is wrong with it is one sentence of `error`.

    `damaged` is that for what is wrong inside, and for what the library died of.
    """
    try:
        with ExitStack() as stack:
            yield Hdf5File(path, error, stack)
    except BlockingIOError:
        raise error(f"Cannot read '{path}': another program is writing it.") from None
    except PermissionError:
        raise error(f"Cannot read '{path}': permission denied.") from None
    except TimeoutError:
        raise error(
            f"Reading '{path}' took too long and was given up; it is damaged, or the machine is busy."
        ) from None
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, MemoryError):
        raise error(damaged) from None


class Hdf5File:
    """What is in a file; a process is started only for what is not known of it yet."""

    def __init__(self, path: Path, error: type[StudioError], stack: ExitStack) -> None:
        """What is opened is closed with `stack`."""
        self._path, self._error, self._stack = path, error, stack
        self._identity = identity_of(path)
        self._rows: dict[str, FileRows | None] = {}
        self.beside: dict[tuple[str, str], FileRows] = {}
        """Rows of other files that this one shows, by file and dataset."""

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self._path

    @cached_property
    def contents(self) -> Contents:
        """Attributes of the root, and all objects; raises ValueError and other errors of files that are damaged."""
        found = _known.get(self._identity)
        if found is None:
            found = _contents(*self._library.objects())
            # What changed a moment ago may change again without a sign of it
            if time.time_ns() - self._identity[3] > SETTLED:
                _known[self._identity] = found
            while len(_known) > MOST_KNOWN:
                _known.pop(next(iter(_known)), None)
        return found

    def rows(self, name: str) -> FileRows | None:
        """The dataset as (n, values of a row) where it lies in the file, or None where only the library can read it.

        Raises ValueError where it does not lie within the file.
        """
        if name not in self._rows:
            self._rows[name] = self._placed(name)
        return self._rows[name]

    def _placed(self, name: str) -> FileRows | None:
        """`rows`, found by where the chunks lie."""
        found = self.contents.objects[name]
        offset, chunk = found.facts.get("offset"), found.facts.get("chunk")
        if found.dtype is None or not found.shape:
            return None
        size, changed = self._identity[2:]
        shape = found.shape[0], math.prod(found.shape[1:])
        if offset is not None:
            offsets, piece = np.array([offset], np.int64), None
            sound = offset >= 0 and offset + found.nbytes <= size
        elif chunk is None:
            return None
        else:
            offsets, piece = found.places[:, 0], (int(chunk[0]), math.prod(chunk[1:]))
            # The library does not look whether a chunk that nothing was packed into is as long as its kind
            sound = bool((found.places[:, 1] == math.prod(piece) * found.dtype.itemsize).all())
            sound = sound and len(offsets) == -(-shape[0] // piece[0]) and piece[1] >= shape[1]
        if not sound:
            raise ValueError("beyond the end of the file")
        return FileRows(self._path, found.dtype, shape, offsets, piece, state=(size, changed))

    def values(self, name: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Rows start … stop − 1 of a dataset, or the value of a scalar, as the library reads them, once each of its
        chunks was looked at; raises ValueError where one does not hold what it should."""
        found = self.contents.objects[name]
        if found.dtype is None or not found.shape:
            raise ValueError("no numbers")
        start, stop, _ = slice(start, stop).indices(found.shape[0])
        values = np.empty((max(0, stop - start), *found.shape[1:]), found.dtype)
        if values.size:
            self._library.values(name, start, stop, values)
        return values

    @cached_property
    def _library(self) -> _Library:
        """The library, in a process of its own unless the file is our own."""
        if self._identity in _own:
            return self._stack.enter_context(_Inside(self._path))
        return self._stack.enter_context(LibraryApart(self._path, self._error))


def identity_of(path: Path) -> Identity:
    """What a file is to the file system, which changes with what is in it; raises `OSError`."""
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _contents(answer: dict[str, Any], places: NDArray[np.int64]) -> Contents:
    objects, start = {}, 0
    for facts in answer["objects"]:
        end = start + int(facts.get("chunks", 0))
        objects[str(facts["name"])] = Hdf5Object(facts["kind"], facts, places[start:end])
        start = end
    attributes = {name: (kind, value) for name, (kind, value) in answer["attributes"].items()}
    return Contents(attributes, objects)


class _Library(Protocol):
    """Where libhdf5 works."""

    def objects(self) -> tuple[dict[str, Any], NDArray[np.int64]]:
        """Attributes and objects as `hdf5_contents` tells them, and the places (n, 2) of chunks."""

    def values(self, name: str, start: int, stop: int, target: NDArray[Any]) -> None:
        """Rows of a dataset, into `target`."""


class _Inside:
    """In this process."""

    def __init__(self, path: Path) -> None:
        import h5py

        self._file = h5py.File(path, "r", locking="best-effort")

    def __enter__(self) -> _Inside:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def objects(self) -> tuple[dict[str, Any], NDArray[np.int64]]:
        from dnf_studio.core.data import hdf5_contents

        found, places = hdf5_contents.objects(self._file)
        return {"objects": found, "attributes": hdf5_contents.attributes(self._file)}, places

    def values(self, name: str, start: int, stop: int, target: NDArray[Any]) -> None:
        from dnf_studio.core.data import hdf5_contents

        done = 0
        for block in hdf5_contents.blocks(self._file[name], start, stop):
            target[done : done + len(block)] = block
            done += len(block)

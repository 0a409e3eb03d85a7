"""Rows of numbers that stay in their file and are read from it when they are taken.

They are read, not mapped: a process that touches what another one has cut off a mapped file dies of SIGBUS.
"""

from __future__ import annotations

import os
import threading
import weakref
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.files import explain
from dnf_studio.errors import DataError

MOST_BYTES = 1 << 28
"""Bytes that are read at once; of more than 2 GiB a system gives only these."""


class FileRows:
    """Rows (n, D) of a file, in pieces of equally many rows, each piece row by row or column by column."""

    def __init__(
        self,
        path: Path,
        dtype: np.dtype[Any],
        shape: tuple[int, ...],
        offsets: NDArray[np.int64],
        piece: tuple[int, int] | None = None,
        by_column: bool = False,
        state: tuple[int, int] | None = None,
    ) -> None:
        """`offsets` are those of the pieces in the file, bytes; `piece` is how many rows and columns each takes.

        Without `piece` all rows are in one. `by_column` is for one piece that holds its columns one after the other.
        `state` is the size of the file and when it changed last, ns, where that was looked at before.
        """
        self.shape = shape[0], shape[1] if len(shape) == 2 else 1
        self.dtype, self._offsets = dtype, offsets
        self._piece = self.shape if piece is None else piece
        self._by_column, self._path = by_column, path
        self._row = self._piece[1] * dtype.itemsize
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._handle, self._moving = handle, threading.Lock()
        weakref.finalize(self, os.close, handle)
        self._state = state or self._state_now()

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> NDArray[Any]:
        """Rows by a slice or by their numbers in ascending order, (k, D); raises `DataError` where the file changed."""
        numbers = np.arange(*rows.indices(self.shape[0])) if isinstance(rows, slice) else np.asarray(rows, np.int64)
        if self._state_now() != self._state:
            raise DataError(f"'{self._path}' was changed while it was read; its rows are no longer those it had.")
        if not self._by_column:
            offsets = self._offsets[numbers // self._piece[0]] + numbers % self._piece[0] * self._row
            return self._read(offsets, self._row).reshape(-1, self._piece[1])[:, : self.shape[1]]
        values = np.empty((len(numbers), self.shape[1]), self.dtype)
        size = self.dtype.itemsize
        for column in range(self.shape[1]):
            first = int(self._offsets[0]) + column * self.shape[0] * size
            values[:, column] = self._read(first + numbers * size, size)
        return values

    def _read(self, offsets: NDArray[np.int64], size: int) -> NDArray[Any]:
        """The values in the `size` bytes at each of these ascending places, what lies side by side at once."""
        apart = np.diff(offsets, prepend=-size - 1) != size
        apart[:: max(1, MOST_BYTES // size)] = True
        starts = np.flatnonzero(apart)
        counts = np.diff(starts, append=len(offsets)) * size
        try:
            found = b"".join(map(self._at, repeat(self._handle), counts.tolist(), offsets[starts].tolist()))
        except OSError as error:
            raise DataError(f"Cannot read '{self._path}': {explain(error)}.") from None
        if len(found) != len(offsets) * size:
            raise DataError(f"'{self._path}' was cut short while it was read.")
        return np.frombuffer(found, self.dtype) if found else np.empty(0, self.dtype)

    def _at_moving(self, handle: int, size: int, offset: int) -> bytes:
        with self._moving:
            os.lseek(handle, offset, os.SEEK_SET)
            return os.read(handle, size)

    # Where the system reads at a place without moving there, as POSIX does, nothing need be locked
    _at = staticmethod(os.pread) if hasattr(os, "pread") else _at_moving

    def _state_now(self) -> tuple[int, int]:
        found = os.fstat(self._handle)
        return found.st_size, found.st_mtime_ns

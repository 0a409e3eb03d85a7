"""A file that HDF5 can always write to, whatever the disk says.

HDF5 2.0 cannot close a file it fails to write: the failure stays in the library, and the process
dies of it when it ends or opens another file (measured with a full disk: segmentation fault). So
HDF5 writes here. The first failure is kept, what follows goes nowhere, and the writer asks.
"""

from __future__ import annotations

import os
from pathlib import Path


class Sink:
    """The file at `path`, `new` or as it is, with the methods h5py's ``fileobj`` driver calls."""

    def __init__(self, path: Path, new: bool = True) -> None:
        self.failure: OSError | None = None
        self._open = True
        self._file = path.open("w+b" if new else "r+b", buffering=0)
        self._at, self._size = 0, os.fstat(self._file.fileno()).st_size

    def drop(self) -> None:
        """From now on nothing is written."""
        self._open = False

    def close(self) -> None:
        """Close the file; what HDF5 still wants after that goes nowhere."""
        self.drop()
        self._file.close()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:
        """What was written, and zeros where there is nothing."""
        view, done = memoryview(buffer).cast("B"), 0
        try:
            self._file.seek(self._at)
            while self._open and done < len(view) and (count := self._file.readinto(view[done:])):
                done += count
        except OSError as problem:
            self._fail(problem)
        view[done:] = bytes(len(view) - done)
        self._at += len(view)
        return len(view)

    def read(self, size: int) -> bytes:
        """Read bytes as `readinto` does, under the only name by which h5py takes a file."""
        buffer = bytearray(size)
        self.readinto(memoryview(buffer))
        return bytes(buffer)

    def write(self, data: memoryview) -> int:
        """All of `data`, or none of it after a failure."""
        view, done = memoryview(data).cast("B"), 0
        try:
            if self._open:
                self._file.seek(self._at)
            while self._open and done < len(view):
                done += self._file.write(view[done:]) or 0
        except OSError as problem:
            self._fail(problem)
        self._at += len(view)
        self._size = max(self._size, self._at)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        end = self._at if size is None else size
        try:
            if self._open:
                self._file.truncate(end)
        except OSError as problem:
            self._fail(problem)
        self._size = end
        return end

    def flush(self) -> None:
        """Do nothing: no data is buffered here."""

    def sync(self) -> None:
        """Put on the disk what was written."""
        try:
            if self._open:
                os.fsync(self._file.fileno())
        except OSError as problem:
            self._fail(problem)

    def _fail(self, problem: OSError) -> None:
        self.failure = self.failure or problem
        self.drop()

"""Who trains in the folder of a run: one process at a time, whatever became of the one before.

The system holds the lock and lets it go with the process, however that ends. Some file systems lock for one machine
only; there the file itself says whose folder it is, and whether that one still writes is seen by watching the record.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dnf_studio.core.files import explain, make_folder
from dnf_studio.core.partials import MARK, is_left, process_mark
from dnf_studio.core.storage.run_folder import LOCK, RECORD
from dnf_studio.errors import CheckpointError

FAR = 1 << 40
"""The byte that is locked where locks are of bytes: beyond what is read."""
WATCHED = 12.0
"""Seconds for which the record must not grow before a folder of another machine counts as left: it adds a line at
least every ten."""
LOOK = 0.25


class RunLock:
    """The lock of one folder for this process; `release` gives it back, and so does the end of the process."""

    def __init__(self, folder: Path, handle: int) -> None:
        self.folder, self._handle = folder, handle

    @classmethod
    def take(cls, folder: Path, tell: Callable[[str], object] = lambda _sentence: None) -> RunLock:
        """Have the folder, which is made where it is not there, for this process.

        Where another machine had it and has not said that it ended, the record is watched for twelve seconds, of which
        `tell` is told. Raises `CheckpointError` where another process trains in it, or where nothing can be written.
        """
        make_folder(folder, CheckpointError)
        made = cls(folder, _opened(folder))
        try:
            before, locked = made._owner(), made._lock()
            if locked is False:
                raise CheckpointError(_busy(folder, before))
            if not made._is_here():  # whoever had it has released it meanwhile, and the file with it
                os.close(made._handle)
                return cls.take(folder, tell)
            if before and not _is_gone(before, locked is not None):
                tell(f"'{folder}' was of {_words(before)}; watching for {WATCHED:.0f} s whether that still trains.")
                made._watch(before)
            made._write({"mark": process_mark(), "host": platform.node(), "process": os.getpid()})
        except BaseException:
            with suppress(OSError):
                os.close(made._handle)
            raise
        return made

    @property
    def lost(self) -> bool:
        """Whether another process has taken the folder since."""
        try:
            found: Any = json.loads((self.folder / LOCK).read_bytes())
        except (OSError, ValueError):
            return False
        return isinstance(found, dict) and found.get("mark") != process_mark()

    def release(self, nothing_logged: bool = False) -> None:
        """Say that nobody trains here any more; where `nothing_logged` remove the folder, too, if it is empty."""
        with suppress(OSError):
            if not self.lost:
                os.ftruncate(self._handle, 0)
                (self.folder / LOCK).unlink()
        with suppress(OSError):
            os.close(self._handle)
        with suppress(OSError):
            if nothing_logged:
                self.folder.rmdir()

    def _is_here(self) -> bool:
        """Whether the file that is locked is still that of the folder."""
        try:
            return os.path.samestat(os.fstat(self._handle), os.stat(self.folder / LOCK))
        except OSError:
            return False

    def _lock(self) -> bool | None:
        """Whether no other process of this machine has it; None where the file system knows no locks."""
        try:
            if sys.platform == "win32":
                import msvcrt

                os.lseek(self._handle, FAR, os.SEEK_SET)
                msvcrt.locking(self._handle, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:
            return None
        return True

    def _owner(self) -> dict[str, Any]:
        """What the last process wrote here; nothing where it released the folder."""
        try:
            os.lseek(self._handle, 0, os.SEEK_SET)
            found: Any = json.loads(os.read(self._handle, 4096) or b"{}")
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, owner: dict[str, Any]) -> None:
        text = json.dumps(owner).encode()
        try:
            os.lseek(self._handle, 0, os.SEEK_SET)
            os.write(self._handle, text)
            os.ftruncate(self._handle, len(text))
        except OSError as problem:
            raise CheckpointError(f"Cannot log in '{self.folder}': {explain(problem)}.") from problem

    def _watch(self, owner: dict[str, Any]) -> None:
        """Raise `CheckpointError` where the record grows before one's eyes."""
        began, until = self._size(), time.monotonic() + WATCHED
        while time.monotonic() < until:
            time.sleep(LOOK)
            if self._size() != began:
                raise CheckpointError(_busy(self.folder, owner))

    def _size(self) -> int:
        try:
            with (self.folder / RECORD).open("rb") as file:  # what is known of a file that is not opened may be old
                return os.fstat(file.fileno()).st_size
        except OSError:
            return -1


def _opened(folder: Path) -> int:
    try:
        return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as problem:
        raise CheckpointError(f"Cannot log in '{folder}': {explain(problem)}.") from problem


def _is_gone(owner: dict[str, Any], locks: bool) -> bool:
    """Whether the process is known to be no more: with `locks`, one of this machine would have held its own."""
    mark = str(owner.get("mark", ""))
    found, here = MARK.fullmatch(mark), MARK.fullmatch(process_mark())
    same = found is not None and here is not None and found["machine"] == here["machine"]
    return (locks and same) or is_left(mark)


def _words(owner: dict[str, Any]) -> str:
    return f"process {owner.get('process', '?')} on {str(owner.get('host', 'another machine'))[:80]}"


def _busy(folder: Path, owner: dict[str, Any]) -> str:
    return (
        f"{_words(owner).capitalize() if owner else 'Another process'} trains in '{folder}'; wait until it has ended, "
        "or name another folder."
    )

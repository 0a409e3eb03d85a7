"""The journal of an export that is being written: what is asked of it, and how many of its rows are in the file.

It lies beside the partial file. A line is added once the rows it tells of have been handed to the system, so a process
that is killed leaves a journal that promises no more than there is. What a failure of power makes of the two is seen by
the sums.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dnf_studio.core.files import explain, writing
from dnf_studio.core.partials import journal_of, left_with_journal, take_partial
from dnf_studio.errors import ExportError

FORMAT, FORMAT_VERSION = "dnf-studio-export-journal", 1
MOST_BYTES = 1 << 28
TO_DISK_EVERY = 10.0
"""Seconds after which rows and journal are flushed to the disk, should the power fail; a killed process needs none."""


class Entry(NamedTuple):
    """How far the export is."""

    rows: int
    """How many rows are in the file."""
    drawn: int
    """How many samples were drawn for them."""
    far: int | None
    """How many of them lie far from the data, None where that is not known."""
    state: str
    """Sum over the rows, `BlockSums.state`."""


class Journal:
    """Writes the journal of `partial`; raises `ExportError` where the disk refuses."""

    def __init__(self, partial: Path, shown: Path) -> None:
        self._path, self._shown = journal_of(partial), shown
        self._flushed = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time to wait for the disk."""
        return time.monotonic() - self._flushed >= TO_DISK_EVERY

    def begin(self, target: str, asked: Mapping[str, Any]) -> None:
        """Start a new one of an export that is to be the file named `target`, with what is asked of it."""
        head = {"format": FORMAT, "format_version": FORMAT_VERSION, "target": target, "asked": dict(asked)}
        with writing(self._shown, ExportError), self._path.open("wb") as file:
            file.write(json.dumps(head, allow_nan=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def cut(self, count: int) -> None:
        """Leave only the first `count` entries."""
        with writing(self._shown, ExportError), self._path.open("rb+") as file:
            file.truncate(sum(len(file.readline()) for _ in range(1 + count)))

    def add(self, entry: Entry, to_disk: bool) -> None:
        """Add what is in the file by now."""
        with writing(self._shown, ExportError), self._path.open("ab") as file:
            file.write(json.dumps(list(entry)).encode() + b"\n")
            if to_disk:
                file.flush()
                os.fsync(file.fileno())
                self._flushed = time.monotonic()


@dataclass(frozen=True)
class Unfinished:
    """An export that was interrupted and can be gone on with."""

    target: Path
    partial: Path
    journal: Path
    asked: dict[str, Any]
    """What was asked of it, by the names of `export_samples`."""
    entries: tuple[Entry, ...]

    @property
    def written(self) -> int:
        """When it was written to last, nanoseconds; 0 where it is gone."""
        with suppress(OSError):
            return self.journal.stat().st_mtime_ns
        return 0

    @property
    def rows(self) -> int:
        """How many rows are in the file."""
        return self.entries[-1].rows if self.entries else 0

    def take(self, new: Path) -> None:
        """Make its files those of this process, with the `new` name of a partial file; raises `ExportError`."""
        try:
            take_partial(self.partial, self.journal, new)
        except OSError as problem:
            raise ExportError(
                f"Cannot go on with the export of '{self.target}': {explain(problem)}; does another program do it?"
            ) from problem

    def remove(self) -> None:
        """Remove its files; raises `ExportError`."""
        try:
            for path in (self.partial, self.journal):
                path.unlink(missing_ok=True)
        except OSError as problem:
            raise ExportError(f"Cannot remove '{self.partial}': {explain(problem)}.") from problem


def unfinished_exports(folder: Path) -> list[Unfinished]:
    """What processes of this machine that are no more left in `folder` of exports; no one else's, no running one's.

    Those in which no row is whole are removed.
    """
    found = []
    with suppress(OSError):
        for partial, journal in left_with_journal(folder):
            one = _read(partial, journal) if _is_own(partial) and _is_own(journal) else None
            if one is None:
                continue
            if one.entries:
                found.append(one)
            else:
                one.remove()
    return found


def unfinished_export(target: Path) -> Unfinished | None:
    """The newest of those that were to be `target`."""
    own = [one for one in unfinished_exports(target.parent) if one.target.name == target.name]
    return max(own, key=lambda one: one.written, default=None)


def _is_own(path: Path) -> bool:
    """Whether it is a plain file of ours: what somebody else puts into a folder is not gone on with."""
    found = path.lstat()
    return stat.S_ISREG(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())


def _read(partial: Path, journal: Path) -> Unfinished | None:
    """What a journal says, without entries where it is torn or none; None for one of a newer version."""
    with journal.open("rb") as file:
        lines = file.read(MOST_BYTES).split(b"\n")[:-1]
    try:
        head = json.loads(lines[0])
        form, version, asked, name = (head[key] for key in ("format", "format_version", "asked", "target"))
        if form != FORMAT or not isinstance(asked, dict) or Path(name).name != name:
            raise ValueError("no journal")
    except (IndexError, ValueError, KeyError, TypeError, RecursionError):
        return Unfinished(partial, partial, journal, {}, ())
    if version != FORMAT_VERSION:
        return None
    return Unfinished(partial.with_name(name), partial, journal, asked, tuple(_entries(lines[1:])))


def _entries(lines: Sequence[bytes]) -> Iterator[Entry]:
    """The lines as far as each is whole and says more than the one before."""
    rows = drawn = 0
    for line in lines:
        try:
            entry = Entry(*json.loads(line))
            if not (entry.rows >= rows and entry.drawn >= drawn and isinstance(entry.state, str)):
                return
        except (ValueError, TypeError):
            return
        rows, drawn = entry.rows, entry.drawn
        yield entry

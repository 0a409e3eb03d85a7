"""Follows the record of a run as it grows, in bounded time and memory however long it is.

The file is opened anew for each look: over a shared file system only that shows what another machine has written.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any, BinaryIO

from dnf_studio.core.files import explain
from dnf_studio.core.partials import is_left
from dnf_studio.core.storage.run_folder import LOCK, NEWEST, RECORD
from dnf_studio.core.training.record import StepReport
from dnf_studio.core.training.run_lines import BEGIN, END, MOST_LINE, WEIGHTS, read_line, report_of
from dnf_studio.errors import Check, CheckpointError

CHUNK = 1 << 20
MOST_READ = 1 << 25
"""Bytes that are read of a record when it is opened, some 200,000 lines; of a longer one parts all over it are."""
PARTS = 256
MOST_REPORTS = 4000
"""Reports of one look; more are averaged in pairs."""
STALE, LEAST_STALE = 10.0, 10.0
"""A run is stale where no line came for ten times as long as they usually are apart, and for ten seconds at least."""
USUAL = 20
"""Differences that say what is usual."""


class Thinned:
    """Reports in the order of their iterations; when there are too many, each two become one with the mean loss."""

    def __init__(self, most: int = MOST_REPORTS) -> None:
        self._most, self._stride = most, 1
        self._kept: list[StepReport] = []
        self._open: list[tuple[StepReport, int]] = []

    def add(self, report: StepReport, over: int) -> None:
        """Take up what a line tells of `over` iterations; one that was there before says that the run went back."""
        last = self._open[-1][0] if self._open else self._kept[-1] if self._kept else None
        if last is not None and report.iteration <= last.iteration:
            self._open = [(each, count) for each, count in self._open if each.iteration < report.iteration]
            del self._kept[bisect_left([each.iteration for each in self._kept], report.iteration) :]
        self._open.append((report, over))
        if len(self._open) >= self._stride:
            self._close()

    def take(self) -> list[StepReport]:
        """All of them, which are then no longer here."""
        if self._open:
            self._close()
        found, self._kept, self._stride = self._kept, [], 1
        return found

    def _close(self) -> None:
        self._kept.append(merged(self._open))
        self._open = []
        if len(self._kept) >= self._most:
            pairs = zip(self._kept[::2], self._kept[1::2], strict=True)
            self._kept = [merged([(a, 1), (b, 1)]) for a, b in pairs]
            self._stride *= 2


def merged(reports: list[tuple[StepReport, int]]) -> StepReport:
    """The last report with the mean loss of all, each weighted, their marks and the last measure of validation."""
    last = reports[-1][0]
    if len(reports) == 1:
        return last
    count = sum(weight for _, weight in reports)
    measured = [report.validation for report, _ in reports if report.validation is not None]
    return replace(
        last,
        loss=sum(report.loss * weight for report, weight in reports) / count,
        marks=tuple(mark for report, _ in reports for mark in report.marks),
        validation=measured[-1] if measured else None,
    )


@dataclass
class Told:
    """What a look at a record brought that was not known before."""

    reports: list[StepReport] = field(default_factory=list)
    weights: tuple[int, str] | None = None
    """Iteration and file of the newest weights that were written."""
    begun: dict[str, Any] | None = None
    """A process has begun to log."""
    ended: dict[str, Any] | None = None
    """It has ended, and nothing has begun since."""
    anew: bool = False
    """The record is another one than before, so all that was told is of no use any more."""


class RunReader:
    """Reads the record in `folder`; `look` brings what has come since the last look.

    A last line that is not whole is waited for, one that cannot be read is passed over and counted in `unreadable`.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder, self._clock = folder, clock
        self._path = folder / RECORD
        self.unreadable = 0
        self._reset()

    def _reset(self) -> None:
        self._offset, self._rest = 0, b""
        self._grew = self._clock()
        self._at: float | None = None
        self._gaps: deque[float] = deque(maxlen=USUAL)
        self._over = False

    @property
    def usual(self) -> float:
        """Seconds that lines are usually apart, by the clock of the process that writes them; 0 where not known."""
        return fmean(self._gaps) if self._gaps else 0.0

    @property
    def quiet(self) -> float:
        """Seconds since the record was seen to grow, by the clock of this process; at first since it was opened."""
        return self._clock() - self._grew

    @property
    def stale(self) -> bool:
        """Whether a run that has not said that it ended has been quiet for too long."""
        return not self._over and self.quiet > max(LEAST_STALE, STALE * self.usual)

    @property
    def left(self) -> bool:
        """Whether nobody trains here any more, as far as the lock tells: always true once the folder was released."""
        try:
            text = (self.folder / LOCK).read_bytes()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        owner = read_line(text)
        return not text or (owner is not None and is_left(str(owner.get("mark", ""))))

    def look(self, check: Check = lambda: None) -> Told:
        """What is new; raises `CheckpointError` where the file cannot be read now, which may pass."""
        told, thinned = Told(), Thinned()
        try:
            with self._path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < self._offset:
                    self._reset()
                    told.anew = True
                if size > self._offset:
                    self._grew = self._clock()
                if self._offset == 0 and size > MOST_READ:
                    self._read_parts(file, size, told, thinned, check)
                for lines in self._new_lines(file):
                    check()
                    for line in lines:
                        self._take(line, told, thinned)
        except FileNotFoundError:
            if self._offset:
                raise CheckpointError(f"The record '{self._path}' is not there any more.") from None
        except OSError as problem:
            raise CheckpointError(f"Cannot read '{self._path}': {explain(problem)}.") from problem
        told.reports = thinned.take()
        return told

    def _new_lines(self, file: BinaryIO) -> Iterator[list[bytes]]:
        """The lines that are whole by now, a chunk of them at a time."""
        file.seek(self._offset)
        while chunk := file.read(CHUNK):
            self._offset += len(chunk)
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            if len(self._rest) > MOST_LINE:
                self._rest = b"-"  # no line of ours; what follows it in the file goes with it
            yield lines

    def _read_parts(self, file: BinaryIO, size: int, told: Told, thinned: Thinned, check: Check) -> None:
        """Read parts all over a long record but for its end, which is read as it is."""
        each = MOST_READ // PARTS
        for part in range(PARTS):
            check()
            begin = part * (size - each) // PARTS
            file.seek(begin)
            lines = file.read(each).split(b"\n")
            self._at = None
            for line in lines[1 if begin else 0 : -1]:
                self._take(line, told, thinned)
        file.seek(size - each)
        self._offset = size - each + len(file.readline(MOST_LINE))
        self._at = None

    def _take(self, line: bytes, told: Told, thinned: Thinned) -> None:
        if not line.strip():
            return
        values = read_line(line)
        if values is None:
            self.unreadable += 1
            return
        self._time(values.get("at"), values.get("event"))
        event = values.get("event")
        if event == BEGIN:
            self._over = False
            told.begun, told.ended, told.weights = values, None, None
        elif event == END:
            self._over = True
            told.ended = values
        elif event == WEIGHTS:
            found = _weights(values)
            told.weights = max(filter(None, (told.weights, found)), default=None)
        elif (report := report_of(values)) is not None:
            over = values.get("over")
            thinned.add(report, over if isinstance(over, int) and 0 < over < 2**53 else 1)

    def _time(self, at: object, event: object) -> None:
        """Learn how far lines are apart; those of another sitting have a clock of their own."""
        if not isinstance(at, int | float):
            return
        if self._at is not None and event is None and 0 <= at - self._at < 86_400:
            self._gaps.append(at - self._at)
        self._at = float(at) if event != WEIGHTS or self._at is None else self._at


def _weights(values: dict[str, Any]) -> tuple[int, str] | None:
    """Iteration and file of what a line says was written; None where that is no name that there can be."""
    iteration, file = values.get("iteration"), values.get("file")
    if not isinstance(iteration, int) or not 0 <= iteration < 10**9:
        return None
    names = NEWEST, f"run.snapshots/{iteration:09d}.safetensors"
    return (iteration, file) if isinstance(file, str) and file in names else None

"""Writes the folder of a run while it trains: a line of the record now and then, newer weights, and how it ended.

Training is worth more than its record: what cannot be written, on a full disk or one that is gone, is told once, tried
again every minute, and ends nothing. All of it together takes about a hundredth of the time.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import torch

import dnf_studio
from dnf_studio.core.data.dataset import DataSummary
from dnf_studio.core.files import explain, writing
from dnf_studio.core.storage.checkpoint import save_checkpoint
from dnf_studio.core.storage.run_folder import (
    NEWEST,
    RECORD,
    Head,
    checkpoint_file,
    read_head,
    snapshot_files,
    write_head,
)
from dnf_studio.core.storage.run_lock import RunLock
from dnf_studio.core.storage.snapshots import KeptWeights, snapshot_folder
from dnf_studio.core.training.record import StepReport
from dnf_studio.core.training.run import Run
from dnf_studio.core.training.run_lines import BEGIN, END, WEIGHTS, Gathered, line_bytes
from dnf_studio.core.training.snapshots import SAVED_BYTES, copy_of, thinned
from dnf_studio.errors import CheckpointError, StudioError
from dnf_studio.progress import note

LEAST, LONGEST = 0.25, 10.0
"""Seconds between two lines: of a long run more and more, so that a week of training has some 130,000."""
SPREAD = 20_000
LOOK = 1.0
"""Seconds between two files of weights, at least."""
NEWEST_EVERY = 5.0
"""Age in seconds at which the newest weights in the folder are replaced, where no snapshot was due."""
MOST_TIME = 0.008
"""Share of the time that writing weights may take; more, and they are written less often."""
AGAIN = 60.0
"""Seconds after which what could not be written is tried again."""
FORGIVEN = 2
"""Files of weights in turn that may fail without a word: some systems replace none that another program reads."""
How = Literal["done", "stopped", "diverged", "failed"]


class Sink(Protocol):
    """Another place that the lines of the record go to."""

    def take(self, line: Mapping[str, Any]) -> None:
        """Take up a line."""

    def close(self) -> None:
        """There are no more."""


class RunLog:
    """The record of `run` in the folder that `lock` has for this process, which may hold what came before of it.

    Call `note` with each report, `save` when the run is saved and `end` at last. Raises `CheckpointError` where
    nothing can be written when it is made; later than that nothing is raised.
    """

    def __init__(
        self,
        lock: RunLock,
        run: Run,
        sinks: Sequence[Sink] = (),
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[str], object] = note,
    ) -> None:
        self.folder, self._lock, self._run = lock.folder, lock, run
        self._sinks, self._clock, self._tell = list(sinks), clock, tell
        self._began = clock()
        self._line_due, self._weights_due, self._again = 0.0, 0.0, 0.0
        self._gathered = Gathered()
        self._torn = self._told = self._over = False
        self._missed = 0
        before = read_head(self.folder)
        created = before.created if before is not None else _now()
        write_head(self.folder, Head(run.config.model_dump(), environment(run), created), _creator())
        self._there = self._tidy()
        self._weights_at, self._weights_of = self._began, -1
        self._begin(before is not None)

    def note(self, report: StepReport) -> None:
        """Take up the report of an iteration, and write what is due."""
        if self._over:
            return
        last, now = self._gathered.last, self._clock()
        if last is not None and (report.steps != last.steps or report.marks):
            self._write_line(now)
        self._gathered.add(report)
        if now >= self._line_due or report.validation is not None:
            self._write_line(now)
        if now >= self._weights_due:
            self._write_weights(now)

    def save(self, kind: Literal["run", "weights"], output: Path) -> None:
        """Have the checkpoint of the run here, too, where it was saved elsewhere; newer than that nothing is."""
        self._write_line(self._clock())
        file = checkpoint_file(self.folder)
        try:
            if os.path.realpath(file) != os.path.realpath(output):
                self._run.save(file, kind, snapshots=True)
            _removed(self.folder / NEWEST)
        except (OSError, StudioError) as problem:
            self._fail(problem)

    def end(self, how: How) -> None:
        """Write what is left to tell, and that it is over; twice is no error."""
        if self._over:
            return
        now = self._clock()
        if self._gathered.over:
            self._again = 0.0
            self._write_line(now)
        facts = {"how": how, "iteration": self._run.iteration, "metrics": dict(self._run.metrics)}
        self._append({"event": END, **facts, **self._when(now)})
        self._over = True
        for sink in self._sinks:
            with suppress(Exception):
                sink.close()
        self._lock.release()

    def _begin(self, resumed: bool) -> None:
        run, now = self._run, self._clock()
        path = self.folder / RECORD
        with writing(path, CheckpointError), path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                self._torn = file.read(1) != b"\n"
        marks = [list(astuple(mark)) for mark in run.marks.all]
        self._append(
            {"event": BEGIN, "iteration": run.iteration, "marks": marks, "process": os.getpid(), **self._when(now)}
        )
        if not resumed:
            curve = zip(run.history.iterations, run.history.losses, strict=True)
            for iteration, loss in curve:
                self._append({"iteration": iteration, "over": run.history.stride, "loss": loss})
        self._write_weights(now)

    def _tidy(self) -> set[int]:
        """Remove what is later than the run: of a process that was killed, and went further than what it kept.

        The iterations of the snapshots that stay.
        """
        there = set()
        for path in snapshot_files(self.folder):
            if int(path.stem) <= self._run.iteration:
                there.add(int(path.stem))
            else:
                _removed(path)
        _removed(self.folder / NEWEST)
        return there

    def _write_line(self, now: float) -> None:
        """Write what was gathered; where that cannot be, the next line tells of it, too."""
        self._line_due = now + min(LONGEST, max(LEAST, self._run.seconds / SPREAD))
        if self._gathered.over and self._append(self._gathered.line(now - self._began)):
            self._gathered = Gathered()

    def _append(self, line: Mapping[str, Any]) -> bool:
        """Add a line, in a file that is opened anew so that other machines see it; whether that could be."""
        if self._clock() < self._again:
            return False
        rest = memoryview((b"\n" if self._torn else b"") + line_bytes(line))
        try:
            # Not made again: a folder that is gone is told of
            handle = os.open(self.folder / RECORD, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
            try:
                while rest:
                    rest = rest[os.write(handle, rest) :]
                    self._torn = bool(rest)
            finally:
                os.close(handle)
        except OSError as problem:
            self._fail(CheckpointError(f"Cannot write '{self.folder / RECORD}': {explain(problem)}."))
            return False
        self._hand_on(line)
        return True

    def _hand_on(self, line: Mapping[str, Any]) -> None:
        for sink in tuple(self._sinks):
            try:
                sink.take(line)
            except Exception as problem:  # of another program, and not worth the training either
                self._sinks.remove(sink)
                self._tell(f"{type(sink).__name__} takes no more lines, and training goes on without: {problem}")

    def _write_weights(self, now: float) -> None:
        """Write the newest weights that the folder lacks: a snapshot of the run, or else its weights as they are."""
        self._weights_due = now + LOOK
        if now < self._again:
            return
        try:
            if self._lock.lost:
                self._missed = FORGIVEN
                raise CheckpointError(f"Another process has taken the folder '{self.folder}'.")
            if (written := self._wanted(now)) is not None:
                kept, path = written
                assert kept.checkpoint is not None
                path.parent.mkdir(exist_ok=True)
                save_checkpoint(path, kept.checkpoint)
                self._say_written(kept, path)
            self._missed = 0
        except (OSError, StudioError) as problem:
            self._missed += 1
            self._weights_due = now + NEWEST_EVERY
            if self._missed > FORGIVEN:
                self._fail(problem)
        self._weights_due = max(self._weights_due, self._clock() + (self._clock() - now) / MOST_TIME)

    def _wanted(self, now: float) -> tuple[KeptWeights, Path] | None:
        """The weights that are written now, and where to; None for none."""
        run, folder = self._run, snapshot_folder(checkpoint_file(self.folder))
        kept = thinned(run.snapshots.all, run.iteration, SAVED_BYTES)
        gone = self._there - {each.iteration for each in kept}
        self._there -= {iteration for iteration in gone if _removed(folder / f"{iteration:09d}.safetensors")}
        missing = [each for each in kept if each.checkpoint is not None and each.iteration not in self._there]
        late = missing and missing[-1].iteration > self._weights_of
        if late or (missing and now < self._weights_at + NEWEST_EVERY):
            return missing[-1], folder / f"{missing[-1].iteration:09d}.safetensors"
        if self._weights_of >= 0 and (now < self._weights_at + NEWEST_EVERY or run.iteration == self._weights_of):
            return None
        newest = copy_of(run.flow, DataSummary.of(run.dataset), run.iteration, run.seconds)
        return newest, self.folder / NEWEST

    def _say_written(self, kept: KeptWeights, path: Path) -> None:
        if path.name != NEWEST:
            self._there.add(kept.iteration)
        if kept.iteration > self._weights_of:
            self._weights_of, self._weights_at = kept.iteration, self._clock()
        file = path.relative_to(self.folder).as_posix()
        self._append({"event": WEIGHTS, "iteration": kept.iteration, "file": file, **self._when(self._clock())})

    def _fail(self, problem: Exception) -> None:
        """Say once that something cannot be written, and leave it for a while."""
        self._again = self._clock() + AGAIN
        if not self._told:
            self._told = True
            said = problem if isinstance(problem, StudioError) else f"Cannot write '{self.folder}': {explain(problem)}."
            self._tell(f"{said} Training goes on without its record, which is tried again every minute.")

    def _when(self, now: float) -> dict[str, Any]:
        return {"at": round(now - self._began, 3), "time": _now()}


def environment(run: Run) -> dict[str, Any]:
    """Where a run trains, as plain values for a person to read."""
    device = torch.cuda.get_device_name(run.device) if run.device.type == "cuda" else platform.processor()
    return {
        "host": platform.node(),
        "process": os.getpid(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "device": str(run.device),
        "device_name": device or platform.machine(),
        "cores": os.cpu_count(),
        "precision": run.precision,
        **({} if run.ranks.count == 1 else {"ranks": run.ranks.count}),
        "arguments": sys.argv[1:],
    }


def _removed(path: Path) -> bool:
    """Whether the file is no longer there; what another program reads cannot be removed everywhere."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
        return True
    return False


def _creator() -> str:
    return f"DNF Studio {dnf_studio.__version__}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

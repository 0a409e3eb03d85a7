"""Between threads: mailboxes, and a priority, so that one stands back behind the others."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock, get_native_id
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dnf_studio.core.training.record import StepReport
from dnf_studio.errors import DataError
from dnf_studio.workers.snapshot import Snapshot, Steps, watched

if TYPE_CHECKING:
    from dnf_studio.core.training.record import StepReport
    from dnf_studio.core.training.run import Run
    from dnf_studio.workers.training_process import TrainingProcess

__all__ = ["Mailbox", "ReportLog", "Trainer", "stand_back"]

NICER = 2
NICEST = 19

T = TypeVar("T")


class Mailbox(Generic[T]):
    """One slot under a lock: `put` replaces what is in it, `take` empties it.

    A slow reader sees fewer items but always the newest, and no queue grows behind it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._item: T | None = None

    def put(self, item: T) -> None:
        """Leave `item`, in place of what nobody took."""
        with self._lock:
            self._item = item

    def take(self) -> T | None:
        """The newest item since the last call, or None."""
        with self._lock:
            item, self._item = self._item, None
        return item


class ReportLog:
    """Step reports from the training thread to the window, in order and without loss."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._reports: list[StepReport] = []

    def append(self, report: StepReport) -> None:
        """Add one; called from the training thread."""
        with self._lock:
            self._reports.append(report)

    def take(self) -> list[StepReport]:
        """All reports since the last call, oldest first."""
        with self._lock:
            reports, self._reports = self._reports, []
        return reports


def stand_back() -> None:
    """Lower the priority of the calling thread, and of those that it will start, a little and for good.

    Only Linux knows a priority of single threads; elsewhere, and where a sandbox forbids it, nothing changes.
    """
    if sys.platform == "linux":
        thread = get_native_id()
        with suppress(PermissionError):
            nice = os.getpriority(os.PRIO_PROCESS, thread) + NICER
            os.setpriority(os.PRIO_PROCESS, thread, min(nice, NICEST))


MOVE_AFTER = 3.0
"""Seconds of training after which a process is worth its start."""
LOG = logging.getLogger(__name__)


class Trainer:
    """Starts the training process once a run has lasted and keeps it for later ones.

    A run on another device than the processor stays here, and so does every run of a machine with
    one core. `steps` is for one thread at a time, `apply` for any.
    """

    def __init__(self) -> None:
        self._process: TrainingProcess | None = None
        self._alone = False

    def steps(self, run: Run, threads: int, late: list[StepReport]) -> Steps:
        """Train `run` here or, once there is a process for it, there, until it is finished.

        Closed, the generator leaves the run as it is after its last iteration; reports that nobody has
        taken are then in `late`. Raises what the run raises.
        """
        started, stays = monotonic(), False
        for report, due in watched(run):
            yield report, Snapshot.of(run.flow) if due else None
            try:
                process = None if stays else self._ready(run, monotonic() - started)
                if process is not None:
                    yield from process.train(run, threads, late)
                    return
            except EOFError as problem:
                LOG.warning("The run goes on in the window's own process: %s", problem)
                self.close()
                self._alone = True
            except DataError as problem:
                LOG.warning("The run stays in the window's own process: %s", problem)
                stays = True

    def apply(self, run: Run, change: Mapping[str, Any]) -> None:
        """Queue a change of settings for `run`, wherever it is; raises `SettingError` as the run does."""
        if self._process is None:
            run.apply(change)
        else:
            self._process.apply(run, change)

    def recall(self) -> None:
        """Let a run that trains there come back without waiting for the end of its iteration."""
        process = self._process
        if process is not None:
            process.recall()

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def _ready(self, run: Run, seconds: float) -> TrainingProcess | None:
        if self._alone:
            return None
        if self._process is None and seconds > MOVE_AFTER:
            from dnf_studio.core.parallel import worker_threads
            from dnf_studio.workers.training_process import TrainingProcess

            if run.device.type != "cpu" or worker_threads() < 2:
                return None
            self._process = TrainingProcess()
        return self._process if self._process is not None and self._process.ready else None

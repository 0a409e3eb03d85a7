"""What threads need of each other: mailboxes between them, a priority, and a thread of Python's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread, get_native_id
from typing import Generic, TypeVar

from dnf_studio.core.training.record import StepReport

__all__ = ["Mailbox", "ReportLog", "run_in_python_thread", "stand_back"]

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


def run_in_python_thread(work: Callable[[], None], name: str) -> None:
    """Call `work()` in a thread made by Python, wait for it, and raise what it raised.

    A `QThread` is made by Qt. When one ends under Python 3.11, tensors that lie in a
    `threading.local` are freed while its thread state is being deleted; their destructor takes and
    releases that state again, which deletes it twice and kills the process. Threads made by Python
    free their locals earlier, and Python 3.12 counts correctly.
    """
    problems: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as problem:
            problems.append(problem)

    thread = Thread(target=guarded, name=name, daemon=True)
    thread.start()
    thread.join()
    if problems:
        raise problems[0]

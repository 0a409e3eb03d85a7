"""Between threads: mailboxes, and a priority, so that one stands back behind the others."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock, get_native_id
from typing import Generic, TypeVar

from dnf_studio.core.training.record import StepReport

NICER, BEHIND = 2, 10
"""By how much a thread stands back, and one that works for the window behind that: three of them on two cores left
it, at ``NICER``, a quarter of one."""
NICEST = 19
LESS = 10
"""By which a process stands back: of one processor it has a tenth then, beside another that wants it whole."""

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


def stand_back(by: int = NICER) -> None:
    """Lower the priority of the calling thread, and of those that it will start, by so much and for good.

    Only Linux knows a priority of single threads; elsewhere, and where a sandbox forbids it, nothing changes.
    """
    if sys.platform == "linux":
        thread = get_native_id()
        with suppress(PermissionError):
            nice = os.getpriority(os.PRIO_PROCESS, thread) + by
            os.setpriority(os.PRIO_PROCESS, thread, min(nice, NICEST))


def let_others_first() -> None:
    """Lower the priority of this process, with the threads it has and will have, for good.

    On Linux processes of one session share the processors as a group, where that is switched on, whatever their own
    priorities are (sched(7), the autogroup feature): the group of a process that began its session is lowered with it.
    Where a sandbox forbids it, and on Windows, nothing changes.
    """
    with suppress(OSError):
        if sys.platform == "linux":
            for thread in map(int, os.listdir("/proc/self/task")):
                with suppress(ProcessLookupError):
                    nice = max(os.getpriority(os.PRIO_PROCESS, thread), 0) + LESS
                    os.setpriority(os.PRIO_PROCESS, thread, min(nice, NICEST))
            if os.getsid(0) == os.getpid():
                Path("/proc/self/autogroup").write_text(str(LESS), encoding="utf-8")
        elif sys.platform != "win32":
            os.nice(LESS)

"""Between threads: mailboxes, and a priority, so that one stands back behind the others."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from threading import Lock, get_native_id
from typing import Generic, TypeVar

from dnf_studio.core.training.record import StepReport

NICER, BEHIND = 2, 10
"""By how much whoever answers a script stands back behind its training, and what works for the window behind that:
three such threads on two cores left it, at ``NICER``, a quarter of one."""
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


def stand_back(nicer: int = NICER) -> None:
    """Lower the priority of the calling thread, and of those that it will start, by so much and for good.

    Only Linux knows a priority of single threads; elsewhere, and where a sandbox forbids it, nothing changes.
    """
    if sys.platform == "linux":
        thread = get_native_id()
        with suppress(PermissionError):
            nice = os.getpriority(os.PRIO_PROCESS, thread) + nicer
            os.setpriority(os.PRIO_PROCESS, thread, min(nice, NICEST))

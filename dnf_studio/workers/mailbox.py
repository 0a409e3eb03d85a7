"""What crosses threads: the newest of a kind, or every one in order."""

from __future__ import annotations

from threading import Lock
from typing import Generic, TypeVar

from dnf_studio.core.training.record import StepReport

__all__ = ["Mailbox", "ReportLog"]

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

"""Long looks at a model, away from the window: results one by one, and only the newest question is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Event, Thread

from PySide6.QtCore import QObject, Signal, Slot

__all__ = ["Analysis"]

Work = Callable[[Callable[[], bool]], Iterable[object]]


class Analysis(QObject):
    """Runs one iterable at a time in a thread of its own and brings what it yields to the window's thread.

    `start` leaves what ran before; nothing of it is told any more. Work that takes long between two
    results looks at the function it is given, which says whether it has been left.
    """

    found = Signal(object)
    """One result, in the order in which they were yielded."""
    ended = Signal(bool)
    """No more results: whether all of them came."""
    failed = Signal(object)
    """The exception that ended it."""
    _told = Signal(object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._left: Event | None = None
        self._threads: list[Thread] = []
        self._told.connect(self._tell)

    @property
    def running(self) -> bool:
        """Whether results may still come."""
        return self._left is not None

    def start(self, work: Work) -> None:
        """Call `work(left)` in a thread and tell what it yields; `left()` says that nobody waits any more."""
        self._leave()
        left = self._left = Event()
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = Thread(target=self._work, args=(left, work), name="dnf-analysis", daemon=True)
        self._threads.append(thread)
        thread.start()

    def cancel(self) -> None:
        """Tell nothing more of what runs."""
        if self._leave():
            self.ended.emit(False)

    def close(self, seconds: float = 5.0) -> None:
        """Cancel and wait for the threads."""
        self._leave()
        for thread in self._threads:
            thread.join(seconds)

    def _leave(self) -> bool:
        left, self._left = self._left, None
        if left is not None:
            left.set()
        return left is not None

    def _work(self, left: Event, work: Work) -> None:
        error: Exception | None = None
        try:
            for result in work(left.is_set):
                if left.is_set():
                    return
                self._told.emit(left, result, None)
        except Exception as problem:
            error = problem
        if not left.is_set():
            self._told.emit(left, None, error)

    @Slot(object, object, object)
    def _tell(self, left: Event, result: object, error: Exception | None) -> None:
        """A result, or the end where there is none; what was left meanwhile is not told."""
        if left is not self._left:
            return
        if result is not None:
            self.found.emit(result)
            return
        self._left = None
        if error is not None:
            self.failed.emit(error)
        self.ended.emit(error is None)

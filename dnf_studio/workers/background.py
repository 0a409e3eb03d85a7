"""Long work away from the window, as an iterable that a thread of its own drives."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal, Slot

from dnf_studio.errors import Cancelled, Check
from dnf_studio.workers.threads import BEHIND, stand_back

T = TypeVar("T")
Work = Callable[[Check], Iterable[T]]
"""Makes the iterable, in the thread; it may import torch there."""


class Task:
    """One piece of work that was started. It knows nobody who waits for it, so its thread keeps no widget alive."""

    def __init__(self) -> None:
        self._cancelled = Event()
        self._thread: Thread | None = None
        self._running = False

    @property
    def running(self) -> bool:
        """Whether the task runs, or its end has not been reported yet."""
        return self._running

    @property
    def cancelled(self) -> bool:
        """Whether the task was asked to end."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Ask the task to end, at its next check or after its next result."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise `Cancelled` where the task was cancelled; for the work, in its thread."""
        if self.cancelled:
            raise Cancelled

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the thread, with None as long as it takes; whether it has ended in time."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()


@dataclass(frozen=True)
class _Listener:
    """The callbacks of a task."""

    found: Callable[[Any], object]
    failed: Callable[[Exception], object]
    ended: Callable[[bool], object]


class Background(QObject):
    """Drives iterables in threads of their own and tells what comes of them in the thread that made it, the window's.

    The threads are Python's: when a `QThread` ends under Python 3.11, tensors in a `threading.local` are freed while
    its thread state is being deleted, which deletes that state twice and kills the process.

    Any number of tasks run side by side; `Newest` is for those of which only the newest counts. All of them are
    cancelled and waited for in `close`, after which nothing begins and nothing is told.
    """

    _found = Signal(object, object)
    _over = Signal(object, bool, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._listeners: dict[Task, _Listener] = {}
        self._closed = False
        self._found.connect(self._tell)
        self._over.connect(self._end)

    @property
    def busy(self) -> bool:
        """Whether anything runs."""
        return bool(self._listeners)

    def start(
        self,
        work: Work[T],
        found: Callable[[T], object],
        failed: Callable[[Exception], object],
        ended: Callable[[bool], object] = lambda whole: None,
        behind: bool = True,
    ) -> Task:
        """Iterate over `work(check)` in a thread, which stands back `behind` the window's.

        `found` is called with each result, in order, `failed` with the exception that the work raised, and at last,
        in any case, `ended` with whether all results came. Cancelled work fails with nothing.
        """
        task = Task()
        if not self._closed:
            self._listeners[task] = _Listener(found, failed, ended)
            task._thread = Thread(target=self._drive, args=(task, work, behind), name="dnf-background", daemon=True)
            task._running = True
            task._thread.start()
        return task

    def run(
        self,
        work: Callable[[], T],
        done: Callable[[T], object],
        failed: Callable[[Exception], object],
        behind: bool = True,
    ) -> Task:
        """Call `work()` as `start` does, then `done` with what it returned or `failed` with what it raised."""
        returned: list[T] = []

        def end(whole: bool) -> None:
            if whole:
                done(returned[0])

        return self.start(lambda _check: _once(work), returned.append, failed, end, behind)

    def close(self, seconds: float = 5.0) -> None:
        """Cancel all tasks, tell nothing any more and wait up to so many seconds for the threads, all together."""
        self._closed = True
        for task in self._listeners:
            task.cancel()
        until = monotonic() + seconds
        for task in self._listeners:
            task.wait(max(0.0, until - monotonic()))
        self._listeners.clear()

    def _drive(self, task: Task, work: Work[Any], behind: bool) -> None:
        """The body of the task's thread."""
        if behind:
            stand_back(BEHIND)
        whole, error = False, None
        try:
            whole = self._iterate(task, work)
        except Cancelled:
            # No failure: it ends without all of its results
            whole = False
        except Exception as problem:
            error = problem
        if not self._closed:
            self._over.emit(task, whole, error)

    def _iterate(self, task: Task, work: Work[Any]) -> bool:
        """Pass the results on; returns whether all of them came."""
        results = iter(work(task.check))
        try:
            for result in results:
                if not self._closed:
                    self._found.emit(task, result)
                if task.cancelled:
                    return False
        finally:
            if isinstance(results, Generator):
                results.close()
        return True

    @Slot(object, object)
    def _tell(self, task: Task, result: object) -> None:
        listener = self._listeners.get(task)
        if listener is not None:
            listener.found(result)

    @Slot(object, bool, object)
    def _end(self, task: Task, whole: bool, error: Exception | None) -> None:
        listener = self._listeners.pop(task, None)
        if listener is None:
            return
        task._running = False
        try:
            if error is not None:
                listener.failed(error)
        finally:
            listener.ended(whole)


class Newest:
    """Work of one kind, of which only the newest request is answered: a new one cancels the one before."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self._task = Task()
        self._ended: Callable[[bool], object] = _nothing
        self._after: Callable[[], object] | None = None

    @property
    def running(self) -> bool:
        """Whether the newest is still to be answered."""
        return self._task.running

    def start(
        self,
        work: Work[T],
        found: Callable[[T], object],
        failed: Callable[[Exception], object],
        ended: Callable[[bool], object] = lambda whole: None,
    ) -> None:
        """Start as `Background.start` does; nothing is reported of the request before any more, not even its end.

        Once it has ended nothing is kept of it: who is told may hold a run, and what was found a model.
        """
        self._forget()

        def end(whole: bool) -> None:
            self._ended = _nothing
            ended(whole)

        def newest(tell: Callable[[Any], object]) -> Callable[[Any], object]:
            return lambda what: tell(what) if task is self._task else None

        self._ended = ended
        task = self._task = self._background.start(work, newest(found), newest(failed), newest(end))

    def run(self, work: Callable[[], T], done: Callable[[T], object], failed: Callable[[Exception], object]) -> None:
        """Call as `Background.run` does; the request before is not answered any more."""
        returned: list[T] = []

        def end(whole: bool) -> None:
            if whole:
                then, self._after = self._after, None
                done(returned[0])
                if then is not None and not self.running:
                    then()

        self.start(lambda _check: _once(work), returned.append, failed, end)

    def cancel(self) -> None:
        """Cancel what runs: report at once that it has ended, and nothing more of it; nothing where nothing runs."""
        if self.running:
            self._forget()
            ended, self._ended = self._ended, _nothing
            ended(False)

    def after(self, act: Callable[[], object]) -> None:
        """Call `act` once the running request is answered; not where that fails or something else is asked first."""
        self._after = act

    def _forget(self) -> None:
        self._task.cancel()
        self._task, self._after = Task(), None


def _nothing(_whole: bool) -> None:
    """Nobody waits for the end."""


def _once(work: Callable[[], T]) -> Iterator[T]:
    """What `work` returns as the only result."""
    yield work()

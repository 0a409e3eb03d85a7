"""Work away from the window that answers once: opening and saving files."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

__all__ = ["Background", "Newest"]


class Background(QObject):
    """Runs functions in threads of their own and hands what they return to the window's thread."""

    _answered = Signal(int, object, object)
    busy_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: dict[int, tuple[Callable[[Any], object], Callable[[Exception], object], Thread]] = {}
        self._count = 0
        self._closed = False
        self._answered.connect(self._answer)

    def run(
        self, work: Callable[[], Any], done: Callable[[Any], object], failed: Callable[[Exception], object]
    ) -> None:
        """Call `work()` in a thread, then `done(result)` or `failed(error)` in this one; nothing once closed."""
        if self._closed:
            return
        self._count += 1
        number = self._count
        thread = Thread(target=self._work, args=(number, work), name=f"dnf-background-{number}", daemon=True)
        self._waiting[number] = (done, failed, thread)
        self.busy_changed.emit(True)
        thread.start()

    def close(self, seconds: float = 5.0) -> None:
        """Deliver nothing any more and wait for what still works."""
        self._closed = True
        for _, _, thread in self._waiting.values():
            thread.join(seconds)
        self._waiting.clear()

    def _work(self, number: int, work: Callable[[], Any]) -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as problem:
            error = problem
        if not self._closed:
            self._answered.emit(number, result, error)

    @Slot(int, object, object)
    def _answer(self, number: int, result: object, error: Exception | None) -> None:
        if self._closed:
            return
        done, failed, _ = self._waiting.pop(number)
        self.busy_changed.emit(bool(self._waiting))
        if error is None:
            done(result)
        else:
            failed(error)


class Newest:
    """Work of one kind in a `Background`, of which only what was asked last is answered."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self._asked = self._answered = 0
        self._after: Callable[[], object] | None = None

    @property
    def waiting(self) -> bool:
        """Whether the newest is still to be answered."""
        return self._answered != self._asked

    def run(
        self, work: Callable[[], Any], done: Callable[[Any], object], failed: Callable[[Exception], object]
    ) -> None:
        """As `Background.run`; what was asked before is not answered any more."""
        self._asked += 1
        self._after = None
        number = self._asked

        def answer(then: Callable[[Any], object], value: object) -> None:
            if number == self._asked:
                self._answered = number
                after, self._after = self._after, None
                then(value)
                if then is done and after is not None and not self.waiting:
                    after()

        self._background.run(work, lambda result: answer(done, result), lambda error: answer(failed, error))

    def after(self, act: Callable[[], object]) -> None:
        """Call `act` once the newest is answered; not where that fails or something else is asked first."""
        self._after = act

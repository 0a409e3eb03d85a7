"""Work for the window's thread that is too long for one turn of the event loop, done a step a turn."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer, Slot

PAUSE_MS = 2
"""Between two steps, in which the window is painted and answers."""


class Turns(QObject):
    """Takes one step of an iterator in each turn of the event loop, and lets go of what was begun before."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._steps: Iterator[object] = iter(())
        self._clock = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._clock.timeout.connect(self._step)

    @property
    def running(self) -> bool:
        """Whether there are steps to take."""
        return self._clock.isActive()

    def go(self, steps: Iterator[object]) -> None:
        """Take these `steps`, from the next turn on."""
        self._steps = steps
        self._clock.start()

    def finish(self) -> None:
        """Take all that are left now."""
        self._clock.stop()
        for _ in self._steps:
            pass

    def stop(self) -> None:
        """Take no more of them."""
        self._steps = iter(())
        self._clock.stop()

    @Slot()
    def _step(self) -> None:
        steps = self._steps
        for _ in steps:
            # A step may have begun others
            if steps is self._steps:
                self._clock.start()
            return

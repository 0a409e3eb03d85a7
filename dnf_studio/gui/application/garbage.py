"""Cyclic garbage, collected by the window's thread alone.

Left to itself Python collects in whatever thread happens to allocate. A Qt object taken apart in another
thread than its own ends the program: a plot that is garbage does so every time. Collecting every quarter
of a second is also where the pause is wanted: between two events, not within a frame.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer, Slot

__all__ = ["Garbage", "collect_garbage"]

INTERVAL_MS = 250


class Garbage(QObject):
    """Collects in this thread from `start` on, with the collector of every other thread switched off."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._collect)

    @Slot()
    def start(self) -> None:
        """Begin; what there is by now, torch and the window, stays and is not looked at again."""
        if not self._timer.isActive():
            gc.disable()
            gc.freeze()
            self._timer.start()

    @Slot()
    def _collect(self) -> None:
        collect_garbage()


def collect_garbage() -> int | None:
    """Collect the oldest generation that Python's own collector would collect by now, and return it, or None."""
    for generation, (count, limit) in reversed(list(enumerate(zip(gc.get_count(), gc.get_threshold(), strict=True)))):
        if 0 < limit < count:
            gc.collect(generation)
            return generation
    return None

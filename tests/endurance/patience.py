"""Patience with a process, which does not run out while all of this is stopped for others to measure."""

from __future__ import annotations

import threading
from collections.abc import Callable

MOMENT = 0.5


class Patience:
    """Calls `lost` once so many seconds have gone by in which this process could run; `begin` starts anew."""

    def __init__(self, lost: Callable[[], object], seconds: float) -> None:
        self._lost, self._left, self._over = lost, seconds, threading.Event()
        threading.Thread(target=self._wait, daemon=True).start()

    def begin(self, seconds: float) -> None:
        """Be patient for so many more."""
        self._left = seconds

    def end(self) -> None:
        """What was waited for is there."""
        self._over.set()

    def _wait(self) -> None:
        # A stop makes one moment longer, however long it is
        while not self._over.wait(MOMENT):
            self._left -= MOMENT
            if self._left <= 0:
                self._lost()
                return

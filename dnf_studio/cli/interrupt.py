"""Ctrl-C as a wish: work that must be left in a whole state looks at it between two steps."""

from __future__ import annotations

import signal
from types import FrameType

__all__ = ["Interrupt"]


class Interrupt:
    """Takes Ctrl-C and SIGTERM as a wish to end between two steps of the work."""

    def __init__(self) -> None:
        self.came = False

    def __enter__(self) -> Interrupt:
        self._previous = [(number, signal.signal(number, self._take)) for number in (signal.SIGINT, signal.SIGTERM)]
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._previous:
            signal.signal(signum, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.came = True

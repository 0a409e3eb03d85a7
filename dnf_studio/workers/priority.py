"""Exports, analyses and thumbnails wait for the window, its views and the training where cores are few."""

from __future__ import annotations

import os
import sys
from threading import get_native_id

__all__ = ["let_the_window_go_first"]

BEHIND = 5
"""How much nicer such work is."""
NICEST = 19


def let_the_window_go_first() -> None:
    """Lower the priority of the calling thread, and of the threads and processes that it will start.

    Not that of a training or of the explorer: on two cores the window got smoother than it needs to be, and the
    training slower. Only Linux knows a priority of single threads; elsewhere nothing changes.
    """
    if sys.platform == "linux":
        thread = get_native_id()
        nice = os.getpriority(os.PRIO_PROCESS, thread) + BEHIND
        os.setpriority(os.PRIO_PROCESS, thread, min(nice, NICEST))

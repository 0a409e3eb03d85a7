"""Who waits where cores are few: the work, not the window."""

from __future__ import annotations

import os
import sys
from threading import get_native_id

__all__ = ["let_the_window_go_first"]

BEHIND = 3
"""How much nicer work is than the window."""
NICEST = 19


def let_the_window_go_first() -> None:
    """Lower the priority of the calling thread, and of the threads and processes that it will start.

    Only Linux knows a priority of single threads; elsewhere nothing changes.
    """
    if sys.platform == "linux":
        thread = get_native_id()
        nice = os.getpriority(os.PRIO_PROCESS, thread) + BEHIND
        os.setpriority(os.PRIO_PROCESS, thread, min(nice, NICEST))

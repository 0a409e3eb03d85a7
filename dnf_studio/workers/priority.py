"""A thread that stands back behind the others where cores are few."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from threading import get_native_id

__all__ = ["stand_back"]

NICER = 2
NICEST = 19


def stand_back() -> None:
    """Lower the priority of the calling thread, and of those that it will start, a little and for good.

    Only Linux knows a priority of single threads; elsewhere, and where a sandbox forbids it, nothing changes.
    """
    if sys.platform == "linux":
        thread = get_native_id()
        with suppress(PermissionError):
            nice = os.getpriority(os.PRIO_PROCESS, thread) + NICER
            os.setpriority(os.PRIO_PROCESS, thread, min(nice, NICEST))

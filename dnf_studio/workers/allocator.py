"""Memory that is freed stays with the program, ready for the next array of its size."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_freed_memory"]

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
"""Of glibc's `mallopt`."""
MIB = 1 << 20
KEPT, AHEAD, LARGE = 64 * MIB, 16 * MIB, 32 * MIB


def keep_freed_memory() -> None:
    """Give at most what is free beyond 64 MiB back to the system; arrays of 32 MiB and more still at once.

    glibc gives arrays of a megabyte back as soon as they are freed and gets them again, page after page, for the next
    one: 70,000 page faults for each frame of 2,000 points, on a virtual machine a quarter to two fifths of its time,
    and the window's own arrays wait for the same lock. For the whole process; other C libraries are left as they are.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_option is not None:
        for option, size in ((TRIM_THRESHOLD, KEPT), (TOP_PAD, AHEAD), (MMAP_THRESHOLD, LARGE)):
            set_option(option, size)

"""The window's threads share a few places that memory is taken from."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import ctypes
import threading
from dnf_studio.gui.application.app import ARENAS, _use_few_arenas

_use_few_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(9)

def take():
    libc.malloc(1 << 16)
    together.wait()

for _ in range(8):
    threading.Thread(target=take).start()
together.wait()
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's own way with memory")
def test_threads_share_a_few_arenas() -> None:
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    assert 1 <= told.count("<heap nr=") <= 3

"""Arrays of a megabyte do not come from the system each time, where the C library is glibc."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
from dnf_studio.workers.allocator import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        kept = [np.ones(1 << 17) for _ in range(4)]
        del kept
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

before = faults()
keep_freed_memory()
faults()
print(before, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's own way with memory")
def test_arrays_of_a_megabyte_are_made_where_earlier_ones_were() -> None:
    before, after = map(int, subprocess.check_output([sys.executable, "-c", PROGRAM], text=True).split())
    assert after < 100 and before > 10 * max(after, 10), (before, after)

"""What torch keeps of the networks that a window has asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process as Linux tells it")

MANY_SIZES = """
import ctypes
from pathlib import Path
from dnf_studio.gui.application.app import _prepare_process
_prepare_process()
import torch
import dnf_studio as dnf

def used():
    ctypes.CDLL(None).malloc_trim(0)
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024

torch.set_num_threads(1)
flow = dnf.load("diffflow-rings")
with torch.inference_mode():
    for hidden in (torch.float32, torch.bfloat16):
        drift, score = flow.fields(flow.grid(), hidden)
        drift(3, torch.zeros(300, 2)), score(3, torch.zeros(300, 2))
        if hidden is torch.float32:
            before = used()
        for size in range(100, 160):
            drift(3, torch.zeros(size, 2)), score(3, torch.zeros(size, 2))
print(used() - before if torch.backends.mkldnn.is_available() else 0)
"""


def test_every_other_number_of_points_does_not_leave_its_kernels_behind() -> None:
    ended = subprocess.run([sys.executable, "-c", MANY_SIZES], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    # They were 150 MB
    assert float(ended.stdout) < 60

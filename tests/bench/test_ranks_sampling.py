"""What two ranks of one thread each draw in the time that one process of one thread takes.

Run on a machine that does nothing else: ``pytest -m bench -s tests/bench/test_ranks_sampling.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.bench, pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores are bound")]

SAMPLES, GOAL = 1 << 20, 1.8
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def rate(command: list[str], output: Path, cores: int) -> float:
    """Samples a second as ``sample`` tells them, its processes on so many cores."""
    words = ["-m", "dnf_studio", "sample", "diffflow-rings", "-n", str(SAMPLES), "--device", "cpu", "--json"]
    bound = sorted(os.sched_getaffinity(0))[:cores]
    done = subprocess.run(
        ["taskset", "-c", ",".join(map(str, bound)), *command, *words, "-o", str(output)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout)["samples_per_second"])


def test_two_ranks_draw_nearly_twice_as_fast_as_one_process(tmp_path: Path) -> None:
    """In turn, the best of three each."""
    assert len(os.sched_getaffinity(0)) >= 2
    alone, both = [], []
    for turn in range(3):
        alone.append(rate([sys.executable], tmp_path / f"one-{turn}.h5", 1))
        both.append(rate(TORCHRUN, tmp_path / f"two-{turn}.h5", 2))
        print(f"one process {alone[-1]:,.0f} samples/s, two ranks {both[-1]:,.0f}, ratio {both[-1] / alone[-1]:.2f}")
    ratio = max(both) / max(alone)
    print(f"{SAMPLES:,} samples of diffflow-rings, N = 30, seed 0: {ratio:.2f} (goal {GOAL})")
    assert ratio >= GOAL

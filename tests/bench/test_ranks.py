"""Two processes of torchrun against one, each on one thread; and what a rank holds of rows that stay in their file."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.bench

TRAINING = """
import json, sys, time
from dnf_studio.config import Config
from dnf_studio.core.ranks import our_ranks
from dnf_studio.core.training.run import Run

ranks = our_ranks()
settings = {"batch": 5000, "iterations": 10_000, "decay": "constant", "device": "cpu", "precision": "float32"}
run = Run(Config.create({"data": "rings", "sde": {"steps": 30}, "training": settings}), threads=1)
run.share(ranks)
steps, taken = iter(run), []
for _ in range(int(sys.argv[1])):
    ranks.barrier()
    started = time.perf_counter()
    next(steps)
    taken.append(time.perf_counter() - started)
if ranks.writes:
    print(json.dumps(sorted(taken[3:])))
"""
READING = """
import json, resource, sys, time
from dnf_studio.config import Config
from dnf_studio.core.ranks import our_ranks
from dnf_studio.core.training.run import Run

ranks, started = our_ranks(), time.perf_counter()
settings = {"batch": 5000, "iterations": 10_000, "device": "cpu", "precision": "float32", "decay": "constant"}
run = Run(Config.create({"data": sys.argv[1], "sde": {"steps": 2}, "training": settings}), threads=1)
run.share(ranks)
opened, peak = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for report in run:
    if report.iteration == 10:
        break
took = time.perf_counter() - started - opened
found = ranks.gather([opened, took, peak / 2**10, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10])
if ranks.writes:
    print(json.dumps(found))
"""
ROWS, COLUMNS = 20_000_000, 64
"""5.1 GB of float32."""


def of_ranks(count: int, code: str, *words: str) -> list[list[float]] | list[float]:
    """What rank 0 of so many processes prints, started as torchrun starts them."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    shared = {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(count)}
    started = []
    for rank in range(count):
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(count)}
        command = [sys.executable, "-c", code, *words]
        started.append(
            subprocess.Popen(command, env={**os.environ, **shared, **own}, stdout=subprocess.PIPE, text=True)
        )
    said = [process.communicate(timeout=1800)[0] for process in started]
    assert all(process.returncode == 0 for process in started)
    found: list[float] = json.loads(said[0])
    return found


def test_training_by_two_processes() -> None:
    """Goal: 1.6 times one process of one thread, at B = 5,000 and N = 30, in turn, the fastest of three rounds each."""
    rounds = [(of_ranks(1, TRAINING, "13"), of_ranks(2, TRAINING, "13")) for _ in range(3)]
    one, two = (min(times[len(times) // 2] for times in found) for found in zip(*rounds, strict=True))  # type: ignore[type-var]
    print(f"an iteration, B = 5,000, N = 30: {1e3 * one:.0f} ms by one, {1e3 * two:.0f} ms by two: {one / two:.2f}x")
    assert one / two > 1.6


@pytest.mark.parametrize("count", [1, 2])
def test_memory_of_ranks_that_read_a_large_file(tmp_path: Path, count: int) -> None:
    """A sparse file, most of whose rows are 0: it takes some MB of the disk, and is read several times at the start."""
    file = tmp_path / "sparse.npy"
    rows = np.lib.format.open_memmap(file, "w+", np.float32, (ROWS, COLUMNS))
    generator = np.random.default_rng(0)
    for place in np.sort(generator.integers(0, ROWS - 20, 500)):
        rows[place : place + 20] = generator.normal(size=(20, COLUMNS))
    rows.flush()
    del rows
    assert file.stat().st_blocks * 512 < 64e6
    for rank, (opened, took, first, peak) in enumerate(of_ranks(count, READING, str(file))):  # type: ignore[misc]
        print(f"rank {rank} of {count}: open after {opened:.0f} s with {first:.0f} MB")
        print(f"    10 iterations in {took:.1f} s, {peak:.0f} MB at most")
        assert peak < 3000

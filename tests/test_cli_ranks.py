"""Verbs under torchrun itself, in processes that are killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import psutil
import pytest

from dnf_studio.cli import main
from dnf_studio.config import Config
from dnf_studio.core.training.run import Run

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="POSIX signals")]

COUNT = 600_000


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model" / "a.safetensors"
    path.parent.mkdir()
    Run(Config.create({"data": "moons", "training": {"device": "cpu"}})).save(path, kind="weights")
    return path


def ranks(count: int, words: list[str]) -> subprocess.Popen[str]:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    return subprocess.Popen(
        [*torchrun, "-m", "dnf_studio", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def of_rank(parent: int, rank: str) -> Iterator[psutil.Process]:
    for process in psutil.Process(parent).children(recursive=True):
        if process.environ().get("RANK") == rank:
            yield process


def test_a_rank_that_is_killed_costs_what_it_was_at(model: Path, tmp_path: Path) -> None:
    output, folder = tmp_path / "a.h5", tmp_path / ".a.h5.shards"
    words = ["sample", str(model), "-n", str(COUNT), "--steps", "8", "-o", str(output)]
    work = ranks(2, words)
    try:
        deadline = time.monotonic() + 120
        while len(list(folder.glob("a.*.h5"))) < 2:
            assert time.monotonic() < deadline and work.poll() is None, work.communicate()
            time.sleep(0.05)
        next(of_rank(work.pid, "1")).send_signal(signal.SIGKILL)
        _, err = work.communicate(timeout=120)
    finally:
        work.kill()
    assert work.returncode and not output.exists() and "go on with the same command and --resume." in err
    work = ranks(3, [*words, "--resume"])
    out, err = work.communicate(timeout=300)
    assert work.returncode == 0 and err.count("Going on with the export") == 1, err
    assert re.match(r"[\d,]+ samples in .*, [\d,]+ a second\.\nSaved ", out) and not out.startswith("600,000")
    assert not folder.exists() and main([*words[:-1], str(tmp_path / "b.h5")]) == 0
    with h5py.File(output) as found, h5py.File(tmp_path / "b.h5") as expected:
        for name in ("samples", "latents", "checksums/samples"):
            assert found[name][:].tobytes() == expected[name][:].tobytes()

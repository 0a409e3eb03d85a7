"""The command line under torchrun itself; what ranks do is tested as threads (`core/training/test_shared.py`)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dnf_studio import api
from dnf_studio.core.training.run import Run

SETTINGS = (
    'data = "moons"\n[sde]\nsteps = 4\n[network]\nlayers = 1\nchannels = 8\n'
    '[training]\nbatch = 32\niterations = 400\ndevice = "cpu"\nprecision = "float32"\n'
)
AT_ONCE = "import sys; from dnf_studio import cli, progress; progress.PLAIN_EVERY = 0; sys.exit(cli.main())"
"""The command line with its progress in plain lines at every turn."""


def rank_below(parent: int, rank: int) -> int:
    """The process that torchrun, which is `parent`, has started for a rank."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            own = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if own == parent and f"RANK={rank}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError(f"there is no rank {rank}")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_a_rank_that_is_killed_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SETTINGS)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=2"]
    words = ["--no-python", sys.executable, "-c", AT_ONCE, "train", "--config", "small.toml", "-o", "a.safetensors"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path, "env": environment}
    with subprocess.Popen([*torchrun, *words], **pipes) as process:  # type: ignore[call-overload]
        try:
            err = iter(process.stderr.readline, "")
            assert any("Training: " in line and " 2" in line for line in err)
            os.kill(rank_below(process.pid, 1), 9)
            told, said = "".join(err), process.stdout.read()
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert "dnf-studio: Rank 1 ended before the work was done" in told
    assert "Going on with 'a.autosave', kept at iteration " in told
    assert said.count("400 iterations in ") == 1
    run = Run(api.open_checkpoint(tmp_path / "a.safetensors").config, threads=1)
    kept = Run.resume(tmp_path / "a.safetensors", threads=1)
    list(run)
    pairs = zip(run.state().weights.raw.values(), kept.state().weights.raw.values(), strict=True)
    assert kept.iteration == 400 and all(torch.equal(*both) for both in pairs)

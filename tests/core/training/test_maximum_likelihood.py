"""Training of a flow: its gradients, its runs, its files."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch

import dnf_studio as dnf
from dnf_studio.config import Config
from dnf_studio.core.models.flow import Flow
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.storage.checkpoint import read_checkpoint
from dnf_studio.core.training.maximum_likelihood import LikelihoodEngine
from dnf_studio.core.training.run import Run
from tests.networks import has_gradients

TINY = Config.create(
    {
        "model": "flow",
        "data": "moons",
        "sde": {"steps": 3},
        "network": {"channels": 8, "layers": 1},
        "training": {"batch": 70, "iterations": 8},
    }
)


@pytest.mark.parametrize("dim", [2, 6])
def test_blocks_have_the_gradients_of_the_whole(dim: int) -> None:
    torch.manual_seed(1)
    model = Flow(dim, TINY).double()
    x0, noise = torch.randn(100, dim, dtype=torch.float64), torch.randn(3, 100, dim, dtype=torch.float64)
    probes = None if dim <= 4 else noise[0].sign()
    loss = model.nll(x0, model.grid(), probes).mean()
    expected = torch.autograd.grad(loss, list(model.parameters()))
    with BlockPool(2) as pool:
        found = LikelihoodEngine(model, pool).step(x0, model.grid(), probes)
    assert float(found.value) == pytest.approx(float(loss.detach()), rel=1e-12)
    has_gradients(model, expected)


def test_training_lowers_the_exact_likelihood() -> None:
    changes = {"training.iterations": 60, "training.batch": 200, "training.learning_rate": 0.02, "network.channels": 24}
    run = Run(TINY.changed(changes))
    losses = [report.loss for report in run]
    assert sum(losses[-10:]) < sum(losses[:10]) - 2 and run.precision == "float32"


def test_many_dimensions_train_with_probes(tmp_path: Path) -> None:
    table = tmp_path / "points.csv"
    table.write_text("a,b,c,d,e\n" + "\n".join(f"{i},{i * i % 7},{i % 3},{i % 5},{-i % 11}" for i in range(60)))
    runs = [Run(TINY.changed({"data": str(table)}), threads=n) for n in (1, 2)]
    losses = [[report.loss for report in run] for run in runs]
    assert losses[0] == losses[1] and len(losses[0]) == 8


@pytest.mark.parametrize("stop", [1, 5])
def test_a_resumed_run_equals_an_unbroken_one_to_the_bit(stop: int, tmp_path: Path) -> None:
    whole, broken = Run(TINY), Run(TINY)
    list(whole)
    list(itertools.islice(broken, stop))
    broken.save(tmp_path / "run.safetensors")
    resumed = Run.resume(tmp_path / "run.safetensors")
    assert [report.iteration for report in resumed] == list(range(stop + 1, 9))
    assert all(torch.equal(a, b) for a, b in zip(whole.flow.parameters(), resumed.flow.parameters(), strict=True))
    assert resumed.history.losses == whole.history.losses


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    run = Run(TINY)
    next(iter(run))
    run.save(tmp_path / "a.safetensors", "weights")
    again = dnf.load(tmp_path / "a.safetensors")
    assert isinstance(again, Flow) and read_checkpoint(tmp_path / "a.safetensors").formula_grid
    x = again.sample(5)
    assert torch.equal(x, run.flow.sample(5)) and torch.isfinite(again.log_prob(x)).all()

"""Conditional flow matching: its gradients, its coupling, its runs."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch

import dnf_studio as dnf
from dnf_studio.config import Config
from dnf_studio.core.models.matching import Matching
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.training.regression import COUPLED_ROWS, FlowMatchingEngine, transported
from dnf_studio.core.training.run import Run
from dnf_studio.errors import SettingError
from tests.networks import has_gradients

TINY = Config.create(
    {
        "model": "matching",
        "data": "moons",
        "sde": {"steps": 4},
        "network": {"channels": 8, "layers": 1},
        "training": {"batch": 70, "iterations": 12, "precision": "float32"},
    }
)


def test_gradients_are_those_of_autograd() -> None:
    torch.manual_seed(1)
    model = Matching(3, TINY.changed({"network.channels": 16, "network.layers": 2})).double()
    x0, noise = torch.randn(2, 5, 4, 3, dtype=torch.float64)
    t = torch.tensor([1e-5, 0.1, 0.3, 0.31, 1.0], dtype=torch.float64)
    weight = t[:, None, None]
    velocity = model.vector_field.body((1 - weight) * x0 + weight * noise, model.vector_field.embed_time(t)[:, None])
    loss = (velocity - (x0 - noise)).square().mean()
    expected = torch.autograd.grad(loss, list(model.parameters()))
    with BlockPool(2) as pool:
        found = FlowMatchingEngine(model, pool, torch.float64).step(x0, noise, t)
    assert float(found.value) == pytest.approx(float(loss.detach()), rel=1e-12)
    has_gradients(model, expected)


def test_the_coupling_is_the_cheapest_and_keeps_every_row() -> None:
    x0, noise = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))

    def cost(rows: torch.Tensor) -> float:
        return float((x0 - rows).square().sum())

    found = transported(x0, noise)
    least = min(cost(noise[list(order)]) for order in itertools.permutations(range(6)))
    assert cost(found) == pytest.approx(least, rel=1e-6) and least < 0.8 * cost(noise)
    assert torch.equal(found.sort(0).values, noise.sort(0).values)


def test_batches_are_coupled_in_blocks_that_keep_both_marginals(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = 2 * COUPLED_ROWS + 32
    x0, seen = torch.randn(rows, 2, generator=torch.Generator().manual_seed(0)), {}
    for coupling in ("independent", "transport"):
        model = Matching(2, TINY.changed({"training.coupling": coupling}))
        with BlockPool(2) as pool:
            engine = FlowMatchingEngine(model, pool)
            monkeypatch.setattr(engine, "step", lambda *given, into=coupling: seen.update({into: given}))
            engine.train(x0, 4, torch.Generator().manual_seed(5))
    (points, free, times), (again, paired, same) = seen["independent"], seen["transport"]
    assert torch.equal(points, again) and torch.equal(times, same) and torch.equal(points.reshape(rows, 2), x0)
    assert torch.equal(free.reshape(rows, 2).sort(0).values, paired.reshape(rows, 2).sort(0).values)
    assert (points - paired).square().sum() < 0.2 * (points - free).square().sum()


@pytest.mark.parametrize("coupling", ["independent", "transport"])
def test_a_run_goes_on_to_the_bit_whatever_the_threads(coupling: str, tmp_path: Path) -> None:
    config = TINY.changed({"training.coupling": coupling})
    whole = Run(config, threads=2)
    losses = [report.loss for report in whole]
    assert len(losses) == 12
    part = Run(config, threads=1)
    for report in part:
        if report.iteration == 7:
            break
    part.save(tmp_path / "a.safetensors")
    rest = Run.resume(tmp_path / "a.safetensors", threads=1)
    assert [report.loss for report in rest] == losses[7:]
    rest.save(tmp_path / "b.safetensors", "weights")
    flow = dnf.load(tmp_path / "b.safetensors")
    assert isinstance(flow, Matching) and flow.coupled == (coupling == "transport")
    assert torch.equal(flow.sample(9, seed=3), whole.flow.sample(9, seed=3))
    with pytest.raises(SettingError, match=r"'training\.coupling' cannot change during a run"):
        rest.apply({"training.coupling": "independent"})

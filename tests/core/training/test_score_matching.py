"""Denoising score matching: its minimum, its gradients, its runs."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import dnf_studio as dnf
from dnf_studio.config import Config
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sde.grid import levels_at, make_grid
from dnf_studio.core.storage.checkpoint import Checkpoint, save_checkpoint
from dnf_studio.core.training.regression import ScoreMatchingEngine
from dnf_studio.core.training.run import Run
from dnf_studio.errors import CheckpointError, SettingError
from tests.networks import has_gradients
from tests.problems import ExactDiffusion

TINY = Config.create(
    {
        "model": "diffusion",
        "data": "moons",
        "sde": {"steps": 4},
        "network": {"channels": 8, "layers": 1},
        "training": {"batch": 70, "iterations": 12},
    }
)


def test_gradients_are_those_of_autograd() -> None:
    torch.manual_seed(1)
    model = Diffusion(3, TINY.changed({"network.channels": 16, "network.layers": 2})).double()
    x0, noise = torch.randn(2, 5, 4, 3, dtype=torch.float64)
    t = torch.tensor([1e-5, 0.1, 0.3, 0.31, 1.0], dtype=torch.float64)
    a, sigma = (level[:, None, None] for level in levels_at(model.config.sde, t))
    body = model.noise.body(a * x0 + sigma * noise, model.noise.embed_time(t)[:, None])
    loss = (body - noise).square().mean()
    expected = torch.autograd.grad(loss, list(model.parameters()))
    with BlockPool(2) as pool:
        found = ScoreMatchingEngine(model, pool, torch.float64).step(x0, noise, t)
    assert float(found.value) == pytest.approx(float(loss.detach()), rel=1e-12)
    has_gradients(model, expected)


def loss(model: Diffusion, x0: Tensor, noise: Tensor) -> Tensor:
    """Mean over the nodes 1 … N and the batch (B, D) of ‖ε̂ − ε‖²/D, with ε at node i in row i − 1 of `noise`."""
    nodes = model.grid()
    levels, field = levels_at(model.config.sde, nodes.t), model.noise_field(nodes)
    rows = [
        (field(i, levels.signal[i] * x0 + levels.noise[i] * noise[i - 1]) - noise[i - 1]).square().mean()
        for i in range(1, nodes.steps + 1)
    ]
    return torch.stack(rows).mean()


def test_the_exact_score_is_the_minimum() -> None:
    """E ‖ε̂ − ε‖² is a² v/(a² v + σ²) a component for the exact ε̂, and more for any other multiple of it."""
    mean, variance = np.array([0.7, -0.3]), np.array([0.4, 0.05])
    model = ExactDiffusion(mean, variance, steps=5)
    source = torch.Generator().manual_seed(2)
    x0, noise = (torch.randn(*shape, 2, dtype=torch.float64, generator=source) for shape in ((60_000,), (5, 60_000)))
    x0 = x0 * torch.from_numpy(variance).sqrt() + torch.from_numpy(mean)
    a, sigma = levels_at(model.config.sde, model.timestamps[1:, None])
    signal = a**2 * torch.from_numpy(variance)
    assert float(loss(model, x0, noise)) == pytest.approx(float((signal / (signal + sigma**2)).mean()), rel=0.01)
    exact = model._noise
    at_minimum = float(loss(model, x0, noise))
    for factor in (0.9, 1.1):
        model._noise = lambda x, t, factor=factor: factor * exact(x, t)  # type: ignore[method-assign, misc]
        added = 0.01 * float((sigma**2 / (signal + sigma**2)).mean())
        assert float(loss(model, x0, noise)) - at_minimum == pytest.approx(added, rel=0.1)


def test_a_trained_network_comes_close_to_the_exact_score(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal([1.0, -2.0], [0.5, 2.0], (5000, 2))
    np.save(tmp_path / "gauss.npy", rows)
    settings = {
        "data": str(tmp_path / "gauss.npy"),
        "network": {"channels": 32, "layers": 2},
        # By the bound of a chain of so few steps the first weights would be kept
        "training": {"batch": 512, "iterations": 500, "learning_rate": 5e-3, "precision": "float32", "patience": 0},
    }
    run = Run(TINY.changed(settings))
    reports = list(run)
    assert reports[-1].loss < 0.75 * reports[0].loss and reports[-1].disagreement.shape == (0,)
    flow = run.flow
    assert isinstance(flow, Diffusion)
    grid = flow.grid(4, "uniform")
    x = torch.randn(500, 2, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        # Standardised data: x_t is N(0, I) at every t, and so the score −x
        error = (flow.fields(grid)[1](2, x) + x).square().mean().sqrt()
    assert float(error) < 0.15
    # At a single point the two differ by 0.6 either way
    points = torch.from_numpy(rows[:500]).float()
    exact = torch.distributions.Normal(torch.tensor([1.0, -2.0]), torch.tensor([0.5, 2.0])).log_prob(points).sum(1)
    assert float((flow.log_prob(points) - exact).mean()) == pytest.approx(0, abs=0.25)


def test_equal_seeds_give_equal_weights_on_any_number_of_threads() -> None:
    runs = [Run(TINY.changed({"training.batch": 4096, "training.iterations": 3}), threads=n) for n in (1, 2)]
    losses = [[report.loss for report in run] for run in runs]
    assert losses[0] == losses[1]
    assert all(torch.equal(a, b) for a, b in zip(*(run.flow.parameters() for run in runs), strict=True))


@pytest.mark.parametrize("stop", [1, 7])
def test_a_resumed_run_equals_an_unbroken_one_to_the_bit(stop: int, tmp_path: Path) -> None:
    whole, broken = Run(TINY), Run(TINY)
    list(whole)
    list(itertools.islice(broken, stop))
    broken.save(tmp_path / "run.safetensors")
    resumed = Run.resume(tmp_path / "run.safetensors")
    assert [report.iteration for report in resumed] == list(range(stop + 1, 13))
    assert all(torch.equal(a, b) for a, b in zip(whole.flow.parameters(), resumed.flow.parameters(), strict=True))
    assert resumed.history.losses == whole.history.losses


def test_changes_of_schedule_and_grid_act_while_it_trains() -> None:
    run = Run(TINY)
    next(iter(run))
    run.apply({"sde.t_end": 0.5, "sde.steps": 6})
    assert [report.steps for report in itertools.islice(run, 2)] == [6, 6]
    assert float(run.flow.timestamps[-1]) == 0.5
    with pytest.raises(SettingError, match="no progressive N"):
        run.apply({"training.progressive": True})


def test_what_is_saved_comes_back_and_another_model_does_not_fit(tmp_path: Path) -> None:
    run = Run(TINY)
    list(run)
    run.save(tmp_path / "a.safetensors", "weights")
    again = dnf.load(tmp_path / "a.safetensors")
    assert isinstance(again, Diffusion) and again.formula_grid
    assert torch.equal(again.sample(5, solver="heun"), run.flow.sample(5, solver="heun"))
    mixed = Checkpoint.of_model(run.flow)
    object.__setattr__(mixed, "config", Config().changed({"sde.steps": 4}))
    with pytest.raises(CheckpointError, match="missing"):
        save_checkpoint(tmp_path / "b.safetensors", mixed)


def test_nodes_that_are_not_those_of_the_settings_are_refused(tmp_path: Path) -> None:
    model = Diffusion(2, TINY)
    model.set_grid(make_grid(TINY.sde.model_copy(update={"t_end": 0.7})))
    save_checkpoint(tmp_path / "a.safetensors", Checkpoint.of_model(model))
    with pytest.raises(CheckpointError, match="it has other times"):
        dnf.load(tmp_path / "a.safetensors")


def test_log_density_ways_agree_with_the_closed_form() -> None:
    model = ExactDiffusion(np.array([0.7, -0.3]), np.array([0.4, 0.05]), g_end=20**0.5)
    x = torch.tensor([[0.7, -0.3], [0.0, 0.0], [1.5, -0.5]], dtype=torch.float64)
    mean, variance = model.marginal(model.timestamps[0])
    exact = torch.distributions.Normal(mean, variance.sqrt()).log_prob(x).sum(1)
    assert torch.allclose(model.log_prob(x), exact, atol=0.02)

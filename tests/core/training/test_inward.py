"""The penalty on backward velocities that lead away from data and noise."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.evaluation.fresh import BoundingBox
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.steps import backward_step
from dnf_studio.core.training import gradients as inward
from dnf_studio.core.training.adjoint import AdjointEngine
from dnf_studio.core.training.gradients import OutsidePoints, box_of, draw_outside, inward_penalty
from dnf_studio.core.training.run import Run
from tests.networks import gradients

DATA = torch.tensor([[-1.0, 4.0], [3.0, 5.0]])
CONFIG = {"sde": {"steps": 6, "g_end": 0.9}, "network": {"layers": 2, "channels": 16}, "training": {"inward": 0.7}}


def model() -> DiffFlow:
    torch.manual_seed(2)
    return DiffFlow(2, Config.create(CONFIG)).double()


def around(flow: DiffFlow) -> tuple[OutsidePoints, TimeGrid]:
    grid = flow.grid()
    return draw_outside(box_of(DATA.double()), grid, torch.Generator().manual_seed(3)), grid


def test_points_lie_around_a_box_that_goes_from_the_datas_to_the_noises() -> None:
    outside, grid = around(model())
    assert outside.x.shape == outside.beyond.shape == (7, inward.POINTS, 2)
    first, last = outside.x[0] - torch.tensor([1.0, 4.5]), outside.x[-1]
    for points, half in ((first, torch.tensor([2.5, 0.625])), (last, torch.tensor([3.0, 3.0]))):
        size = (points.abs() / half).amax(1)
        assert bool(((size >= 1 - 1e-6) & (size <= inward.REACH + 1e-6)).all())
    nearest = outside.x - outside.beyond
    assert bool(((nearest[0] - torch.tensor([1.0, 4.5])).abs() <= torch.tensor([2.5, 0.625]) + 1e-6).all())
    assert bool((outside.beyond != 0).any(-1).all())
    assert torch.equal(grid.t, model().grid().t)


def test_nothing_is_wrong_where_the_process_comes_in_as_fast_as_it_is_to() -> None:
    outside, grid = around(model())
    rate = inward.RATE / (grid.t[-1] - grid.t[0])
    quick, slow = (outside.beyond * rate * factor for factor in (1.01, 0.5))
    none = torch.zeros_like(quick)
    penalty, of_drift, of_score = inward_penalty(outside, grid, quick, none)
    assert float(penalty) == 0 and not of_drift.any() and not of_score.any()
    penalty, of_drift, _ = inward_penalty(outside, grid, slow, none)
    expected = (0.5 * inward.RATE * outside.beyond).square().sum(-1).mean()
    torch.testing.assert_close(penalty, expected)
    step = backward_step(outside.x[1:], slow[1:], none[1:], grid.dt[:, None, None], grid.g[1:, None, None], None)
    better = slow - 1e-3 * of_drift
    again = backward_step(outside.x[1:], better[1:], none[1:], grid.dt[:, None, None], grid.g[1:, None, None], None)
    moved = ((again - step) * outside.beyond[1:].sign())[outside.beyond[1:] != 0]
    assert bool((moved < 0).all()), "less wrong is farther in"


@pytest.mark.parametrize("threads", [1, 2])
def test_the_engine_adds_its_gradients_and_leaves_the_bound(threads: int) -> None:
    flow = model()
    outside, grid = around(flow)
    x0, noise = torch.randn(40, 2).double(), torch.randn(6, 40, 2).double()
    with BlockPool(threads) as pool:
        engine = AdjointEngine(flow, pool, torch.float64)
        bound = engine.step(x0, noise)
        alone = gradients(flow)
        both = engine.step(x0, noise, outside=outside)
    found = gradients(flow)
    assert torch.equal(both.value, bound.value) and torch.equal(both.contributions, bound.contributions)
    flow.zero_grad()
    values = [
        torch.stack([net(x, t) for x, t in zip(outside.x, grid.t, strict=True)]) for net in (flow.drift, flow.score)
    ]
    torch.autograd.backward(0.7 * inward_penalty(outside, grid, *values)[0])
    expected = gradients(flow)
    assert any(float(g.abs().max()) > 1e-3 for g in expected.values())
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, alone[name] + expected[name], rtol=1e-8, atol=1e-11, msg=name)


@pytest.mark.parametrize(
    ("data", "weight", "asked"), [("rings", 0.1, True), ("rings", 0.0, False), ("wine", 0.1, False)]
)
def test_a_run_asks_for_it_where_it_can(data: str, weight: float, asked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Tensor] = []

    def drawn(box: Tensor, grid: TimeGrid, generator: torch.Generator) -> OutsidePoints:
        calls.append(box)
        return draw_outside(box, grid, generator)

    monkeypatch.setattr("dnf_studio.core.training.adjoint.draw_outside", drawn)
    training = {"batch": 16, "iterations": 2, "inward": weight}
    config = Config.create({"data": data, "network": {"channels": 8}, "training": training})
    for _ in Run(config):
        pass
    assert len(calls) == (2 if asked else 0)


def farthest(weight: float) -> float:
    """Of the thousand farthest of 100,000 latents, by eight steps, in half the sides of the box of the data."""
    training = {"batch": 64, "iterations": 60, "inward": weight, "seed": 1}
    config = Config.create({"data": "rings", "sde": {"steps": 10}, "network": {"channels": 32}, "training": training})
    run = Run(config)
    for _ in run:
        pass
    z = torch.randn(100_000, 2, generator=torch.Generator().manual_seed(0))
    z = z[z.norm(dim=1).topk(1000).indices]
    noise = torch.randn(8, *z.shape, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        *_, samples = run.flow.sampler(run.flow.grid(8))(z, noise.__getitem__)
    return BoundingBox.of(run.dataset.draw(10_000, torch.Generator().manual_seed(0)).numpy()).farthest(samples.numpy())


def test_far_points_come_in_after_a_short_training() -> None:
    left_to_chance, pulled = farthest(0.0), farthest(0.1)
    assert pulled < 1.5 < left_to_chance

"""Forward processes that are fixed, begin fixed or are to be straight: gradients of the textbook, exact marginals."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import dnf_studio as dnf
from dnf_studio.bench.textbook import textbook_bends, textbook_step
from dnf_studio.config import Config
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sde.grid import TimeGrid, levels_at, make_grid
from dnf_studio.core.storage.library import model_file
from dnf_studio.core.training import adjoint_pass
from dnf_studio.core.training.adjoint import AdjointEngine
from dnf_studio.core.training.gradients import bend_weights
from dnf_studio.core.training.run import Run
from tests.networks import IMAGE, gradients, live, tiny_unets


def model(drift: str, steps: int = 7, straight: float = 0.0, dim: int = 2, **sde: float) -> DiffFlow:
    torch.manual_seed(steps)
    network = {"layers": 2, "channels": 16, "drift": drift, "features": 3}
    config = {"sde": {"steps": steps, **sde}, "network": network, "training": {"straight": straight}}
    return live(DiffFlow(dim, Config.create(config))).double()


def same_as_the_textbook(flow: DiffFlow, steps: int, batch: int, threads: int = 1) -> None:
    """The bound and its contributions are the textbook's; the gradients are those of the bound and of the penalty."""
    torch.manual_seed(batch)
    x0, noise = torch.randn(batch, flow.dim).double(), torch.randn(steps, batch, flow.dim).double()
    loss = textbook_step(flow, x0, noise)
    bends = textbook_bends(flow, x0, noise)
    # Paths of a frozen drift bend whatever the parameters
    if bends.requires_grad:
        torch.autograd.backward(flow.config.training.straight * bends.mean())
    expected = gradients(flow)
    with BlockPool(threads) as pool:
        found = AdjointEngine(flow, pool, torch.float64).step(x0, noise)
    torch.testing.assert_close(found.value, loss, rtol=1e-10, atol=1e-10)
    if found.bend is not None:
        torch.testing.assert_close(found.bend, bends.mean().detach(), rtol=1e-10, atol=1e-12)
    scale = max(float(g.abs().max()) for g in expected.values())
    own = gradients(flow)
    assert own.keys() == expected.keys()
    assert all(float((own[name] - g).abs().max()) < 1e-9 * scale for name, g in expected.items())


@settings(max_examples=15)
@given(
    drift=st.sampled_from(["free", "residual", "frozen"]),
    straight=st.sampled_from([0.0, 0.3]),
    steps=st.integers(1, 7),
    batch=st.sampled_from([1, 5, 131]),
    taped=st.sampled_from([1, 2, 32]),
)
def test_gradients_are_those_of_the_textbook(drift: str, straight: float, steps: int, batch: int, taped: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adjoint_pass, "TAPED_NODES", taped)
        same_as_the_textbook(model(drift, steps, straight), steps, batch, threads=2)


@pytest.mark.parametrize("drift", ["residual", "frozen"])
def test_so_they_are_of_unets(drift: str) -> None:
    config = tiny_unets(3).changed({"network.drift": drift, "training.straight": 0.2})
    torch.manual_seed(0)
    same_as_the_textbook(live(DiffFlow(IMAGE.size, config, image=IMAGE)).double(), 3, 3)


@pytest.mark.parametrize("drift", ["residual", "frozen"])
def test_fields_are_the_same_however_they_are_evaluated(drift: str) -> None:
    flow = model(drift)
    grid, x = flow.grid(), torch.randn(5, 2).double()
    with torch.no_grad():
        quick, with_divergence = flow.fields(grid)[0](3, x), flow.fields_with_divergence(grid)[0](3, x)
        velocity = flow.velocity()(grid.t[3], x)
    slow, score = (field(3, x.requires_grad_()) for field in flow.fields(grid))
    divergence = sum(torch.autograd.grad(slow[:, d].sum(), x, retain_graph=True)[0][:, d] for d in range(2))
    torch.testing.assert_close(quick, slow.detach())
    torch.testing.assert_close(with_divergence, (quick, divergence))
    torch.testing.assert_close(velocity, (slow - 0.5 * grid.g[3] ** 2 * score).detach())


def test_a_residual_drift_begins_as_the_frozen_one() -> None:
    frozen, residual = (Config.create({"network": {"drift": drift}}) for drift in ("frozen", "residual"))
    assert frozen.sde == residual.sde and frozen.sde.total_noise == pytest.approx(4, rel=1e-2)
    flows = [DiffFlow(2, config) for config in (frozen, residual)]
    x, noise = torch.randn(9, 2), torch.randn(30, 9, 2)
    with torch.no_grad():
        first, second = (flow.forward_path(x, noise) for flow in flows)
    assert torch.equal(first, second)
    assert [name for name, _ in flows[0].named_children()] == ["score"]
    assert [flow.evaluations(5) for flow in flows] == [5, 10]


def test_frozen_marginals_are_the_exact_gaussian_ones() -> None:
    """Of the steps in closed form at once, of the SDE to first order in the steps."""
    errors = []
    for steps in (40, 80, 160):
        flow = model("frozen", steps)
        grid, sde = flow.grid(), flow.config.sde
        factors = 1 - 0.5 * grid.g[:-1] ** 2 * grid.dt
        later = torch.cat([factors.flip(0).cumprod(0).flip(0)[1:], torch.ones(1).double()])
        with torch.no_grad():
            ends = flow.forward_path(torch.ones(1, 2).double(), torch.zeros(steps, 1, 2).double())[-1]
            unit = torch.eye(steps).double()[:, :, None].repeat(1, 1, 2)
            spread = flow.forward_path(torch.zeros(steps, 2).double(), unit)[-1].square().sum(0)
        torch.testing.assert_close(ends[0], factors.prod().expand(2))
        torch.testing.assert_close(spread, (later * grid.g[:-1] * grid.dt.sqrt()).square().sum().expand(2))
        # Before t_0, `levels_at` has noise too
        first, last = (levels_at(sde, grid.t[k]) for k in (0, -1))
        signal = last.signal / first.signal
        errors.append(float((ends[0, 0] - signal).abs() + (spread[0] - (1 - signal**2)).abs()))
    assert errors[0] < 0.2 and all(1.7 < a / b < 2.4 for a, b in itertools.pairwise(errors))


def variances(grid: TimeGrid, data: float) -> Tensor:
    """V_i (N+1,) of a frozen chain from N(0, `data`)."""
    found = [torch.tensor(data).double()]
    for dt, g in zip(grid.dt, grid.g, strict=False):
        found.append(found[-1] * (1 - 0.5 * g**2 * dt) ** 2 + g**2 * dt)
    return torch.stack(found)


def missed(config: Config) -> float:
    """What the chain of Euler steps misses for Gaussians of the widths 1 and .0044 with the best linear score, nats."""
    grid, total = make_grid(config.sde, 30), 0.0
    for data in (1.0, 0.0044**2):
        spread = variances(grid, data)
        ratio = (spread[:-1] * grid.g[:-1] ** 2) / (spread[1:] * grid.g[1:] ** 2)
        total += float((0.5 * (ratio - 1 - ratio.log())).sum() + 0.5 * (spread[-1] - 1 - spread[-1].log()))
    return total


def test_the_schedule_of_a_fixed_drift_misses_what_the_guide_says() -> None:
    assert missed(Config.create({"network": {"drift": "frozen"}})) == pytest.approx(1.35, abs=0.01)
    assert missed(Config.create({"model": "diffusion"})) == pytest.approx(3.35, abs=0.01)


def test_a_frozen_model_with_the_right_score_goes_back_to_gaussian_data() -> None:
    """As the reverse of a diffusion model does: to first order in the steps."""
    errors = []
    for steps in (50, 100, 200):
        flow = model("frozen", steps, g_end=7.0)
        grid = flow.grid()
        found = variances(grid, 0.09)
        spread = float(found[-1])
        for i in range(steps, 0, -1):
            rate, dt = float(grid.g[i] ** 2), float(grid.dt[i - 1])
            slope = float(flow.fields(grid)[0](i, torch.ones(1, 2).double())[0, 0]) + rate / float(found[i])
            spread = spread * (1 - slope * dt) ** 2 + rate * dt
        errors.append(abs(spread / 0.09 - 1))
    assert errors[-1] < 0.1 and all(1.6 < a / b < 2.6 for a, b in itertools.pairwise(errors))


def test_the_bend_of_a_smooth_path_hardly_depends_on_the_steps() -> None:
    """P/4N³ is the sum of the squares of what Euler's steps miss."""
    found = []
    for steps in (200, 400):
        grid = make_grid(Config().sde, steps)
        velocity = torch.sin(20 * grid.t)
        found.append(float((bend_weights(grid) * velocity.diff().square()).sum()))
        missed = 0.5 * grid.dt * velocity.diff()
        assert found[-1] == pytest.approx(4 * steps**3 * float(missed.square().sum()))
    assert found[0] == pytest.approx(found[1], rel=0.02)


@pytest.mark.parametrize("drift", ["residual", "frozen"])
def test_a_run_is_saved_resumed_and_read_as_it_was(drift: str, tmp_path: Path) -> None:
    training = {"batch": 16, "iterations": 4, "straight": 0.01, "decay": "constant"}
    network = {"channels": 8, "layers": 1, "drift": drift}
    config = Config.create({"data": "moons", "sde": {"steps": 6}, "network": network, "training": training})
    whole, part = Run(config, threads=1), Run(config.changed({"training.iterations": 2}), threads=1)
    losses = [report.loss for report in whole]
    first = [report.loss for report in part]
    part.save(tmp_path / "part.safetensors")
    resumed = Run.resume(tmp_path / "part.safetensors", {"training.iterations": 4}, threads=1)
    assert resumed.config.network.drift == drift
    with pytest.raises(dnf.StudioError, match="cannot change during a run"):
        resumed.apply({"network.drift": "free"})
    assert first + [report.loss for report in resumed] == losses
    whole.save(tmp_path / "whole.safetensors", "weights")
    assert model_file(tmp_path / "whole.safetensors").model == f"{drift} diffflow"
    read = dnf.load(tmp_path / "whole.safetensors")
    assert torch.equal(read.sample(4), whole.flow.sample(4))
    other = read.grid(3)
    assert isinstance(other, TimeGrid) and torch.isfinite(read.log_prob(torch.zeros(2, 2))).all()


def straightened(weight: float) -> tuple[float, float]:
    training = {"batch": 64, "iterations": 30, "straight": weight, "decay": "constant"}
    network = {"channels": 16, "layers": 1}
    run = Run(
        Config.create({"data": "moons", "sde": {"steps": 6}, "network": network, "training": training}), threads=1
    )
    reports = list(run)[-10:]
    x0, noise = run.dataset.draw(256, torch.Generator().manual_seed(1)), torch.randn(6, 256, 2)
    with torch.no_grad():
        bends: Tensor = textbook_bends(run.flow, x0, noise)  # type: ignore[arg-type]
    assert (reports[-1].bend is None) == (weight == 0)
    return float(bends.mean()), sum(report.loss for report in reports) / 10


def test_training_straightens_paths_and_its_loss_stays_a_bound() -> None:
    bent, loss = straightened(0.0)
    straight, higher = straightened(30.0)
    assert straight < 0.5 * bent
    assert abs(higher - loss) < 2, "the penalty is no part of what is told"

"""Samplers of a diffusion model where the score is exact: orders, limits, and what they refuse."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.config.grids import LEVEL_GRIDS
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.models.flow import Flow
from dnf_studio.core.sampling.blocks import sample_blocks
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.sde.solvers import LastStep
from dnf_studio.core.sde.solvers.dpmpp import multistep_states
from dnf_studio.errors import SettingError, UnsupportedError
from tests.problems import ExactDiffusion

MEAN, VARIANCE = np.array([0.7, -0.3]), np.array([0.4, 0.05])
STEPS = (16, 32, 64, 128, 256)


def latents(count: int = 400) -> Tensor:
    return torch.randn(count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


def ends(model: Diffusion, solver: str, steps: int, z: Tensor) -> Tensor:
    return deque(
        model.sampler(model.grid(steps), SampleSettings(solver=solver))(z, lambda _: torch.zeros_like(z)), maxlen=1
    )[0]


@pytest.mark.parametrize(
    ("solver", "order", "grid"),
    [
        ("ode", 1, "uniform"),
        ("ddim", 1, "uniform"),
        ("heun", 2, "uniform"),
        ("heun", 2, "karras"),
        ("dpmpp-2m", 2, "uniform"),
        ("dpmpp-2m", 2, "log-snr"),
    ],
)
def test_orders_along_the_probability_flow(solver: str, order: int, grid: str) -> None:
    model, z = ExactDiffusion(MEAN, VARIANCE, t_start=0.1, grid=grid), latents()
    errors = [float((ends(model, solver, n, z) - model.flowed(z)).square().mean().sqrt()) for n in STEPS]
    slope = -np.polyfit(np.log(STEPS[2:]), np.log(errors[2:]), 1)[0]
    assert slope == pytest.approx(order, abs=0.2)
    assert errors[-1] < (0.01 if order == 1 else 5e-4)


@pytest.mark.parametrize("grid", ["uniform", "reference", "s-curve", "log-snr", "karras", (0.0, 0.05, 0.3, 1.0)])
def test_every_grid_leads_to_the_same_limit(grid: object) -> None:
    model, z = ExactDiffusion(MEAN, VARIANCE), latents(50)
    nodes = model.grid(300, grid)  # type: ignore[arg-type]
    end = deque(model.sampler(nodes, SampleSettings(solver="heun"))(z, lambda _: z), maxlen=1)[0]
    assert torch.allclose(end, model.flowed(z), atol=2e-3)


@pytest.mark.parametrize("solver", ["ddim", "heun", "dpmpp-2m"])
def test_steps_by_the_marginals_are_exact_for_a_single_point(solver: str) -> None:
    """There the data that is predicted, and ε̂ along the way, stay the same, whatever the steps."""
    model, z = ExactDiffusion(MEAN, np.zeros(2)), latents(50)
    for steps in (1, 2, 5):
        torch.testing.assert_close(ends(model, solver, steps, z), model.flowed(z), rtol=1e-6, atol=1e-6)


def test_multistep_steps_do_not_cancel_in_float32() -> None:
    """Where a and σ hardly change from step to step, their differences must not be those of rounded numbers."""
    model, z = ExactDiffusion(MEAN, VARIANCE), latents(50)
    nodes = model.grid(1000, "log-snr")
    wide, narrow = (
        deque(multistep_states(lambda i, x: x * 0.5, model.levels(nodes.t), start), maxlen=1)[0]
        for start in (z, z.float())
    )
    assert narrow.dtype is torch.float32
    torch.testing.assert_close(narrow.double(), wide, rtol=2e-5, atol=2e-5)


def chain(model: ExactDiffusion, steps: int, last: LastStep) -> tuple[Tensor, Tensor]:
    """Mean and variance (D,) of the ancestral chain from N(0, I), exact: it is affine in z and each noise."""
    rows = torch.zeros(steps + 2, 2, dtype=torch.float64)
    rows[1] = 1.0

    def noise(j: int) -> Tensor:
        eps = torch.zeros_like(rows)
        eps[2 + j] = 1.0
        return eps

    end = deque(model.sampler(model.grid(steps), SampleSettings(solver="ancestral", last=last))(rows, noise), maxlen=1)[
        0
    ]
    return end[0], (end[1:] - end[0]).square().sum(0)


def test_ancestral_marginals_are_right_in_the_limit() -> None:
    model = ExactDiffusion(MEAN, VARIANCE, g_end=20**0.5)
    mean, variance = model.marginal(model.timestamps[0])
    errors = []
    for steps in STEPS:
        found = chain(model, steps, "noise")
        errors.append(float((found[0] - mean).abs().max() + (found[1] - variance).abs().max()))
    assert -np.polyfit(np.log(STEPS[2:]), np.log(errors[2:]), 1)[0] == pytest.approx(1, abs=0.3)
    assert errors[-1] < 0.02


def test_ancestral_sampling_of_noise_is_exact_at_any_n() -> None:
    """Of N(0, I) the marginals are N(0, I) at all times, and the step's variance is that of going back."""
    model = ExactDiffusion(np.zeros(2), np.ones(2))
    for steps in (1, 2, 7):
        mean, variance = chain(model, steps, "noise")
        torch.testing.assert_close(mean, torch.zeros_like(mean))
        torch.testing.assert_close(variance, torch.ones_like(variance))
        assert (chain(model, steps, "mean")[1] < variance).all()


@pytest.mark.parametrize("solver", ["sde", "ode", "ancestral", "ddim", "heun", "dpmpp-2m"])
def test_fewer_samples_are_a_prefix_of_more_on_any_number_of_threads(solver: str) -> None:
    torch.manual_seed(0)
    model = Diffusion(2)
    settings = SampleSettings(steps=3, solver=solver, seed=4)
    few = np.concatenate([b.samples for b in sample_blocks(model, 1500, settings, threads=1)])
    many = list(sample_blocks(model, 2500, settings, threads=2, trajectories=True, noise=True))
    assert np.array_equal(few, np.concatenate([b.samples for b in many])[:1500])
    noise = many[0].noise
    assert noise is not None and (noise != 0).any() == (solver in ("sde", "ancestral"))
    assert not noise[:, -1].any(), "the last step is its mean"


def test_counts_of_evaluations() -> None:
    diffusion, flow = Diffusion(2), DiffFlow(2)
    assert [diffusion.evaluations(10, solver.name) for solver in diffusion.solvers] == [10, 10, 19, 10, 10, 10]
    assert [flow.evaluations(10, solver.name) for solver in flow.solvers] == [20, 20, 38]
    assert flow.evaluations(10) == 20


@pytest.mark.parametrize("solver", ["ode", "ddim", "heun", "dpmpp-2m", "ancestral", "sde"])
def test_the_count_is_what_is_evaluated(solver: str) -> None:
    model, calls = ExactDiffusion(MEAN, VARIANCE), []
    exact = model.noise_field

    def counted(grid: object, hidden: object = None) -> object:
        field = exact(grid)  # type: ignore[arg-type]
        return lambda i, x: (calls.append(i), field(i, x))[1]

    model.noise_field = counted  # type: ignore[method-assign, assignment]
    ends(model, solver, 6, latents(3))
    assert len(calls) == model.evaluations(6, solver)


def test_what_a_model_has_not_is_refused() -> None:
    sentence = r"^The solver 'ddim' is not one that a diffflow has; try sde or ode or heun\.$"
    with pytest.raises(UnsupportedError, match=sentence):
        DiffFlow(2).sample(3, solver="ddim")
    with pytest.raises(UnsupportedError, match="λ is for the solver 'sde'"):
        Diffusion(2).sample(3, solver="ddim", lam=0.5)
    with pytest.raises(UnsupportedError, match="λ is for the solver 'sde'; 'heun' has none"):
        DiffFlow(2).sample(3, solver="heun", lam=0.5)
    with pytest.raises(UnsupportedError, match="λ is for the solver 'sde'; 'ode' has none"):
        DiffFlow(2).sample(3, solver="ode", lam=0.5)


@pytest.mark.parametrize("model", [DiffFlow(2), Flow(2)], ids=["diffflow", "flow"])
def test_grids_of_noise_levels_are_a_diffusion_models(model: DiffFlow | Flow) -> None:
    for grid in LEVEL_GRIDS:
        with pytest.raises(UnsupportedError, match="follow the noise levels of a diffusion model"):
            model.sample(3, grid=grid)
        with pytest.raises(SettingError, match="follow the noise levels of a diffusion model"):
            Config.create({"model": model.kind, "sde": {"grid": grid}})
        assert Config.create({"model": "diffusion", "sde": {"grid": grid}}).sde.grid == grid


@pytest.mark.parametrize("solver", ["ode", "heun"])
def test_the_level_zero_is_the_probability_flows_own(solver: str) -> None:
    model = DiffFlow(2)
    samples = [model.sample(3, steps=2, solver=solver, lam=lam) for lam in (0.0, 1.0)]
    assert torch.equal(*samples)

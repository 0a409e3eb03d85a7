"""Each adapter against Gaussian data, whose drift, score, densities and marginals are known."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
import torch
from torch import Tensor

import dnf_studio as dnf
from dnf_studio.core.models.wrapped import adapters, sdes, velocity
from dnf_studio.core.models.wrapped.base import WrappedModel
from dnf_studio.core.models.wrapped.levels import Discrete
from dnf_studio.core.sampling.likelihood import ode_nll
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.sample_settings import SampleSettings
from tests.core.models.wrapped.gaussians import ALPHAS_BAR, CASES, MEAN, VARIANCE, epsilon, log_normal


def points(count: int, seed: int = 1) -> Tensor:
    return torch.randn(count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", CASES)
def test_drift_and_score_are_those_of_the_marginals(name: str) -> None:
    """Of dx = f dt + g dw with f = A x + b the mean moves by A m + b, and the variance P grows by 2 A P + g²."""
    case, x = CASES[name], points(20)
    model = case.make().double()
    first, last = (float(model.timestamps[k]) for k in (0, -1))
    for t in (first + 0.2 * (last - first), first + 0.7 * (last - first)):
        if name == "epsilon":  # known at whole steps alone
            t = float(model.timestamps[round(70 * t)])
        width = 1e-4 * t
        # Between whole steps the noise of the others is known at every t
        near = model.grid_at([t - width, t, t + width])
        drift, score = model.fields(near)
        mean, variance = case.marginal(near.condition[1])
        assert torch.allclose(score(1, x), -(x - mean) / variance, rtol=1e-5, atol=1e-6)
        slope = (drift(1, x + 1) - drift(1, x))[0]
        for (value, divergence), field in zip(
            (f(1, x) for f in model.fields_with_divergence(near)), (drift, score), strict=True
        ):
            assert torch.allclose(value, field(1, x), atol=1e-9)
            assert torch.allclose(divergence, (field(1, x + 1) - field(1, x)).sum(1), rtol=1e-4, atol=1e-5)
        rate = model.velocity()(near.t[1], x)
        assert torch.allclose(rate, drift(1, x) - 0.5 * near.g[1] ** 2 * score(1, x), rtol=1e-6, atol=1e-6)
        if name == "epsilon":
            assert torch.allclose(slope, -0.5 * near.g[1] ** 2) and float(drift(1, 0 * x).abs().max()) == 0
            continue
        ends = [case.marginal(near.condition[k]) for k in (0, 2)]
        moved, grown = ((b - a) / (near.t[2] - near.t[0]) for a, b in zip(*ends, strict=True))
        assert torch.allclose(drift(1, mean[None])[0], moved, rtol=1e-3, atol=1e-4)
        assert torch.allclose(2 * slope * variance + near.g[1] ** 2, grown, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_the_likelihood_of_the_ode_is_exact(name: str) -> None:
    """The ODE carries a point along its number of standard deviations, to where N(0, 1) is asked for."""
    case, x = CASES[name], MEAN + points(6) * VARIANCE.sqrt()
    model = case.make()
    (early, narrow), (late, broad) = (case.marginal(model.condition[k]) for k in (0, -1))
    inside = model.standardisation.to_model(x)
    end = late + (inside - early) * (broad / narrow).sqrt()
    expected = log_normal(end, 0 * MEAN, 1 + 0 * MEAN) + 0.5 * (broad / narrow).log().sum()
    found = -ode_nll(case.make().double(), inside, 1e-6)
    assert torch.allclose(found, expected, atol=5e-5), (found - expected).abs().max()
    told = model.log_prob(x).double() + model.standardisation.log_scale
    assert torch.allclose(told, expected, atol=1e-4), (told - expected).abs().max()
    if name != "wrap wide":  # of the others there is hardly any noise at the data, and hardly any data at the noise
        assert torch.allclose(expected - model.standardisation.log_scale, log_normal(x, MEAN, VARIANCE), atol=0.05)


def test_a_denoiser_in_float32_loses_no_digits_of_the_likelihood() -> None:
    """At σ = .002 it says nearly its state, and v is as 1/t: in t the same was 2e-3 from what float64 says."""
    case, x = CASES["edm"], MEAN + points(200) * VARIANCE.sqrt()
    inside = case.make().standardisation.to_model(x)
    narrow, wide = (ode_nll(model, inside.to(model.timestamps)) for model in (case.make(), case.make().double()))
    assert float((narrow - wide).abs().max()) < 3e-5


def disagreement(model: WrappedModel, grid: TimeGrid, start: tuple[Tensor, Tensor]) -> float:
    """Σ KL(p_F(x_i | x_{i+1}) ‖ p_B) of points N(start), exactly: all is linear and each component by itself."""
    drift, score = model.fields(grid)
    ends = torch.tensor([[0.0, 0.0], [1.0, 1.0]]).double()
    f, s = ([(at[0], at[1] - at[0]) for at in (field(i, ends) for i in range(len(grid.t)))] for field in (drift, score))
    (mean, variance), total = start, 0.0
    for i, dt in enumerate(grid.dt):
        g, g_next = grid.g[i], grid.g[i + 1]
        back = [a - g_next**2 * b for a, b in zip(f[i + 1], s[i + 1], strict=True)]
        ahead, stays = 1 + f[i][1] * dt, 1 - back[1] * dt
        shift = (1 - stays * ahead) * mean + (back[0] - stays * f[i][0]) * dt
        square = ((1 - stays * ahead) ** 2 * variance + shift**2 + stays**2 * g**2 * dt) / (g_next**2 * dt)
        total += float((0.5 * (square - 1) + (g_next / g).log()).sum())
        mean, variance = ahead * mean + f[i][0] * dt, ahead**2 * variance + g**2 * dt
    return total + float(0.5 * (variance / start[1]).log().sum())


@pytest.mark.parametrize("name", CASES)
def test_the_disagreement_falls_with_the_first_order(name: str) -> None:
    case = CASES[name]
    model = case.make().double()
    grids = [model.grid(n) for n in (100, 400)]
    few, many = (disagreement(model, grid, case.marginal(grid.condition[0])) for grid in grids)
    assert 0.75 < np.log(few / many) / np.log(4) < 1.25, (few, many)
    assert many < 0.7


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"data at 0", "wrap wide"}))
def test_every_noise_level_has_the_same_marginals(name: str) -> None:
    """2,000 samples: a mean is right to .022 and a deviation to .016 of the deviation, one standard error each.

    What is left out is the other one by its own convention, and a process that does not end in its base.
    """
    model = CASES[name].make()
    for lam in (0.0, 1.0, 2.0):
        samples = model.sample(2000, steps=150, lam=lam, solver="sde", last="noise", seed=3).double()
        assert ((samples.mean(0) - MEAN) / VARIANCE.sqrt()).abs().max() < 0.09
        assert (samples.std(0) / VARIANCE.sqrt() - 1).abs().max() < 0.065


def test_discrete_steps_are_asked_for_whole() -> None:
    asked: set[int] = set()

    def told(x: Tensor, k: Tensor) -> Tensor:
        asked.update(k.tolist())
        return epsilon(x, k)

    model = dnf.from_epsilon(told, ALPHAS_BAR, dim=2, steps=10)
    assert model.condition.tolist() == [0, 100, 200, 300, 400, 500, 599, 699, 799, 899, 999]
    asked.clear()
    model.sample(5, solver="ancestral")
    assert asked == set(model.condition.int().tolist()[1:])
    assert model.grid(999).condition.tolist() == list(range(1000))
    assert model.grid(20, "karras").condition.diff().min() > 0
    assert isinstance(model.path, Discrete)
    times = model.path.times[7:9]
    whole, between = model.grid_at(times.tolist()), model.grid_at([float(times.mean())])
    noise = [model.noise_field(grid)(i, torch.ones(1, 2)) for grid, i in ((whole, 0), (whole, 1), (between, 0))]
    part = (between.condition[0] - 7).item()
    assert 0 < part < 1 and torch.allclose(noise[2], torch.lerp(noise[0], noise[1], part), atol=1e-6)


def test_another_n_interpolates_the_times_and_an_array_g() -> None:
    t, g = [0.0, 0.1, 0.3, 1.0], [1.0, 2.0, 2.0, 0.5]
    model = dnf.wrap(lambda x, _: -x, lambda x, _: -x, t=t, g=g, dim=1)
    assert model.grid().steps == 3 and torch.allclose(model.grid().g, torch.tensor(g))
    finer = model.grid(6)
    assert torch.allclose(finer.t, torch.tensor([0.0, 0.05, 0.1, 0.2, 0.3, 0.65, 1.0]))
    assert torch.allclose(finer.g, torch.tensor([1.0, 1.5, 2.0, 2.0, 2.0, 1.25, 0.5]))
    assert torch.allclose(model.grid(4, "uniform").t, torch.linspace(0, 1, 5))
    assert torch.equal(dnf.wrap(lambda x, _: -x, lambda x, _: -x, t=t, g=2, dim=1).grid(5).g, torch.full((6,), 2.0))
    with pytest.raises(dnf.StudioError, match="noise levels of a diffusion model"):
        model.grid(5, "karras")


def test_the_solver_heun_is_the_algorithm_of_the_denoiser() -> None:
    """Karras et al. 2022, algorithm 1, in their own x and σ: of y = x/√(1 + ρσ²) the steps are the same."""
    model = CASES["edm"].make().double()
    sigma, z = model.condition, points(50)
    assert torch.allclose(sigma ** (1 / 7), torch.linspace(0.002 ** (1 / 7), 80 ** (1 / 7), 31).double(), rtol=1e-3)
    x = 80 * z

    def slope(at: Tensor, s: Tensor) -> Tensor:
        return (at - (VARIANCE * at + s**2 * MEAN) / (VARIANCE + s**2)) / s

    for i in range(30, 0, -1):
        step, first = sigma[i - 1] - sigma[i], slope(x, sigma[i])
        second = slope(x + step * first, sigma[i - 1]) if i > 1 else first
        x = x + step * (first + second) / 2
    *_, end = model.sampler(model.grid(), SampleSettings(solver="heun"))(z, lambda _: z)
    assert torch.allclose(model.standardisation.to_data(end), x, atol=1e-5)


@pytest.mark.parametrize("module", [adapters, sdes, velocity])
def test_the_examples_are_true(module: object) -> None:
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted >= 5 and not found.failed

"""Where the method has to end up: the bound, the normalizing-flow limit, the three parts, finer grids."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from dnf_studio.config import Config, SDEConfig
from dnf_studio.core.exploration.contributions import explain_path
from dnf_studio.core.models.two_sdes import DiffFlow
from dnf_studio.core.sde.grid import TimeGrid, make_grid, regrid, uniform_times
from dnf_studio.core.sde.paths import (
    backward_step,
    forward_path,
    forward_step,
    implied_backward_noise,
    implied_forward_noise,
    split_backward_noise,
)
from dnf_studio.core.sde.solvers.sde import backward_path
from tests.problems import ZOO, ExactFlow, LinearGaussian, coupled, log_normal, path_bound, to_standard_normal

NUMBERS = st.floats(-5, 5)
PAIRS = st.tuples(NUMBERS, NUMBERS)
DT = st.floats(1e-7, 1.0)
G = st.floats(0.01, 3.0)


def pair(values: tuple[float, float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


# The implied noises (15).


@given(PAIRS, PAIRS, PAIRS, PAIRS, DT, G)
def test_the_implied_noise_of_a_step_is_its_noise(
    x: tuple[float, float],
    f: tuple[float, float],
    s: tuple[float, float],
    noise: tuple[float, float],
    dt: float,
    g: float,
) -> None:
    at, drift, score, eps, step, level = pair(x), pair(f), pair(s), pair(noise), scalar(dt), scalar(g)
    after = forward_step(at, drift, step, level, eps)
    torch.testing.assert_close(implied_forward_noise(at, after, drift, step, level), eps, rtol=1e-6, atol=1e-6)
    before = backward_step(at, drift, score, step, level, eps)
    torch.testing.assert_close(implied_backward_noise(before, at, drift, score, step, level), eps, rtol=1e-6, atol=1e-6)


@given(PAIRS, PAIRS, PAIRS, PAIRS, PAIRS, DT, G, G)
def test_the_three_parts_add_up_to_the_implied_noise(
    x: tuple[float, float],
    f: tuple[float, float],
    f_next: tuple[float, float],
    s_next: tuple[float, float],
    noise: tuple[float, float],
    dt: float,
    g: float,
    g_next: float,
) -> None:
    at, eps, step, level, level_next = pair(x), pair(noise), scalar(dt), scalar(g), scalar(g_next)
    drift, drift_next, score_next = pair(f), pair(f_next), pair(s_next)
    after = forward_step(at, drift, step, level, eps)
    whole = implied_backward_noise(at, after, drift_next, score_next, step, level_next)
    parts = split_backward_noise(drift, drift_next, score_next, eps, step, level, level_next)
    torch.testing.assert_close(parts.noise + parts.drift + parts.score, whole, rtol=1e-6, atol=1e-6)


def test_the_three_parts_add_up_along_a_path_of_networks() -> None:
    torch.manual_seed(0)
    config = Config.create({"sde": {"g_start": 0.1, "g_end": 0.6}, "network": {"layers": 2, "channels": 32}})
    flow = DiffFlow(3, config).double()
    grid = flow.grid()
    noise = torch.randn(30, 50, 3, dtype=torch.float64)
    with torch.no_grad():
        path = flow.forward_path(torch.randn(50, 3, dtype=torch.float64), noise)
        drift, score = flow.fields(grid)
        for i in range(30):
            f, f_next, s_next = drift(i, path[i]), drift(i + 1, path[i + 1]), score(i + 1, path[i + 1])
            dt, g, g_next = grid.dt[i], grid.g[i], grid.g[i + 1]
            whole = implied_backward_noise(path[i], path[i + 1], f_next, s_next, dt, g_next)
            parts = split_backward_noise(f, f_next, s_next, noise[i], dt, g, g_next)
            assert float((parts.noise + parts.drift + parts.score - whole).abs().max()) < 1e-6


def test_whole_backward_paths_imply_their_noise() -> None:
    """With a g that changes, so that g_{i+1} and g_i cannot be mistaken for one another."""
    problem = coupled()
    grid = problem.grid(25)
    drift, score = problem.drift(grid), problem.score(grid)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(25, 30, 2, dtype=torch.float64, generator=generator)
    path = backward_path(drift, score, grid, torch.randn(30, 2, dtype=torch.float64, generator=generator), noise)
    for j in range(25):
        i = 25 - j
        x, before = path[j], path[j + 1]
        dt, g = grid.t[i] - grid.t[i - 1], grid.g[i]
        implied = (before - x + (drift(i, x) - g**2 * score(i, x)) * dt) / (g * dt.sqrt())
        torch.testing.assert_close(implied, noise[j])


def test_without_cancellation_in_float32_where_steps_are_tiny() -> None:
    """Equation (15) as printed loses its digits there; the sum of the parts does not."""
    generator = torch.Generator().manual_seed(0)
    x, f, f_next, s, noise = (torch.randn(1000, 2, generator=generator, dtype=torch.float64) for _ in range(5))
    dt, g = scalar(1e-9), scalar(0.2)
    exact = sum(split_backward_noise(f, f_next, s, noise, dt, g, g))
    single = [v.float() for v in (x, f, f_next, s, noise, dt, g)]
    x32, f32, fn32, s32, n32, dt32, g32 = single
    split = sum(split_backward_noise(f32, fn32, s32, n32, dt32, g32, g32))
    printed = implied_backward_noise(x32, forward_step(x32, f32, dt32, g32, n32), fn32, s32, dt32, g32)
    assert float((split.double() - exact).abs().max()) < 1e-5
    assert float((printed.double() - exact).abs().max()) > 1e-3


# The bound of method.md, section 2.


def sigma_points(problem: LinearGaussian, steps: int) -> tuple[Tensor, Tensor]:
    """Points and forward noise at 0 and at ± each of the (N+1) D standard normal coordinates behind a path."""
    size, d = (steps + 1) * problem.dim, problem.dim
    eye = torch.eye(size, dtype=torch.float64)
    rows = torch.cat([torch.zeros(1, size, dtype=torch.float64), eye, -eye]).reshape(-1, steps + 1, d)
    root = torch.from_numpy(np.linalg.cholesky(problem.covariance))
    return rows[:, 0] @ root.T + torch.from_numpy(problem.mean), rows[:, 1:].transpose(0, 1)


def expected(values: Tensor) -> float:
    """The exact mean of a quadratic function of those coordinates from its values at `sigma_points`."""
    size = len(values) // 2
    return float(values[0] + (0.5 * (values[1 : size + 1] + values[size + 1 :]) - values[0]).sum())


def gap(problem: LinearGaussian, steps: int) -> float:
    """Mean bound minus mean exact NLL, the exact terminal density as prior; nothing is left to chance."""
    grid = problem.grid(steps)
    x0, noise = sigma_points(problem, steps)
    drift, score = problem.drift(grid), problem.score(grid)
    path = forward_path(drift, grid, x0, noise)
    ratio = explain_path((drift, score), grid, path, noise).steps.sum(0)
    prior = -log_normal(path[-1], problem.marginal(problem.t_end))
    jacobian = problem.dim * math.log(float(grid.g[-1] / grid.g[0]))
    exact = -log_normal(x0, problem.marginal(problem.t_start))
    return expected(prior + ratio + jacobian - exact)


@pytest.mark.parametrize("problem", ZOO, ids=lambda p: p.name)
def test_the_bound_falls_to_the_exact_nll_as_one_over_n(problem: LinearGaussian) -> None:
    """With an exact score only the discretisation is left; a missing g term would leave a constant."""
    gaps = [gap(problem, n) for n in (10, 40, 160, 320)]
    assert all(a > b > 0 for a, b in pairwise(gaps))
    assert math.log2(gaps[-2] / gaps[-1]) == pytest.approx(1, abs=0.2)


def test_path_bound_is_that_bound_and_lies_above_the_chain() -> None:
    problem = to_standard_normal()
    flow = ExactFlow(problem, 20)
    x0, noise = sigma_points(problem, 20)
    bound = path_bound(flow, x0, noise)
    exact = -log_normal(x0, problem.marginal(0.0))
    assert expected(bound - exact) == pytest.approx(gap(problem, 20), abs=1e-9)
    chain = problem.backward_chain(flow.grid(), (np.zeros(1), np.eye(1)))
    assert expected(bound + log_normal(x0, chain)) > 0


# Theorem 1: a normalizing flow for g → 0, but only while Δ ≪ g.


def log_ratio(g: float, steps: int) -> float:
    """Mean Σ ½(‖δF‖² − ‖δB‖²) for dx = −x dt + g dw, no score; the flow's log-det is −1."""
    t = uniform_times(steps, 0.0, 1.0)
    grid = TimeGrid(t, torch.full_like(t, g), t)
    generator = torch.Generator().manual_seed(0)
    x0 = torch.randn(4000, 1, dtype=torch.float64, generator=generator)
    noise = torch.randn(steps, 4000, 1, dtype=torch.float64, generator=generator)

    def drift(_: int, x: Tensor) -> Tensor:
        return -x

    def score(_: int, x: Tensor) -> Tensor:
        return torch.zeros_like(x)

    path = forward_path(drift, grid, x0, noise)
    return -float(explain_path((drift, score), grid, path, noise).steps.sum(0).mean())


def test_the_normalizing_flow_limit_holds_while_steps_are_small_against_g() -> None:
    assert log_ratio(0.03, 30) == pytest.approx(-1.29, abs=0.03)
    assert log_ratio(0.03, 300) == pytest.approx(-1.005, abs=0.005)
    assert log_ratio(0.03, 2000) == pytest.approx(-1.0, abs=0.003)


def test_shrinking_g_at_a_fixed_n_leads_away_from_it() -> None:
    errors = [abs(log_ratio(g, 30) + 1) for g in (0.1, 0.05, 0.02, 0.01)]
    assert errors == sorted(errors)
    # ½ Σ Δ³ ‖df/dt‖² / g², with df/dt = x and E[x²] = e^{−2t}
    assert errors[-1] == pytest.approx(0.5 * (1 / 30) ** 2 * (1 - math.exp(-2)) / 2 / 0.01**2, rel=0.1)


# Finer grids.


@given(st.integers(1, 400), st.sampled_from(["reference", "paper", "uniform"]), st.floats(0.1, 2), st.floats(0, 0.04))
def test_doubling_n_keeps_the_ends(steps: int, kind: str, beta: float, start: float) -> None:
    sde = SDEConfig(steps=steps, grid=kind, beta=beta, t_start=start, g_start=0.1, g_end=0.7)  # type: ignore[arg-type]
    grid = make_grid(sde)
    for finer in (make_grid(sde, 2 * steps), regrid(grid, 2 * steps)):
        assert finer.steps == 2 * grid.steps
        for name in ("t", "g", "condition"):
            before, after = getattr(grid, name), getattr(finer, name)
            assert torch.equal(before[[0, -1]], after[[0, -1]])
            assert (after[1:] >= after[:-1]).all()


def test_doubling_n_keeps_the_parameters() -> None:
    torch.manual_seed(0)
    flow = DiffFlow(2).eval()
    before = {name: value.clone() for name, value in flow.named_parameters()}
    flow.set_grid(flow.grid(60))
    assert flow.grid().steps == 60
    assert all(torch.equal(value, before[name]) for name, value in flow.named_parameters())


def test_a_frozen_affine_drift_is_a_diffusion_model() -> None:
    """Forward is then a Gaussian transition x_N | x_0 whatever the network would have been."""
    problem = coupled()
    grid = problem.grid(40)
    start = torch.tensor([[0.7, -0.2]], dtype=torch.float64)
    noise = torch.randn(40, 20_000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    end = forward_path(problem.drift(grid), grid, start.expand(20_000, 2), noise)[-1].numpy()
    point = LinearGaussian("point", problem.matrix, start[0].numpy(), np.zeros((2, 2)), problem.g, 0.2, 1.1)
    mean, covariance = point.marginal(1.1)
    assert np.abs(end.mean(0) - mean).max() < 0.05
    assert np.abs(np.cov(end.T) - covariance).max() < 0.05

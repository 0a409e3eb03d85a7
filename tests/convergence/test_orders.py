"""Strong and weak order 1 of Euler–Maruyama with additive noise, and that the limit is the right one.

An order alone says only that the method converges to something, so each fit stands beside a test
of what it converges to.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.core.sde.brownian import BrownianPath
from dnf_studio.core.sde.grid import TimeGrid, paper_times, reference_times, uniform_times
from dnf_studio.core.sde.paths import Field, forward_path
from dnf_studio.core.sde.solvers.heun import heun_states
from dnf_studio.core.sde.solvers.sde import backward_path
from tests.problems import ZOO, LinearGaussian, coupled, ornstein_uhlenbeck

STEPS = (8, 16, 32, 64, 128)
FINE = 1024
PATHS = 400
Times = Callable[[int, float, float], Tensor]


def reference(steps: int, start: float, end: float) -> Tensor:
    return reference_times(steps, 0.7, start, end)


def paper(steps: int, start: float, end: float) -> Tensor:
    return paper_times(steps, 0.9, start, end)


def slope(steps: tuple[int, ...], errors: list[float]) -> float:
    return -float(np.polyfit(np.log(steps), np.log(errors), 1)[0])


def brownian(problem: LinearGaussian, stream: int) -> BrownianPath:
    return BrownianPath(11, PATHS, problem.dim, problem.t_start, problem.t_end, stream)


def forward_end(problem: LinearGaussian, grid: TimeGrid, drift: Field | None = None) -> Tensor:
    """x at t_N from the same points along the same Brownian paths whatever the grid."""
    noise = brownian(problem, 0).increments(grid.t).double()
    x0 = problem.draw(PATHS, torch.Generator().manual_seed(3))
    return forward_path(drift or problem.drift(grid), grid, x0, noise)[-1]


def backward_end(problem: LinearGaussian, grid: TimeGrid, lam: float) -> Tensor:
    """x at t_0 from the same latents; W' runs from t_N down, so its increments are taken from the end."""
    noise = brownian(problem, 1).increments(grid.t).double().flip(0)
    mean, covariance = problem.marginal(problem.t_end)
    root = torch.from_numpy(np.linalg.cholesky(covariance))
    eps = torch.randn(PATHS, problem.dim, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    z = eps @ root.T + torch.from_numpy(mean)
    return backward_path(problem.drift(grid), problem.score(grid), grid, z, noise, lam)[-1]


def rms(a: Tensor, b: Tensor) -> float:
    return float((a - b).square().sum(1).mean().sqrt())


@pytest.mark.parametrize("times", [uniform_times, reference, paper])
@pytest.mark.parametrize("problem", [ornstein_uhlenbeck(), coupled()], ids=lambda p: p.name)
def test_strong_order_forward(problem: LinearGaussian, times: Times) -> None:
    finest = forward_end(problem, problem.grid(FINE))
    errors = [rms(forward_end(problem, problem.grid(n, times)), finest) for n in STEPS]
    assert slope(STEPS, errors) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("lam", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("problem", [ornstein_uhlenbeck(), coupled()], ids=lambda p: p.name)
def test_strong_order_backward(problem: LinearGaussian, lam: float) -> None:
    finest = backward_end(problem, problem.grid(FINE), lam)
    errors = [rms(backward_end(problem, problem.grid(n), lam), finest) for n in STEPS]
    assert slope(STEPS, errors) == pytest.approx(1, abs=0.2)


def test_strong_order_with_a_drift_that_is_not_linear() -> None:
    problem = ornstein_uhlenbeck()

    def well(_: int, x: Tensor) -> Tensor:
        return x - x**3

    finest = forward_end(problem, problem.grid(FINE), well)
    errors = [rms(forward_end(problem, problem.grid(n), well), finest) for n in STEPS]
    assert slope(STEPS, errors) == pytest.approx(1, abs=0.2)


def test_the_strong_limit_is_the_solution_along_the_path() -> None:
    """x(T) = e^{−T} x_0 + W(T) − ∫ e^{s−T} W(s) ds, the Itô integral by parts: no step of ours in it."""
    problem = ornstein_uhlenbeck()
    t = problem.grid(FINE).t
    w = brownian(problem, 0).values(t).double().squeeze(-1)
    weight = torch.exp(t - t[-1])[:, None]
    x0 = problem.draw(PATHS, torch.Generator().manual_seed(3)).squeeze(-1)
    exact = (x0 * torch.exp(-t[-1]) + w[-1] - torch.trapezoid(weight * w, t, dim=0))[:, None]
    errors = [rms(forward_end(problem, problem.grid(n)), exact) for n in STEPS]
    assert slope(STEPS, errors) == pytest.approx(1, abs=0.2)
    assert rms(forward_end(problem, problem.grid(FINE)), exact) < 2e-3


@pytest.mark.parametrize("problem", ZOO, ids=lambda p: p.name)
def test_weak_order_and_limit_forward(problem: LinearGaussian) -> None:
    """Mean and covariance of the chain are exact here, so nothing is left to chance."""
    mean, covariance = problem.marginal(problem.t_end)
    errors = []
    for n in STEPS:
        found_mean, found = problem.forward_chain(problem.grid(n))
        errors.append(float(np.abs(found_mean - mean).max() + np.abs(found - covariance).max()))
    assert slope(STEPS, errors) == pytest.approx(1, abs=0.2)
    assert errors[-1] < 0.02


@pytest.mark.parametrize("lam", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("problem", ZOO, ids=lambda p: p.name)
def test_weak_order_and_limit_backward_for_every_lambda(problem: LinearGaussian, lam: float) -> None:
    """(17) keeps the marginals whatever λ, so each chain comes back to the data."""
    start = problem.marginal(problem.t_end)
    steps = tuple(4 * n for n in STEPS)
    errors = []
    for n in steps:
        mean, covariance = problem.backward_chain(problem.grid(n), start, lam)
        errors.append(float(np.abs(mean - problem.mean).max() + np.abs(covariance - problem.covariance).max()))
    assert slope(steps, errors) == pytest.approx(1, abs=0.2)
    assert errors[-1] < 0.1


def test_the_chains_moments_are_those_of_its_paths() -> None:
    """The exact moments used above agree with simulated ones."""
    problem = coupled()
    grid = problem.grid(12)
    generator = torch.Generator().manual_seed(0)
    x0 = problem.draw(40_000, generator)
    noise = torch.randn(12, *x0.shape, dtype=torch.float64, generator=generator)
    end = forward_path(problem.drift(grid), grid, x0, noise)[-1].numpy()
    mean, covariance = problem.forward_chain(grid)
    assert np.abs(end.mean(0) - mean).max() < 0.02
    assert np.abs(np.cov(end.T) - covariance).max() < 0.02


def test_heun_along_the_probability_flow_has_order_two() -> None:
    """In one dimension that flow keeps quantiles: of Gaussians it is z ↦ m_0 + (σ_0/σ_T) (z − m_T)."""
    problem = ornstein_uhlenbeck()
    (early, start), (late, end) = (problem.marginal(t) for t in (problem.t_start, problem.t_end))
    z = torch.linspace(-2, 2, 41, dtype=torch.float64)[:, None]
    exact = float(early[0]) + (z - float(late[0])) * float(np.sqrt(start / end)[0, 0])
    errors = []
    for steps in STEPS:
        grid = problem.grid(steps)
        *_, last = heun_states(problem.drift(grid), problem.score(grid), grid, z)
        errors.append(rms(last, exact))
    assert slope(STEPS[2:], errors[2:]) == pytest.approx(2, abs=0.2)
    assert errors[-1] < 2e-4

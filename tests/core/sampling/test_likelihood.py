"""Log densities against exact ones."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from dnf_studio import load
from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling import likelihood
from dnf_studio.core.sampling.likelihood import bound_nll, estimate_ode_nll, grid_ode_nll, log_prob, ode_nll
from dnf_studio.core.sde.grid import levels_at
from dnf_studio.errors import DataError, DivergenceError, SettingError, UnsupportedError
from tests.problems import (
    ExactDiffusion,
    ExactFlow,
    LinearGaussian,
    log_normal,
    to_standard_normal,
    turning_to_standard_normal,
)

PRIOR = (np.zeros(1), np.eye(1))


def small_flow(dim: int = 2) -> DiffFlow:
    torch.manual_seed(0)
    config = Config.create({"sde": {"steps": 4}, "network": {"layers": 2, "channels": 16}})
    return DiffFlow(dim, config, Standardisation((2.0,) * dim, tuple(0.5 + j for j in range(dim)))).eval()


def points(problem: LinearGaussian, count: int) -> torch.Tensor:
    return problem.draw(count, torch.Generator().manual_seed(0))


def test_the_ode_gives_the_exact_density() -> None:
    problem = to_standard_normal()
    x = points(problem, 50)
    exact = -log_normal(x, problem.marginal(0.0))
    fine = (ode_nll(ExactFlow(problem, 40), x) - exact).abs().max()
    coarse = (ode_nll(ExactFlow(problem, 40), x, 1e-2) - exact).abs().max()
    assert fine < 1e-4
    assert fine < coarse


def test_the_ode_does_not_depend_on_the_nodes_where_the_fields_know_every_t() -> None:
    problem = to_standard_normal()
    x = points(problem, 20)
    torch.testing.assert_close(ode_nll(ExactFlow(problem, 3), x), ode_nll(ExactFlow(problem, 200), x))


def test_the_divergence_is_the_trace_of_the_jacobian() -> None:
    flow = small_flow(3).double()
    velocity = flow.velocity()
    x = torch.randn(6, 3, dtype=torch.float64)
    t = torch.tensor(0.0234)
    value, found = likelihood._with_divergence(lambda y: velocity(t, y), x, likelihood._exact_divergence)
    divergence = found[:, 0]
    torch.testing.assert_close(value, velocity(t, x))
    for row, found in zip(x, divergence, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda y: velocity(t, y[None])[0], row)
        torch.testing.assert_close(found, torch.trace(jacobian))


def test_between_nodes_g_and_the_time_input_are_linear() -> None:
    flow = small_flow()
    with torch.no_grad():
        flow.diffusion.copy_(torch.linspace(0.2, 1.0, 5))
        flow.condition.copy_(flow.timestamps * 10)
    t = (0.25 * flow.timestamps[1] + 0.75 * flow.timestamps[2]).item()
    condition = torch.tensor(10 * t)
    g = 0.25 * 0.4 + 0.75 * 0.6
    x = torch.randn(5, 2)
    expected = flow.drift(x, condition) - 0.5 * g * g * flow.score(x, condition)
    torch.testing.assert_close(flow.velocity()(torch.tensor(t, dtype=torch.float64), x), expected)


def test_the_bound_lies_above_the_chain_and_importance_weights_reach_it() -> None:
    problem = to_standard_normal()
    flow = ExactFlow(problem, 5)
    x = points(problem, 300)
    chain = -log_normal(x, problem.backward_chain(flow.grid(), PRIOR))
    bound, weighted = bound_nll(flow, x, 200), bound_nll(flow, x, 200, importance=True)
    assert float((bound - chain).mean()) > 0.01
    assert abs(float((weighted - chain).mean())) < 0.01
    assert (weighted <= bound + 1e-12).all()


def test_noise_of_a_point_does_not_depend_on_how_many_follow() -> None:
    flow = small_flow()
    x = torch.randn(1100, 2)
    many = bound_nll(flow, x, 2)
    torch.testing.assert_close(bound_nll(flow, x[:520], 2), many[:520], rtol=1e-5, atol=1e-5)
    assert not torch.equal(bound_nll(flow, x[:520], 2, seed=1), many[:520])


@pytest.mark.parametrize("method", ["ode", "bound", "importance"])
def test_log_prob_is_in_data_units(method: str) -> None:
    flow = small_flow()
    x = torch.randn(7, 2)
    found = log_prob(flow, flow.standardisation.to_data(x), method)  # type: ignore[arg-type]
    flow.standardisation = Standardisation.identity(2)
    model = log_prob(flow, x, method)  # type: ignore[arg-type]
    assert found.shape == (7,) and found.dtype == torch.float32 and not found.requires_grad
    torch.testing.assert_close(found, model - math.log(0.5) - math.log(1.5), rtol=1e-4, atol=1e-4)


def test_the_density_of_the_ode_integrates_to_one() -> None:
    flow = small_flow()
    flow.standardisation = Standardisation.identity(2)
    axis = torch.linspace(-7, 7, 90)
    nodes = torch.cartesian_prod(axis, axis)
    mass = log_prob(flow, nodes).double().exp().sum() * (axis[1] - axis[0]) ** 2
    assert abs(float(mass) - 1) < 1e-3


def test_no_points_have_no_densities() -> None:
    assert log_prob(small_flow(), torch.zeros(0, 2)).shape == (0,)


def test_mistakes_are_one_sentence() -> None:
    flow = small_flow()
    with pytest.raises(SettingError, match=r"^The method 'exact' is not one of ode, bound and importance\.$"):
        log_prob(flow, torch.zeros(1, 2), "exact")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"^The points must be a tensor of shape \(n, 2\), not \(1, 3\)\.$"):
        log_prob(flow, torch.zeros(1, 3))
    with pytest.raises(DataError, match=r"^The points must be a tensor of shape \(n, 2\), not \(2,\)\.$"):
        log_prob(flow, torch.zeros(2))
    with pytest.raises(DataError, match=r"^1 of 2 points are not finite\.$"):
        log_prob(flow, torch.tensor([[0.0, 1.0], [math.nan, 0.0]]))


@pytest.mark.parametrize("bias", [math.nan, math.inf, 1e30])
def test_an_ode_without_a_solution_is_one_sentence(bias: float) -> None:
    flow = small_flow()
    with torch.no_grad():
        flow.drift.layers[-1].weight.fill_(bias)  # type: ignore[union-attr]
    with pytest.raises(DivergenceError, match=r"^The probability-flow ODE .*\.$"):
        ode_nll(flow, torch.randn(3, 2))


def turning(dim: int) -> LinearGaussian:
    """A shrinking and turning space of many dimensions whose marginal is N(0, I) at T."""
    spin = np.random.default_rng(0).standard_normal((dim, dim)) / math.sqrt(dim)
    matrix, zero, g = spin - spin.T - np.eye(dim), np.zeros(dim), (0.8, 1.4)
    plain = LinearGaussian("from a point", -np.eye(1), np.zeros(1), np.zeros((1, 1)), g).marginal(1.0)[1]
    return LinearGaussian("turning", matrix, zero, (1 - float(plain[0, 0])) * np.exp(2.0) * np.eye(dim), g)


def warped(dim: int) -> LinearGaussian:
    """The same with a drift that shears, so that the Jacobian has a symmetric part off its diagonal."""
    problem = turning(dim)
    shear = 0.3 * np.triu(np.ones((dim, dim)), 1) / math.sqrt(dim)
    return LinearGaussian("warped", problem.matrix + shear, problem.mean, problem.covariance, problem.g)


def test_hutchinson_is_unbiased_and_says_how_uncertain_it_is() -> None:
    """Beside the exact divergence of the same ODE: no bias, and as far off as the errors say (their mean square)."""
    flow = ExactFlow(warped(6), 4)
    x = torch.randn(600, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    exact = ode_nll(flow, x)
    found = estimate_ode_nll(flow, x, probes=12)
    assert (found.error > 0).all() and (estimate_ode_nll(flow, x[:2]).error == 0).all()
    assert float((found.value - exact).square().mean() / found.error.square().mean()) == pytest.approx(1, abs=0.15)
    assert abs(float((found.value - exact).mean())) < 4 * float(found.error.mean()) / math.sqrt(600)
    more = estimate_ode_nll(flow, x, probes=48)
    assert float(more.error.mean()) == pytest.approx(float(found.error.mean()) / 2, rel=0.15)


def test_beyond_sixteen_dimensions_the_density_is_hutchinsons_and_seeded() -> None:
    problem = turning(20)
    flow = ExactFlow(problem, 4)
    x = points(problem, 40)
    exact = -log_normal(x, problem.marginal(0.0))
    # Signs find the trace of a turning exactly: what is off the diagonal cancels in pairs
    torch.testing.assert_close(estimate_ode_nll(flow, x).value, exact, rtol=0, atol=1e-3)
    other = ExactFlow(warped(20), 4)
    first, again, second = (estimate_ode_nll(other, x[:8], probes=3, seed=s).value for s in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, second)
    assert log_prob(small_flow(17), torch.zeros(3, 17)).isfinite().all()


def test_signs_of_a_point_do_not_depend_on_how_many_follow() -> None:
    flow = ExactFlow(warped(4), 3)
    x = torch.randn(700, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    whole = estimate_ode_nll(flow, x, 1e-8, probes=2).value
    torch.testing.assert_close(estimate_ode_nll(flow, x[:540], 1e-8, probes=2).value, whole[:540], rtol=0, atol=1e-5)


def test_the_ode_on_its_grid_nears_the_exact_density_at_second_order() -> None:
    problem = turning_to_standard_normal()
    x = points(problem, 60)
    exact = -log_normal(x, problem.marginal(0.0))
    off = [float((grid_ode_nll(ExactFlow(problem, n), x) - exact).abs().max()) for n in (20, 40, 80)]
    assert off[2] < 5e-3
    assert 3 < off[0] / off[1] < 5 and 3 < off[1] / off[2] < 5
    torch.testing.assert_close(grid_ode_nll(ExactFlow(problem, 3), x, 40), grid_ode_nll(ExactFlow(problem, 40), x))


def expected_bound(problem: LinearGaussian, flow: ExactFlow, x0: torch.Tensor) -> torch.Tensor:
    """E[−log N(x_N; 0, I) + Σ ½(‖δB_i‖² − ‖δF_i‖²)] + D log(g_N/g_0) of each x0 (n, D), in closed form.

    x_i given x_0 is N(m, P) and δB_i = M x_i + R δF_i + c, so E‖δB_i‖² = ‖M m + c‖² + tr(M P Mᵀ) + ‖R‖².
    """
    grid, d = flow.grid(), problem.dim
    drift, score = problem.drift(grid), problem.score(grid)
    eye, zero = torch.eye(d, dtype=torch.float64), torch.zeros(d, d, dtype=torch.float64)
    mean, cov = x0, torch.zeros(d, d, dtype=torch.float64)
    total = torch.zeros(len(x0), dtype=torch.float64)
    for i in range(grid.steps):
        dt, g, g_next = grid.dt[i], grid.g[i], grid.g[i + 1]

        def both(
            x: torch.Tensor, eps: torch.Tensor, i: int = i, dt: torch.Tensor = dt, g: torch.Tensor = g,
            g_next: torch.Tensor = g_next,
        ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
            nxt = x + drift(i, x) * dt + g * dt.sqrt() * eps
            back = x - nxt + (drift(i + 1, nxt) - g_next**2 * score(i + 1, nxt)) * dt
            return nxt, back / (g_next * dt.sqrt())

        shift = [part[0] for part in both(zero, zero)]
        by_x, by_eps = (
            [part - s for part, s in zip(both(*at), shift, strict=True)] for at in ((eye, zero), (zero, eye))
        )
        back = mean @ by_x[1] + shift[1]
        squared = back.square().sum(1) + torch.trace(by_x[1].T @ cov @ by_x[1]) + by_eps[1].square().sum()
        total += 0.5 * (squared - d)
        mean = mean @ by_x[0] + shift[0]
        cov = by_x[0].T @ cov @ by_x[0] + by_eps[0].T @ by_eps[0]
    prior = 0.5 * (mean.square().sum(1) + torch.trace(cov)) + 0.5 * d * math.log(2 * math.pi)
    return prior + total + d * torch.log(grid.g[-1] / grid.g[0])


@pytest.mark.parametrize(("make", "steps"), [(to_standard_normal, 4), (turning_to_standard_normal, 8)])
def test_ode_bound_and_importance_bound_agree_with_their_closed_forms(
    make: Callable[[], LinearGaussian], steps: int
) -> None:
    """ODE: the exact density. Importance: the chain's exact density. Bound: its exact expectation, above that."""
    problem = make()
    flow = ExactFlow(problem, steps)
    x = points(problem, 200)
    prior = (np.zeros(problem.dim), np.eye(problem.dim))
    chain = -log_normal(x, problem.backward_chain(flow.grid(), prior))
    torch.testing.assert_close(ode_nll(flow, x), -log_normal(x, problem.marginal(0.0)), rtol=0, atol=1e-4)
    expected = expected_bound(problem, flow, x)
    assert (expected > chain).all()
    assert abs(float((bound_nll(flow, x, 400) - expected).mean())) < 0.004
    assert abs(float((bound_nll(flow, x, 400, importance=True) - chain).mean())) < 0.004
    assert float((expected - chain).mean()) > 0.02, "and the three are told apart"


def ancestral_chain(flow: ExactDiffusion) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of what N noisy ancestral steps make of N(0, I), whose every step is affine."""
    levels = levels_at(flow.config.sde, flow.timestamps.double())
    a, sigma = (part.numpy() for part in levels)
    mean, variance = np.zeros(flow.dim), np.ones(flow.dim)
    for t in range(len(a) - 1, 0, -1):
        back = a[t] / a[t - 1]
        gained = sigma[t] ** 2 - (back * sigma[t - 1]) ** 2
        m, v = (part.numpy() for part in flow.marginal(flow.timestamps[t]))
        shrink = (1 - gained / v) / back
        mean, variance = shrink * mean + gained * m / (v * back), shrink**2 * variance + gained
    return mean, np.diag(variance)


def test_the_ancestral_chain_has_its_own_bound_whose_importance_weights_reach_its_exact_density() -> None:
    flow = ExactDiffusion(np.array([0.5, -1.0]), np.array([0.3, 1.5]), steps=12)
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = x * flow.variance.sqrt() + flow.mean
    chain = -log_normal(x, ancestral_chain(flow))
    bound, weighted = bound_nll(flow, x, 100), bound_nll(flow, x, 100, importance=True)
    assert abs(float((weighted - chain).mean())) < 0.004
    assert 0.01 < float((bound - chain).mean()) < 0.3
    torch.testing.assert_close(bound, bound_nll(flow, x, 100, solver="ancestral"), rtol=0, atol=0)
    torch.testing.assert_close(log_prob(flow, x, "importance"), -bound_nll(flow, x, 64, importance=True))
    euler = bound_nll(flow, x, 100, solver="sde")
    assert float((euler - bound).abs().mean()) > 0.05, "the chain of Euler steps has another one"
    for solver in ("ode", "ddim", "heun"):
        with pytest.raises(UnsupportedError, match="draws no noise"):
            bound_nll(flow, x, 2, solver=solver)  # type: ignore[arg-type]
    with pytest.raises(UnsupportedError, match="is not one that a diffflow has"):
        bound_nll(small_flow(), torch.randn(3, 2), 2, solver="ancestral")


def test_the_bound_of_the_ancestral_chain_is_tight_where_that_is_exact() -> None:
    """Of N(0, I) the variance of its steps is that of the reverse, at any N."""
    for steps in (1, 5):
        flow = ExactDiffusion(np.zeros(2), np.ones(2), steps=steps, t_start=1e-6)
        x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        exact = -log_normal(x, (np.zeros(2), np.eye(2)))
        torch.testing.assert_close(bound_nll(flow, x, 1), exact, rtol=0, atol=0.01)


def mass(name: str, half_width: float, count: int) -> float:
    """∫p over a square, by a Riemann sum of count² points of the ODE's density; model units."""
    flow = load(name)
    assert isinstance(flow, DiffFlow)
    axis = torch.linspace(-half_width, half_width, count)
    nll = ode_nll(flow, torch.cartesian_prod(axis, axis), 1e-3)
    return float((-nll.double()).exp().sum()) * float(axis[1] - axis[0]) ** 2


def test_the_ode_density_of_a_trained_model_integrates_to_one() -> None:
    """A sum over places half of a mode's deviation apart."""
    assert mass("diffflow-8gaussian", 3.0, 71) == pytest.approx(1, abs=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "half_width", "count"), [("8gaussian", 4.0, 111), ("checkerboard", 2.6, 241)])
def test_the_ode_densities_of_the_bundled_models_integrate_to_one(name: str, half_width: float, count: int) -> None:
    assert mass(f"diffflow-{name}", half_width, count) == pytest.approx(1, abs=5e-3)

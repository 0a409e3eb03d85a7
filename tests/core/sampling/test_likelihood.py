"""Log densities against exact ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling import likelihood
from dnf_studio.core.sampling.likelihood import bound_nll, log_prob, ode_nll
from dnf_studio.errors import DataError, DivergenceError, SettingError, UnsupportedError
from tests.problems import ExactFlow, LinearGaussian, log_normal, to_standard_normal

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
    value, divergence = likelihood._with_divergence(lambda y: velocity(t, y), x)
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
    with pytest.raises(UnsupportedError, match=r"^The exact divergence is for at most 16 dimensions .*\.$"):
        log_prob(small_flow(17), torch.zeros(1, 17))
    assert log_prob(small_flow(17), torch.zeros(1, 17), "bound").isfinite().all()


@pytest.mark.parametrize("bias", [math.nan, math.inf, 1e30])
def test_an_ode_without_a_solution_is_one_sentence(bias: float) -> None:
    flow = small_flow()
    with torch.no_grad():
        flow.drift.layers[-1].weight.fill_(bias)  # type: ignore[union-attr]
    with pytest.raises(DivergenceError, match=r"^The probability-flow ODE .*\.$"):
        ode_nll(flow, torch.randn(3, 2))

"""∫p by importance sampling where it is known to be one, and where it is not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dnf_studio import load
from dnf_studio.core.models.flow import Flow
from dnf_studio.core.sampling import mass as module
from dnf_studio.core.sampling.mass import BlurredSamples, ode_mass
from dnf_studio.errors import DivergenceError
from tests.problems import ExactFlow, LinearGaussian, log_normal, turning_to_standard_normal


def many_dimensions(dim: int) -> LinearGaussian:
    """Shrinking Gaussian data of a known covariance that is N(0, I) at T."""
    zero, matrix, g = np.zeros(dim), -np.eye(dim), (0.8, 1.4)
    _, gained = LinearGaussian("from a point", matrix, zero, np.zeros((dim, dim)), g).marginal(1.0)
    return LinearGaussian("to standard normal", matrix, zero, (np.eye(dim) - gained) * np.exp(2.0), g)


@pytest.mark.parametrize("problem", [turning_to_standard_normal(), many_dimensions(20)], ids=["plane", "twenty"])
def test_the_density_of_a_linear_gaussian_model_has_a_mass_of_one(problem: LinearGaussian) -> None:
    """Beyond 16 dimensions too, where likelihoods take an estimated divergence."""
    found = ode_mass(ExactFlow(problem, 12), points=600)
    assert found.error < 0.08
    assert abs(found.value - 1) < 4 * found.error
    assert 50 < found.effective <= 600


def test_a_density_that_is_wrong_by_a_factor_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    flow = ExactFlow(turning_to_standard_normal(), 12)
    right = module.estimate_ode_nll

    def wrong(*args: object, **how: object) -> object:
        found = right(*args, **how)  # type: ignore[arg-type]
        return type(found)(found.value - math.log(1.2), found.error)

    monkeypatch.setattr(module, "estimate_ode_nll", wrong)
    found = ode_mass(flow, points=600)
    assert abs(found.value - 1.2) < 4 * found.error < 0.15


def test_the_proposal_is_a_density_and_is_drawn_from() -> None:
    torch.manual_seed(0)
    samples = torch.cat([torch.randn(40, 2) * 0.2 - 2, torch.randn(40, 2) * 0.3 + 1])
    near = BlurredSamples(samples)
    axis = torch.linspace(-25, 25, 401, dtype=torch.float64)
    density = near.log_density(torch.cartesian_prod(axis, axis)).exp().reshape(401, 401)
    cell = float(axis[1] - axis[0]) ** 2
    assert float(density.sum()) * cell == pytest.approx(1, abs=1e-3)
    left = float(density[axis < -0.5].sum()) * cell
    assert float((near.draw(20_000, 0)[:, 0] < -0.5).double().mean()) == pytest.approx(left, abs=0.015)


def test_weights_stay_bounded_where_gaussian_tails_end() -> None:
    """p/q falls again far out, whatever direction is taken: q has the heavier tails."""
    problem = turning_to_standard_normal()
    near = BlurredSamples(problem.draw(500, torch.Generator().manual_seed(0)))
    out = torch.linspace(0, 60, 300, dtype=torch.float64)
    for angle in (0.0, 1.0, 2.5):
        x = out[:, None] * torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64)
        weights = log_normal(x, problem.marginal(0.0)) - near.log_density(x)
        assert float(weights.max()) < math.log(20)
        assert (weights[100:].diff() < 0).all()


def test_many_dimensions_leave_the_covariance_as_it_is() -> None:
    samples = torch.randn(300, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    drawn = BlurredSamples(samples).draw(20_000, 0)
    assert float(drawn.var(0).mean()) == pytest.approx(1 + BlurredSamples(samples).h ** 2 / 3, rel=0.08)


def test_a_flow_has_it_too_and_a_broken_one_says_so() -> None:
    torch.manual_seed(0)
    flow = Flow(2)
    found = ode_mass(flow, points=400)
    assert abs(found.value - 1) < 5 * found.error < 0.2
    with torch.no_grad():
        flow.drift.layers[-1].weight.fill_(math.inf)  # type: ignore[union-attr]
    with pytest.raises(DivergenceError):
        ode_mass(flow, points=10)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["8gaussian", "checkerboard", "rings"])
def test_the_bundled_models_have_a_mass_of_one(name: str) -> None:
    found = ode_mass(load(f"diffflow-{name}"))
    assert abs(found.value - 1) < 3 * found.error < 0.25

"""Three ways there and back, against exact answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

import dnf_studio as dnf
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.exploration import round_trip as module
from dnf_studio.core.exploration.round_trip import RoundTrip, round_trips
from dnf_studio.errors import DataError, SettingError
from tests.problems import ZOO, ExactFlow, LinearGaussian, coupled, ornstein_uhlenbeck, to_standard_normal
from tests.views import round_trip, viewed

STEPS = (8, 16, 32, 64)


def points(problem: LinearGaussian, count: int = 300) -> Tensor:
    return problem.draw(count, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("problem", ZOO, ids=lambda problem: problem.name)
@pytest.mark.parametrize("steps", [1, 3, 40])
def test_the_implied_noises_lead_back_exactly(problem: LinearGaussian, steps: int) -> None:
    x0 = points(problem)
    found = round_trip(ExactFlow(problem, 8), x0, "implied", viewed(steps, last="mean"))
    assert found.x0.shape == found.latent.shape == found.returned.shape == (300, problem.dim)
    assert found.error.shape == (300,) and found.largest < 1e-10 and found.lost == 0
    assert not np.allclose(found.latent, found.x0, atol=0.1)


def test_a_trained_model_returns_to_rounding() -> None:
    x0 = open_dataset("rings").fresh(600, 0)
    found = round_trip(dnf.load("diffflow-rings"), x0, "implied")
    assert found.rms < 3e-6 and found.largest < 3e-5


@pytest.mark.parametrize("problem", [ornstein_uhlenbeck(), coupled()], ids=lambda problem: problem.name)
def test_the_error_of_the_ode_falls_as_one_by_n(problem: LinearGaussian) -> None:
    flow, x0 = ExactFlow(problem, 8), points(problem)
    errors = [round_trip(flow, x0, "ode", viewed(n)).rms for n in STEPS]
    assert -np.polyfit(np.log(STEPS), np.log(errors), 1)[0] == pytest.approx(1, abs=0.15)
    assert (np.diff(errors) < 0).all()


def test_euler_steps_of_the_ode_are_those_of_a_line() -> None:
    """Without score dx = −x dt: N steps multiply by (1 − 1/N)^N, and back by (1 + 1/N)^N."""
    problem = LinearGaussian("far", np.array([[-1.0]]), np.zeros(1), np.full((1, 1), 1e12))
    found = round_trip(ExactFlow(problem, 8), torch.ones(1, 1, dtype=torch.float64), "ode", viewed(10))
    assert found.latent[0, 0] == pytest.approx(0.9**10, rel=1e-6)
    assert found.returned[0, 0] == pytest.approx(0.99**10, rel=1e-6)


def test_the_latent_forgets_what_the_posterior_says() -> None:
    """x_0 and what comes back are independent given x_N: E ‖error‖² = 2 Var(x_0 | x_N)."""
    problem = to_standard_normal()
    x0 = points(problem, 4000)
    found = round_trip(ExactFlow(problem, 8), x0, "sde", viewed(400))
    spread, end, decay = float(problem.covariance[0, 0]), float(problem.marginal(1.0)[1][0, 0]), math.exp(-1.0)
    left = spread - (decay * spread) ** 2 / end
    assert found.rms == pytest.approx(math.sqrt(2 * left), rel=0.06)
    assert np.corrcoef(found.latent[:, 0], found.x0[:, 0])[0, 1] == pytest.approx(
        decay * math.sqrt(spread / end), abs=0.05
    )


def test_the_last_mean_comes_closer_and_another_seed_elsewhere() -> None:
    problem = ornstein_uhlenbeck()
    flow, x0 = ExactFlow(problem, 8), points(problem)
    noisy = round_trip(flow, x0, "sde", viewed(8))
    assert round_trip(flow, x0, "sde", viewed(8, last="mean")).rms < noisy.rms
    assert np.array_equal(round_trip(flow, x0, "sde", viewed(8)).returned, noisy.returned)
    other = round_trip(flow, x0, "sde", viewed(8, seed=1))
    assert not np.allclose(other.latent, noisy.latent) and not np.allclose(other.returned, noisy.returned)


def test_blocks_grow_to_the_whole_and_can_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = coupled()
    flow, x0 = ExactFlow(problem, 8), points(problem)
    found = list(round_trips(flow, x0, "sde", viewed(4)))
    assert [len(part.x0) for part in found] == [256, 300]
    assert np.array_equal(found[0].returned, found[1].returned[:256])
    monkeypatch.setattr(module, "MAX_NUMBERS", 2 * 2 * 4 * 100)
    assert [len(part.x0) for part in round_trips(flow, x0, "ode", viewed(4))] == [100, 200, 300]
    calls = 0

    def leave() -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(round_trips(flow, x0, "implied", viewed(40), check=leave))


def test_lost_points_are_counted_and_worst() -> None:
    x0 = np.zeros((4, 2))
    found = RoundTrip("sde", 1, x0, x0, np.array([[3.0, 4.0], [np.nan, 0], [0, 1], [0, 0]]))
    assert found.lost == 1 and found.worst(2) == (0, 1) and found.worst(9) == (3, 2, 0, 1)
    assert (found.median, found.largest) == (1.0, 5.0) and found.rms == pytest.approx(math.sqrt(26 / 3))
    nothing = RoundTrip("sde", 1, x0, x0, np.full((4, 2), np.nan))
    assert nothing.lost == 4 and math.isnan(nothing.rms)


def test_what_cannot_be_is_one_sentence() -> None:
    flow, x0 = ExactFlow(coupled(), 8), points(coupled())
    with pytest.raises(SettingError, match="not one of implied, ode and sde"):
        round_trip(flow, x0, "there")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="mean or noise"):
        round_trip(flow, x0, "sde", viewed(last="never"))
    with pytest.raises(DataError, match="shape"):
        round_trip(flow, x0[:, :1])
    with pytest.raises(SettingError, match="N must be"):
        round_trip(dnf.load("diffflow-rings"), x0, "ode", viewed(0))

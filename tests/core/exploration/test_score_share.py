"""The score's share of the backward drift against lengths that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dnf_studio.core.exploration.by_step import IDLE, score_share, share_of_lengths, summed_lengths
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import forward_path
from dnf_studio.errors import SettingError
from tests.core.exploration.test_fields import flow_of
from tests.problems import exploding, ornstein_uhlenbeck, turning_to_standard_normal


def test_the_share_of_a_score_of_known_length() -> None:
    t = torch.linspace(0, 1, 4, dtype=torch.float64)
    grid = TimeGrid(t, 2 + t, t)
    fields = (lambda i, x: torch.full_like(x, 3.0)), (lambda i, x: torch.full_like(x, 0.01 * i))
    paths = torch.randn(4, 30, 2, dtype=torch.float64)
    paths[2, :7] = torch.nan
    found = score_share(fields, grid, paths)
    expected = np.array([0.01 * i * (2 + i / 3) ** 2 for i in (1, 2, 3)])
    np.testing.assert_allclose(found.drift, 3 * 2**0.5)
    np.testing.assert_allclose(found.score, expected * 2**0.5)
    np.testing.assert_allclose(found.share, expected / (3 + expected))
    np.testing.assert_allclose(score_share(fields, grid, paths, lam=0.0).score, found.score / 2)
    assert not found.idle.any()


def test_a_score_is_idle_below_a_hundredth_and_a_drift_of_nothing_divides_nothing() -> None:
    t = torch.linspace(0, 1, 3, dtype=torch.float64)
    grid, paths = TimeGrid(t, t * 0 + 1, t), torch.zeros(3, 5, 2, dtype=torch.float64)
    nearly = (lambda i, x: x + 1), (lambda i, x: x + (0.9 if i == 1 else 1.1) * IDLE / (1 - IDLE))
    assert score_share(nearly, grid, paths).idle.tolist() == [True, False]
    nothing = (lambda i, x: x * 0), (lambda i, x: x * 0)
    assert score_share(nothing, grid, paths).share.tolist() == [0.0, 0.0]


def test_a_problem_without_drift_is_all_score() -> None:
    problem = exploding()
    grid = problem.grid(6)
    paths = torch.randn(7, 40, 3, dtype=torch.float64)
    np.testing.assert_allclose(score_share((problem.drift(grid), problem.score(grid)), grid, paths).share, 1.0)


def test_paths_of_another_grid_are_refused() -> None:
    flow = flow_of(2)
    with pytest.raises(SettingError, match="have 8 states"):
        score_share(flow.fields(flow.grid()), flow.grid(), torch.zeros(5, 3, 2, dtype=torch.float64))


@pytest.mark.parametrize("lam", [0.0, 1.0, 1.7])
def test_the_exact_share_of_a_linear_gaussian_problem(lam: float) -> None:
    """x_t ~ N(m, v) has mean ‖f‖ = E|x| of a folded normal, mean ‖s‖ = √(2/π)/√v, by (17)."""
    problem, steps, count = ornstein_uhlenbeck(), 8, 100_000
    grid = problem.grid(steps)
    random = torch.Generator().manual_seed(3)
    paths = torch.empty(steps + 1, count, 1, dtype=torch.float64)
    expected = []
    for i, t in enumerate(grid.t.tolist()):
        mean, covariance = problem.marginal(t)
        m, sd = float(mean[0]), math.sqrt(float(covariance[0, 0]))
        paths[i] = m + sd * torch.randn(count, 1, dtype=torch.float64, generator=random)
        drift = sd * math.sqrt(2 / math.pi) * math.exp(-0.5 * (m / sd) ** 2) + m * math.erf(m / sd / math.sqrt(2))
        score = 0.5 * (1 + lam**2) * math.sqrt(2 / math.pi) / sd
        expected.append(score / (drift + score))
    found = score_share((problem.drift(grid), problem.score(grid)), grid, paths, lam)
    np.testing.assert_allclose(found.share, expected[1:], atol=0.003)


def test_a_turned_plane_at_rest_has_one_share_at_every_step() -> None:
    """Where the law is N(0, I), ‖f‖ = √5 ‖x‖ and ‖g²s‖ = g² ‖x‖, point by point."""
    problem = turning_to_standard_normal()
    grid = problem.grid(5)
    paths = torch.randn(6, 200, 2, dtype=torch.float64)
    g2 = grid.g[-1].item() ** 2
    share = score_share((problem.drift(grid), problem.score(grid)), grid, paths).share
    assert share[-1] == pytest.approx(g2 / (g2 + 5**0.5), rel=1e-9)


def test_batches_add_up_to_the_whole() -> None:
    flow = flow_of(2)
    grid = flow.grid()
    drift, score = flow.fields(grid)
    random = torch.Generator().manual_seed(0)
    noise = torch.randn(grid.steps, 50, 2, generator=random, dtype=torch.float64)
    paths = forward_path(drift, grid, torch.randn(50, 2, generator=random, dtype=torch.float64), noise).detach()
    nodes = range(1, grid.steps + 1)
    sums = [
        summed_lengths(some[1:], *(torch.stack([field(i, some[i]) for i in nodes]) for field in (drift, score)))
        for some in (paths[:, :17], paths[:, 17:])
    ]
    whole = score_share((drift, score), grid, paths, 0.3)
    np.testing.assert_allclose(share_of_lengths(sum(sums).numpy(), grid.g.numpy(), 0.3).share, whole.share, rtol=1e-9)


def test_a_step_without_finite_points_has_no_share_and_is_not_called_idle() -> None:
    t = torch.linspace(0, 1, 3, dtype=torch.float64)
    grid, paths = TimeGrid(t, t * 0 + 1, t), torch.ones(3, 5, 2, dtype=torch.float64)
    paths[1] = torch.inf
    found = score_share(((lambda i, x: x), (lambda i, x: x)), grid, paths)
    assert np.isnan(found.share[0]) and found.share[1] == 0.5
    assert found.idle.tolist() == [False, False]

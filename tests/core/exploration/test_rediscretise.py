"""Errors along the same Brownian paths against exact orders and limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.api import load
from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.exploration.display_set import DisplayNoise
from dnf_studio.core.exploration.rediscretise import Rediscretised, coarse_and_fine, rediscretise
from dnf_studio.core.exploration.round_trip import round_trips
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.sde import brownian
from dnf_studio.core.sde.brownian import BrownianPath
from dnf_studio.errors import Cancelled, DataError, SettingError, cancel_when
from tests.problems import ExactFlow, LinearGaussian, coupled, ornstein_uhlenbeck
from tests.views import viewed

STEPS = (4, 8, 16, 32)
FINE = 512


def points(problem: LinearGaussian, count: int = 300) -> Tensor:
    return problem.draw(count, torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=["ornstein-uhlenbeck", "coupled"])
def found(request: pytest.FixtureRequest) -> list[Rediscretised]:
    problem = ornstein_uhlenbeck() if request.param == "ornstein-uhlenbeck" else coupled()
    return list(rediscretise(ExactFlow(problem, 8), points(problem), STEPS, finest=FINE))


def test_the_strong_error_falls_as_one_by_n(found: list[Rediscretised]) -> None:
    for errors in ([row.forward_end for row in found], [row.backward_end for row in found]):
        assert -np.polyfit(np.log(STEPS), np.log(errors), 1)[0] == pytest.approx(1, abs=0.2)
        assert (np.diff(errors) < 0).all()


def test_the_error_of_a_step_falls_with_n_at_common_times(found: list[Rediscretised]) -> None:
    coarse = found[0].t
    ahead = np.array([np.interp(coarse, row.t, row.forward) for row in found])
    back = np.array([np.interp(coarse, row.t, row.backward) for row in found])
    assert (np.diff(ahead[:, 1:], axis=0) < 0).all() and (np.diff(back[:, :-1], axis=0) < 0).all()
    for row in found:
        assert np.isin(coarse, row.t).all()
        assert row.t.shape == row.forward.shape == row.backward.shape == (row.steps + 1,)
        assert row.forward[0] == row.backward[-1] == 0 and row.finest == FINE


def test_every_n_reads_the_same_brownian_path() -> None:
    """Without a drift the forward step with constant g is exact, so no N makes an error."""
    still = LinearGaussian("still", np.zeros((2, 2)), np.zeros(2), np.eye(2))
    for row in rediscretise(ExactFlow(still, 8), points(still), (3, 5, 7), finest=64):
        assert row.forward.max() < 1e-5 < row.backward_end


def test_the_end_of_the_path_is_the_one_of_these_increments() -> None:
    problem = ornstein_uhlenbeck()
    flow, x0 = ExactFlow(problem, 8), points(problem)
    row = next(rediscretise(flow, x0, (8,), viewed(seed=5), finest=8))
    assert row.forward.max() == 0 == row.backward.max()
    fine, coarse = flow.grid(256), flow.grid(8)
    path = BrownianPath(5, len(x0), 2, problem.t_start, problem.t_end)
    ends = [flow.forward_path(x0, path.increments(g.t)[..., :1].double(), g)[-1] for g in (fine, coarse)]
    row = next(rediscretise(flow, x0, (8,), viewed(seed=5), finest=256))
    assert row.forward_end == pytest.approx(float((ends[0] - ends[1]).square().sum(1).mean().sqrt()), rel=1e-4)


def test_less_noise_and_another_seed_are_other_paths() -> None:
    problem = ornstein_uhlenbeck()
    ends = [
        next(rediscretise(ExactFlow(problem, 8), points(problem), (8,), viewed(**change), finest=32)).backward_end
        for change in ({}, {"lam": 0.0}, {"seed": 1})
    ]
    assert len(set(ends)) == 3


@pytest.mark.parametrize("kind", [None, "paper", "uniform"])
def test_a_model_of_the_program(kind: str | None) -> None:
    torch.manual_seed(0)
    flow = DiffFlow(2, Config.create({"sde": {"steps": 6, "t_end": 0.5}, "network": {"layers": 1, "channels": 8}}))
    data = open_dataset("rings")
    rows = rediscretise(flow, data.fresh(50, 0), (12, 5, 12), viewed(grid=kind))
    first = next(rows)
    assert first.steps == 5
    np.testing.assert_allclose(first.t, flow.grid(5, kind).t, atol=1e-5)
    second = next(rows)
    assert second.steps == 12 and 0 < second.forward_end < first.forward_end
    assert not any(value.requires_grad or value.is_inference() for value in flow.state_dict().values())
    with pytest.raises(StopIteration):
        next(rows)


def test_what_cannot_be_is_refused() -> None:
    problem = ornstein_uhlenbeck()
    flow, x0 = ExactFlow(problem, 8), points(problem)
    for steps, more in (((), {}), ((0,), {}), ((8,), {"finest": 4})):
        with pytest.raises(SettingError):
            next(rediscretise(flow, x0, steps, **more))
    for bad in (x0[:0], x0[:, 0], torch.zeros(5, 3)):
        with pytest.raises(DataError):
            next(rediscretise(flow, bad, (4,)))


def test_coarse_and_fine_paths_are_those_of_one_brownian_path() -> None:
    problem = coupled()
    flow, x0 = ExactFlow(problem, 8), points(problem, 20)
    z = points(problem, 40)[20:]
    path = BrownianPath(3, 20, 4, problem.t_start, problem.t_end)

    def noise(t: Tensor) -> tuple[Tensor, Tensor]:
        both = path.increments(t)
        return both[..., :2], both[..., 2:]

    found = coarse_and_fine(flow, viewed(6, lam=0.5), (x0, z), noise, finest=400)
    assert found.coarse_t.shape == (7,) and np.isin(found.coarse_t, found.fine_t).all() and len(found.fine_t) > 400
    coarse, fine = found.forward
    assert coarse.shape == (7, 20, 2) and fine.shape == (len(found.fine_t), 20, 2)
    grid = problem.grid(6)
    torch.testing.assert_close(coarse, flow.forward_path(x0, noise(grid.t)[0].double(), grid))
    backward = flow.backward_path(z, noise(grid.t)[1].double().flip(0), 0.5, grid=grid).flip(0)
    torch.testing.assert_close(found.backward[0], backward)
    at = np.searchsorted(found.fine_t, found.coarse_t)
    errors = [float((a - b[at]).norm(dim=-1).mean()) for a, b in (found.forward, found.backward)]
    closer = coarse_and_fine(flow, viewed(60, lam=0.5), (x0, z), noise, finest=400)
    at = np.searchsorted(closer.fine_t, closer.coarse_t)
    finer = [float((a - b[at]).norm(dim=-1).mean()) for a, b in (closer.forward, closer.backward)]
    assert all(0 < b < a / 5 for a, b in zip(errors, finer, strict=True))


def test_the_last_step_without_noise_changes_only_the_end() -> None:
    problem = ornstein_uhlenbeck()
    flow, x0 = ExactFlow(problem, 8), points(problem, 5)
    path = BrownianPath(0, 5, 2, problem.t_start, problem.t_end)

    def noise(t: Tensor) -> tuple[Tensor, Tensor]:
        ahead, back = path.increments(t).chunk(2, dim=-1)
        return ahead, back

    with_noise, mean = (
        coarse_and_fine(flow, viewed(8, last=last), (x0, x0), noise, finest=8).backward[0] for last in ("noise", "mean")
    )
    assert torch.equal(with_noise[1:], mean[1:]) and not torch.equal(with_noise[0], mean[0])


def test_a_comparison_is_cancelled_at_a_step() -> None:
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 20:
            raise Cancelled

    problem = ornstein_uhlenbeck()
    with pytest.raises(Cancelled):
        next(rediscretise(ExactFlow(problem, 8), points(problem), (8,), finest=64, check=check))
    assert len(calls) == 20


def test_the_noise_of_many_nodes_is_given_up_where_nobody_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was drawn to its end: of 64 components and all N of the lab 6 s, for which a window did not close."""
    parts: list[int] = []
    values_at = BrownianPath._at

    def at(path: BrownianPath, way: np.ndarray) -> np.ndarray:
        parts.append(len(way))
        return values_at(path, way)

    monkeypatch.setattr(BrownianPath, "_at", at)
    monkeypatch.setattr(brownian, "TOGETHER", 1)
    flow, x0 = ExactFlow(ornstein_uhlenbeck(), 8), points(ornstein_uhlenbeck())
    settings = viewed(30)
    for work in (
        lambda check: next(rediscretise(flow, x0, (30,), check=check)),
        lambda check: next(round_trips(flow, x0, "sde", settings, check=check)),
        lambda check: DisplayNoise().noise(0, slice(0, 8), 2, flow.grid(30).t, check),
    ):
        parts.clear()
        with pytest.raises(Cancelled):
            work(cancel_when(lambda: len(parts) == 3))
        assert parts == [1, 1, 1]


def test_each_solver_has_its_order() -> None:
    """Far from t = 0, where an untrained ε̂/σ is too large for any of them."""
    torch.manual_seed(0)
    small = {"layers": 1, "channels": 16, "features": 0}
    flow = Diffusion(2, Config.create({"model": "diffusion", "sde": {"t_start": 0.1}, "network": small})).double()
    x0, steps = torch.randn(20, 2, dtype=torch.float64), (60, 120, 240)
    for solver, order in (("ode", 1), ("ddim", 1), ("heun", 2), ("dpmpp-2m", 2)):
        ends = [row.backward_end for row in rediscretise(flow, x0, steps, viewed(solver=solver), finest=1000)]
        assert -np.polyfit(np.log(steps), np.log(ends), 1)[0] == pytest.approx(order, abs=0.2)


def test_a_coarse_grid_keeps_its_nodes_beside_a_very_fine_one() -> None:
    """The nodes of a diffusion model's fine grids lie closer at t_0 than a Brownian path tells times apart."""
    flow = load("diffusion-rings")
    row = next(rediscretise(flow, torch.zeros(1, 2), (200,), finest=2000))
    np.testing.assert_array_equal(row.t, flow.grid(200).t.double().numpy())
    assert row.finest > 0.99 * 2000

"""Flow matching against Gaussians, whose velocity, score, SDEs and density are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.models.matching import Matching
from dnf_studio.core.sampling.likelihood import bound_nll, ode_nll
from dnf_studio.core.sde.paths import collected
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import SettingError, UnsupportedError
from tests.problems import ExactMatching, log_normal

MEAN, VARIANCE = np.array([0.5, -1.0]), np.array([0.3, 1.5])
COUPLED = {"training.coupling": "transport"}


def points(count: int) -> Tensor:
    return torch.randn(count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def turning(z: Tensor, t: float) -> Tensor:
    """Where dx/dt = cos(3t) sin x leads z from t = 1 to t."""
    return 2 * (torch.tan(z / 2) * math.exp((math.sin(3 * t) - math.sin(3)) / 3)).atan()


@pytest.mark.parametrize(
    ("problem", "solver", "order"),
    [
        ("turning", "euler", 1),
        ("turning", "midpoint", 2),
        ("turning", "heun", 2),
        ("gaussian", "euler", 1),
        ("gaussian", "midpoint", 3),  # for the variance is quadratic in t, and the errors of order 2 vanish
        ("gaussian", "heun", 2),
    ],
)
@pytest.mark.parametrize("settings", [{}, COUPLED], ids=["independent", "transport"])
def test_solvers_reach_the_data_with_their_order(
    problem: str, solver: str, order: int, settings: dict[str, object]
) -> None:
    model, z, steps, errors = ExactMatching(MEAN, VARIANCE, **settings), points(50), (16, 32, 64), []
    exact, z = (model.flowed, z) if problem == "gaussian" else (turning, z.clamp(-2, 2))
    if problem == "turning":
        model.vector_field.body = lambda x, t: -torch.cos(3 * t.flatten()[0]) * x.sin()  # type: ignore[method-assign]
    for n in steps:
        grid = model.grid(n, "uniform")
        path = collected(model.sampler(grid, SampleSettings(solver=solver))(z, lambda _: z))
        errors.append(float((path[-1] - exact(z, float(grid.t[0]))).abs().max()))
    assert -np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(order, abs=0.25)
    assert errors[-1] < 0.5 / 4**order


def test_midpoint_is_its_own_choice() -> None:
    model = ExactMatching(MEAN, VARIANCE)
    assert model.checked_solver(None).name == "midpoint" and model.evaluations(10) == 20
    costs = {solver.name: model.evaluations(10, solver.name) for solver in model.solvers}
    assert costs == {"midpoint": 20, "euler": 10, "heun": 20, "sde": 10}


def test_score_and_drift_are_those_of_the_marginals() -> None:
    """Of dx = f dt + g dw with f = A x + b the variance P grows by 2 A P + g², and −v = f − ½ g² s."""
    model, x = ExactMatching(MEAN, VARIANCE), points(20)
    grid = model.grid(7)
    drift, score = model.fields(grid)
    with_divergence = model.fields_with_divergence(grid)
    for i in range(1, 8):
        t, g = float(grid.t[i]), float(grid.g[i])
        mean, variance = model.marginal(t)
        assert torch.allclose(score(i, x), -(x - mean) / variance, atol=1e-9)
        assert torch.allclose(drift(i, x) - 0.5 * g**2 * score(i, x), -model.vector_field(x, grid.t[i]), atol=1e-12)
        rate = drift(i, x + 1) - drift(i, x)
        growth = 2 * t - 2 * (1 - t) * model.variance
        assert torch.allclose(2 * rate[0] * variance + g**2, growth, atol=1e-9)
        assert torch.allclose(drift(i, mean[None]), -model.mean, atol=1e-9), "the mean moves by −m"
        for field, (value, divergence) in zip((drift, score), [f(i, x) for f in with_divergence], strict=True):
            assert torch.allclose(value, field(i, x), atol=1e-9)
            slopes = field(i, x + 1) - field(i, x)
            assert torch.allclose(divergence, slopes.sum(1), atol=1e-8)


def test_drift_and_score_share_an_evaluation() -> None:
    model, x, calls = ExactMatching(MEAN, VARIANCE), points(3), []
    body = model.vector_field.body
    model.vector_field.body = lambda *given: (calls.append(1), body(*given))[1]  # type: ignore[method-assign]
    collected(model.sampler(model.grid(6), SampleSettings(solver="sde"))(x, lambda _: x))
    assert len(calls) == 6 == model.evaluations(6, "sde")
    drift, score = model.fields(model.grid())
    first = score(2, x)
    assert torch.equal(first, score(2, x.clone())) and not torch.equal(drift(3, x), drift(2, x))
    assert torch.equal(score(2, x + 1) - first, score(2, x + 1) - score(2, x))


@pytest.mark.parametrize("settings", [{}, COUPLED], ids=["independent", "transport"])
def test_the_likelihood_of_the_ode_is_exact(settings: dict[str, object]) -> None:
    model, x = ExactMatching(MEAN, VARIANCE, **settings), points(10)
    mean, variance = model.marginal(float(model.timestamps[0]))
    expected = log_normal(x, (mean.numpy(), np.diag(variance.numpy())))
    assert torch.allclose(-ode_nll(model, x, 1e-7), expected, atol=1e-4)
    assert torch.allclose(model.log_prob(x), expected, atol=1e-3)
    assert torch.allclose(-model.validation_nll(x, 1), expected, atol=0.02)


def test_the_bound_of_the_sde_falls_to_the_entropy() -> None:
    """Both SDEs are each other's reverse, so that what is left is the error of N steps."""
    model = ExactMatching(MEAN, VARIANCE)
    x = model.mean + points(400) * model.variance.sqrt()
    own = -log_normal(x, (MEAN, np.diag(VARIANCE)))
    gaps = [float((bound_nll(model, x, 1, grid=model.grid(n)) - own).mean()) for n in (40, 160)]
    assert 0 < gaps[1] < 0.35 * gaps[0] < 0.2, gaps
    assert torch.allclose(bound_nll(model, x[:9], 1), bound_nll(model, x[:9], 1, solver="sde"))
    with pytest.raises(UnsupportedError, match="'midpoint' draws no noise"):
        bound_nll(model, x[:9], 1, solver="midpoint")


def test_coupled_pairs_leave_the_ode_alone() -> None:
    model, x = ExactMatching(MEAN, VARIANCE, **COUPLED), points(20)
    assert model.lacks.keys() == {"noise", "score", "bound"} and not model.bounded
    assert [solver.name for solver in model.solvers] == ["midpoint", "euler", "heun"]
    assert not model.grid(20).g.any() and not model.grid_at([0.3]).g.any()
    ahead = model.forward_path(x, grid=model.grid(200))
    back = model.backward_path(ahead[-1], lam=0.0, grid=model.grid(200))
    assert torch.allclose(back[-1], x, atol=1e-3) and torch.allclose(model.flowed(ahead[-1]), x, atol=1e-3)
    with pytest.raises(UnsupportedError, match="take no noise"):
        model.forward_path(x, torch.zeros(10, 20, 2))
    with pytest.raises(UnsupportedError, match="only λ = 0 is right"):
        model.backward_path(x, lam=0.5)
    for method in ("bound", "importance"):
        with pytest.raises(UnsupportedError, match="its likelihood is exact, by the method 'ode'"):
            model.log_prob(x, method)  # type: ignore[arg-type]
    with pytest.raises(UnsupportedError, match="try midpoint or euler or heun"):
        model.sampler(model.grid(), SampleSettings(solver="sde"))


@pytest.mark.parametrize(
    ("model", "change", "sentence"),
    [
        ("matching", {"sde.t_end": 0.5}, "ends where the straight paths do"),
        ("matching", {"sde.t_start": 0.0}, "first time t_start above 0"),
        ("matching", {"training.flexible_grid": True}, "a matching has no flexible grid"),
        ("matching", {"training.coupling": "sinkhorn"}, "training.coupling"),
        ("diffflow", COUPLED, "Only flow matching, the model 'matching'"),
        ("diffusion", COUPLED, "Only flow matching, the model 'matching'"),
        ("flow", COUPLED, "Only flow matching, the model 'matching'"),
    ],
)
def test_settings_that_it_or_only_it_has(model: str, change: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        Config.create({"model": model}).changed(change)


def test_in_single_precision_it_is_itself() -> None:
    torch.manual_seed(0)
    model, x = Matching(2, Config.create({"model": "matching", "network": {"channels": 16}})), points(30)
    wide = Matching(2, model.config).double()
    wide.load_state_dict(model.state_dict())
    with torch.inference_mode():
        for one, other in zip(model.fields(model.grid()), wide.fields(wide.grid()), strict=True):
            for node in (1, 5, 10):
                assert torch.allclose(one(node, x.float()).double(), other(node, x), atol=1e-4)

"""The continuous normalizing flow against affine flows, the adaptive solver and itself backward."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from scipy.linalg import expm
from torch import Tensor
from torchdiffeq import odeint

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.models.flow import Flow, log_volume
from dnf_studio.core.networks.fourier_kernel import value_and_derivative
from dnf_studio.core.sampling.likelihood import ode_nll
from dnf_studio.errors import SettingError, UnsupportedError
from tests.problems import ExactField

MATRIX = torch.tensor([[-0.8, 2.0], [-1.5, 0.3]], dtype=torch.float64)


def affine() -> Flow:
    """dx/dt = A x."""
    config = Config.create({"model": "flow", "sde": {"t_end": 1.0}})
    flow = Flow(2, config, standardisation=Standardisation((1.0, -2.0), (0.5, 3.0))).double()
    flow.drift = ExactField(lambda x, _t: x @ MATRIX.T)  # type: ignore[assignment]
    flow.drift_at = lambda _times, _hidden=None: lambda _i, x: x @ MATRIX.T  # type: ignore[method-assign]
    flow.anchor = torch.nn.Parameter(torch.zeros(1))  # a model must have a device
    return flow


def small(dim: int = 2, features: int = 0) -> Flow:
    torch.manual_seed(0)
    network = {"channels": 16, "layers": 2, "features": features}
    flow = Flow(dim, Config.create({"model": "flow", "sde": {"t_end": 1.0}, "network": network})).double()
    with torch.no_grad():
        for layer in flow.drift.linears():
            layer.weight *= 3
    return flow.eval().requires_grad_(False)


def points(count: int, dim: int = 2) -> Tensor:
    return torch.randn(count, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_the_density_of_an_affine_flow() -> None:
    flow, x = affine(), points(20)
    z = x @ torch.from_numpy(expm(MATRIX.numpy())).T
    model = 0.5 * z.square().sum(1) + math.log(2 * math.pi) - MATRIX.trace()
    expected = -model - math.log(0.5 * 3.0)
    assert torch.allclose(flow.log_prob(flow.standardisation.to_data(x)), expected, atol=1e-4)


def test_paths_are_of_fourth_order_and_lead_back() -> None:
    flow, x = affine(), points(20)
    z = x @ torch.from_numpy(expm(MATRIX.numpy())).T
    errors = []
    for steps in (5, 10, 20):
        path = flow.forward_path(x, grid=flow.grid(steps))
        assert path.shape == (steps + 1, 20, 2) and torch.equal(path[0], x)
        errors.append(float((path[-1] - z).abs().max()))
        back = flow.backward_path(z, grid=flow.grid(steps))
        assert torch.equal(back[0], z)
        errors[-1] = max(errors[-1], float((back[-1] - x).abs().max()))
    assert all(math.log2(a / b) == pytest.approx(4, abs=0.4) for a, b in itertools.pairwise(errors))


def test_samples_are_the_backward_path() -> None:
    flow = small()
    z = points(7)
    states = list(flow.sampler(flow.grid(6))(z, lambda _: pytest.fail("a flow draws no noise")))
    assert torch.equal(torch.stack(states), flow.backward_path(z, grid=flow.grid(6)))
    calls: list[int] = []
    flow.drift_at = lambda _times, _hidden=None: lambda i, x: (calls.append(i), x)[1]  # type: ignore[method-assign]
    list(flow.sampler(flow.grid(6))(z, lambda _: z))
    assert calls == list(range(24)) and flow.evaluations(6) == 24


def test_paths_take_the_steps_that_training_takes() -> None:
    flow, x, grid = small(), points(9), small().grid(6, "s-curve")
    by_library = odeint(lambda t, state: flow.drift(state, t), x, grid.t, method="rk4")
    assert torch.allclose(flow.forward_path(x, grid=grid), by_library, atol=1e-12)
    slope = x.clone().requires_grad_()
    flow.forward_path(slope, grid=grid)[-1].sum().backward()
    assert slope.grad is not None and slope.grad.any()


def test_fewer_samples_are_a_prefix_of_more() -> None:
    flow = small().float()
    assert torch.equal(flow.sample(1500, steps=3, seed=2)[:900], flow.sample(900, steps=3, seed=2))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_derivatives_are_exact_and_signs_estimate_the_divergence(dim: int) -> None:
    flow, x = small(dim), points(5, dim)
    embedding = flow.drift.embed_time(torch.tensor([0.3], dtype=torch.float64))
    value, columns = value_and_derivative(flow.drift, x, embedding, torch.eye(dim, dtype=torch.float64)[:, None])
    assert torch.allclose(value, flow.drift.body(x, embedding))
    jacobians = [torch.autograd.functional.jacobian(lambda p: flow.drift.body(p, embedding)[0], row[None]) for row in x]
    exact = torch.stack([j[:, 0] for j in jacobians])
    assert torch.allclose(columns, exact.permute(2, 0, 1))
    signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=dim)), dtype=torch.float64)
    turned = [value_and_derivative(flow.drift, x, embedding, s.expand(1, len(x), -1))[1][0] @ s for s in signs]
    trace = torch.einsum("bii->b", exact)
    assert torch.allclose(torch.stack(turned).mean(0), trace), "over all signs the estimate is exact"


@pytest.mark.parametrize("dim", [1, 2, 4])
def test_what_training_makes_small_is_the_nll_of_the_map_of_its_steps(dim: int) -> None:
    """So few steps that the integral of the divergence is another number."""
    flow, x = small(dim, features=4), points(6, dim)
    grid = flow.grid(2)
    ends = flow.forward_path(x, grid=grid)[-1]
    volumes = [
        torch.autograd.functional.jacobian(lambda p: flow.forward_path(p, grid=grid)[-1], row[None])[0, :, 0].det()
        for row in x
    ]
    expected = 0.5 * ends.square().sum(1) + 0.5 * dim * math.log(2 * math.pi) - torch.stack(volumes).log()
    assert min(volumes) > 0.1
    assert torch.allclose(flow.nll(x, grid), expected, atol=1e-10)
    assert float((ode_nll(flow, x, 1e-7) - expected).abs().max()) > 1e-3


def test_a_map_that_folds_has_a_loss_that_unfolds_it() -> None:
    """ln|det| would have its least gradient there, and pull either way."""
    columns = torch.tensor([[[2.0, 0.0]], [[0.0, -0.5]]], dtype=torch.float64, requires_grad=True)
    value = log_volume(columns)
    value.sum().backward()
    assert float(value.detach()) == pytest.approx(math.log(0.1) - 11)
    assert columns.grad is not None and float(columns.grad[1, 0, 1]) == pytest.approx(20), "up, through 0"
    assert float(log_volume(columns.detach().abs())) == pytest.approx(0, abs=1e-12), "2 times ½"


def test_training_and_the_adaptive_solver_agree() -> None:
    flow, x = small(), points(30)
    assert torch.allclose(flow.nll(x, flow.grid(500)), ode_nll(flow, x, 1e-7), atol=1e-4)


def test_the_density_integrates_to_one() -> None:
    flow = small()
    line = torch.linspace(-8, 8, 65, dtype=torch.float64)
    density = flow.log_prob(torch.cartesian_prod(line, line))
    assert float(density.exp().sum()) * float(line[1] - line[0]) ** 2 == pytest.approx(1, abs=5e-3)
    assert float(density.std()) > 1


def test_what_a_flow_has_not_is_one_sentence() -> None:
    flow, x = small(), points(3)
    for call in (
        lambda: flow.log_prob(x, "bound"),
        lambda: flow.log_prob(x, "importance"),
        lambda: flow.sample(3, lam=0.5),
        lambda: flow.sample(3, solver="sde"),
        lambda: flow.backward_path(x, lam=0.0),
        lambda: flow.backward_path(x, noise=torch.zeros(5, 3, 2)),
        lambda: flow.forward_path(x, noise=torch.zeros(5, 3, 2)),
    ):
        with pytest.raises(UnsupportedError, match=r"^[A-Z][^\n]+\.$"):
            call()
    with pytest.raises(SettingError, match="float32 only"):
        Config.create({"model": "flow", "training": {"precision": "bfloat16"}})


def test_g_is_nothing() -> None:
    flow = Flow(2)
    assert not flow.grid().g.any() and not flow.grid(7, "s-curve").g.any()
    assert sum(p.numel() for p in flow.parameters()) == pytest.approx(
        sum(p.numel() for p in DiffFlow(2).parameters()), rel=0.01
    )

"""The table of a point against the reference program's vectors and against the steps themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.exploration.inspect import PointTable, inspect_path, inspect_point
from dnf_studio.core.models.two_sdes import DiffFlow
from dnf_studio.core.sde.paths import backward_step, forward_step, implied_backward_noise, implied_forward_noise
from dnf_studio.errors import SettingError
from tests.views import viewed

POINT = 3
CONFIG = Config.create({"sde": {"steps": 7, "t_end": 0.5, "g_end": 0.5}, "network": {"layers": 1, "channels": 16}})


def flow_of(dim: int) -> DiffFlow:
    torch.manual_seed(1)
    return DiffFlow(dim, CONFIG).requires_grad_(False)


def tensors(table: PointTable) -> tuple[Tensor, ...]:
    """x, f, g²s, δF, δB, g as columns, Δ as a column."""
    names = ("x", "drift", "score_term", "forward_noise", "backward_noise")
    g = torch.from_numpy(table.g)[:, None]
    return (*(torch.from_numpy(getattr(table, name)) for name in names), g, torch.from_numpy(np.diff(table.t))[:, None])


def assert_steps_land(table: PointTable) -> None:
    """Every step, made with the noises of the table, lands on the next state of the table, both ways."""
    x, f, g2s, ahead, back, g, dt = tensors(table)
    there = forward_step(x[:-1], f[:-1], dt, g[:-1], ahead)
    torch.testing.assert_close(there, x[1:], rtol=0, atol=1e-11)
    home = backward_step(x[1:], f[1:], g2s[1:] / g[1:] ** 2, dt, g[1:], back)
    torch.testing.assert_close(home, x[:-1], rtol=0, atol=1e-11)
    expected = 0.5 * (back.square().sum(1) - ahead.square().sum(1))
    np.testing.assert_allclose(table.contributions, expected, atol=1e-12)


def test_a_forward_path_of_the_reference_program(reference: DiffFlow, golden: dict[str, Tensor]) -> None:
    noise = golden["forward_noise"][:, POINT]
    table = inspect_point(reference, reference.grid(), golden["x0"][POINT], noise)
    np.testing.assert_allclose(table.x, golden["forward_path"][:, POINT], rtol=0, atol=1e-9)
    np.testing.assert_allclose(table.forward_noise, noise)
    np.testing.assert_allclose(table.backward_noise, golden["implied_backward_noise"][:, POINT], rtol=0, atol=1e-9)
    np.testing.assert_allclose(-table.contributions.sum(), golden["logabsdet"][POINT], atol=1e-8)
    assert_steps_land(table)


def test_a_backward_path_of_the_reference_program(reference: DiffFlow, golden: dict[str, Tensor]) -> None:
    noise = golden["backward_noise"][:, POINT].flip(0)
    table = inspect_point(reference, reference.grid(), golden["latent"][POINT], noise, "backward")
    np.testing.assert_allclose(table.x, golden["backward_path"][:, POINT].flip(0), rtol=0, atol=1e-9)
    np.testing.assert_allclose(table.backward_noise, noise)
    assert_steps_land(table)
    x, f, _, _, _, g, dt = tensors(table)
    mirror = implied_forward_noise(x[:-1], x[1:], f[:-1], dt, g[:-1])
    np.testing.assert_allclose(table.forward_noise, mirror, rtol=0, atol=1e-9)


@pytest.mark.parametrize("lam", [0.0, 0.4, 1.0, 1.7])
@pytest.mark.parametrize("last", ["noise", "mean"])
@pytest.mark.parametrize("dim", [1, 3])
def test_both_noises_belong_to_the_two_sdes_whatever_lambda_is(dim: int, lam: float, last: str) -> None:
    flow, grid = flow_of(dim), flow_of(dim).grid(11)
    random = torch.Generator().manual_seed(0)
    z, noise = torch.randn(dim, generator=random), torch.randn(11, dim, generator=random)
    table = inspect_point(flow, grid, z, noise, "backward", viewed(lam=lam, last=last))
    assert_steps_land(table)
    own = flow.backward_path(z[None], noise.flip(0)[:, None], lam, last, grid).flip(0)[:, 0]  # type: ignore[arg-type]
    np.testing.assert_allclose(table.x, own, atol=1e-5)
    x, f, g2s, _, back, g, dt = tensors(table)
    implied = implied_backward_noise(x[:-1], x[1:], f[1:], g2s[1:] / g[1:] ** 2, dt, g[1:])
    np.testing.assert_allclose(back, implied, rtol=0, atol=1e-9)
    if lam == 1:
        np.testing.assert_allclose(back[1:], noise[1:])
        assert (back[0] == 0).all() == (last == "mean")


def test_a_path_in_float32_keeps_its_noise_and_shapes() -> None:
    flow, grid = flow_of(2), flow_of(2).grid(5)
    noise = torch.randn(5, 2, generator=torch.Generator().manual_seed(2))
    path = flow.forward_path(torch.zeros(1, 2), noise[:, None], grid)[:, 0]
    exact = flow_of(2).double()
    table = inspect_path(exact.fields(grid.to(exact.timestamps)), grid, path, noise)
    assert table.t.shape == table.g.shape == (6,) and table.contributions.shape == (5,)
    assert table.x.shape == table.drift.shape == table.score_term.shape == (6, 2)
    assert table.forward_noise.shape == table.backward_noise.shape == (5, 2)
    assert {getattr(table, name).dtype for name in ("t", "g", "x", "drift", "contributions")} == {np.dtype(np.float64)}
    np.testing.assert_array_equal(table.forward_noise, noise.double())
    whole = inspect_point(flow, grid, torch.zeros(2), noise)
    np.testing.assert_allclose(table.backward_noise, whole.backward_noise, atol=1e-4)


def test_data_units_scale_what_has_a_unit() -> None:
    flow, grid = flow_of(2), flow_of(2).grid(4)
    table = inspect_point(flow, grid, torch.ones(2), torch.ones(4, 2))
    units = Standardisation((1.0, -2.0), (3.0, 0.5))
    other = table.in_data_units(units)
    np.testing.assert_allclose(other.x, units.to_data(torch.from_numpy(table.x)))
    np.testing.assert_allclose(other.drift, table.drift * [3, 0.5])
    np.testing.assert_allclose(other.score_term, table.score_term * [3, 0.5])
    assert other.backward_noise is table.backward_noise and other.contributions is table.contributions


@pytest.mark.parametrize("shapes", [((5, 2), (5, 2)), ((6, 2), (4, 2)), ((6, 2), (5, 3)), ((6, 1, 2), (5, 1, 2))])
def test_shapes_that_do_not_fit_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    flow = flow_of(2).double()
    grid = flow.grid(5)
    with pytest.raises(SettingError, match="5 steps has 6 states"):
        inspect_path(flow.fields(grid), grid, torch.zeros(shapes[0]), torch.zeros(shapes[1]))

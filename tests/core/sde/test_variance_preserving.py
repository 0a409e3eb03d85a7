"""The marginals of the variance-preserving SDE against quadrature and against its own steps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from dnf_studio.config import Config, SDEConfig
from dnf_studio.core.sde.grid import diffusion_at, levels_at, make_grid
from dnf_studio.core.sde.paths import forward_path
from dnf_studio.errors import SettingError

SDE = Config.create({"model": "diffusion"}).sde


@pytest.mark.parametrize(
    ("linear", "ends"),
    [("g", (0.3, 4.5)), ("beta", (0.3, 4.5)), ("log", (0.3, 4.5)), ("log", (4.5, 0.3)), ("log", (1.0, 0.1**0.5))],
    ids=["g", "beta", "rising power", "falling power", "1/t"],
)
def test_levels_are_the_integral_of_beta(linear: str, ends: tuple[float, float]) -> None:
    sde = SDE.model_copy(update={"linear": linear, "t_start": 0.1, "g_start": ends[0], "g_end": ends[1]})
    t = torch.tensor([0.1, 0.13, 0.5, 1.0], dtype=torch.float64)
    a, sigma = levels_at(sde, t)

    def beta(time: float) -> float:
        return float(diffusion_at(sde, torch.tensor(time, dtype=torch.float64))) ** 2

    for k, end in enumerate(t.tolist()):
        total = 0.1 * beta(0.1) + quad(beta, 0.1, end, epsabs=1e-12)[0]
        assert float(a[k]) == pytest.approx(math.exp(-0.5 * total), rel=1e-10)
        assert float(sigma[k]) == pytest.approx(math.sqrt(1 - math.exp(-total)), rel=1e-10)


@pytest.mark.parametrize("linear", ["g", "beta"])
def test_grids_of_noise_levels_have_equal_steps_of_them(linear: str) -> None:
    """In ln(σ/a), and in its seventh root (Karras et al. 2022, equation 5), between the ends of every other grid."""
    sde = SDE.model_copy(update={"linear": linear})
    for kind, of in (("log-snr", torch.log), ("karras", lambda ratio: ratio ** (1 / 7))):
        grid = make_grid(sde, 40, kind)
        a, sigma = levels_at(sde, grid.t)
        steps = of(sigma / a).diff()
        torch.testing.assert_close(steps, steps.mean().expand(40), rtol=1e-8, atol=0.0)
        assert (float(grid.t[0]), float(grid.t[-1])) == (sde.t_start, sde.t_end)
        assert make_grid(sde, 10_000, kind).steps == 10_000


def test_the_usual_schedule() -> None:
    """β from 0.1 to 20: log a(1) = −(20 − 0.1)/4 − 0.1/2 (Song et al., equation 33)."""
    a, sigma = levels_at(SDE, torch.tensor([SDE.t_start, 1.0], dtype=torch.float64))
    assert float(a[1].log()) == pytest.approx(-0.25 * 19.9 - 0.05, rel=1e-4)
    assert 5e-4 < float(sigma[0]) < 2e-3, "hardly any noise at t_0, and some"
    assert levels_at(SDE, torch.ones(1)).noise.dtype is torch.float32


def test_g_and_its_square_go_between_the_same_ends() -> None:
    ends = {"t_start": 0.2, "t_end": 1.0, "g_start": 1.0, "g_end": 3.0, "steps": 4, "grid": "uniform"}
    plain, squared = (make_grid(SDEConfig.model_validate({**ends, "linear": kind})) for kind in ("g", "beta"))
    assert plain.g.tolist() == pytest.approx([1, 1.5, 2, 2.5, 3])
    assert (squared.g**2).tolist() == pytest.approx([1, 3, 5, 7, 9])


def test_a_power_of_t_by_hand() -> None:
    sde = SDEConfig(linear="log", t_start=0.01, t_end=1.0, g_start=4.0, g_end=1.0)
    times = torch.tensor([0.01, 0.1, 1.0], dtype=torch.float64)
    assert diffusion_at(sde, times).tolist() == pytest.approx([4, 2, 1]), "half way in ln t, half way in ln g"


def test_a_power_of_t_needs_a_time_above_zero() -> None:
    with pytest.raises(SettingError, match="above 0"):
        Config.create({"sde": {"linear": "log", "t_start": 0}})


def test_many_steps_of_the_sde_have_these_marginals() -> None:
    """The chain of N steps is affine: its coefficients for x_0 and for each noise are read off one batch."""
    sde = SDE.model_copy(update={"t_start": 0.05, "steps": 4000, "grid": "uniform"})
    grid = make_grid(sde)
    count = grid.steps
    x0 = torch.zeros(count + 1, 1, dtype=torch.float64)
    noise = torch.zeros(count, count + 1, 1, dtype=torch.float64)
    x0[0] = 1.0
    noise[np.arange(count), np.arange(count) + 1, 0] = 1.0
    end = forward_path(lambda i, x: x * (-0.5 * grid.g[i] ** 2), grid, x0, noise)[-1, :, 0]
    first, last = (levels_at(sde, grid.t[[k]]) for k in (0, -1))
    ratio = float(last.signal / first.signal)
    assert float(end[0]) == pytest.approx(ratio, rel=0.02)
    assert float(end[1:].square().sum()) == pytest.approx(1 - ratio**2, rel=0.005)

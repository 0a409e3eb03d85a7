"""Time grids against their formulas, the reference program's own and what cannot be."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dnf_studio.config import Config, SDEConfig
from dnf_studio.config.grids import MAX_STEPS
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sde.grid import (
    condition_at,
    draw_grid,
    make_grid,
    paper_times,
    reference_times,
    regrid,
    s_curve_times,
    uniform_times,
)
from dnf_studio.core.storage.reference_program import read_reference_checkpoint
from dnf_studio.errors import SettingError
from tests.golden import FOLDER, vectors


def test_reference_times_are_the_reference_programs() -> None:
    golden = vectors()
    t = reference_times(30, 0.9, 0.001, 0.05)
    assert float((t - golden["timestamps"]).abs().max()) < 1e-8  # the file holds float32


def test_paper_times_by_hand() -> None:
    t = paper_times(4, 0.9, 0.0, 2.0)
    assert t.tolist() == pytest.approx([2.0 * (i / 4) ** 0.9 for i in range(5)])
    dt = t.diff()
    assert (dt.diff() < 0).all(), "with β < 1 its steps shrink towards the noise end"
    assert (reference_times(4, 0.9, 0.0, 2.0).diff().diff() > 0).all(), "and the reference program's grow"


def told_apart(sde: SDEConfig, *more: int) -> bool:
    """Whether float32 tells the times of `sde`, and of those with N of `more`, apart; if not, it must be refused."""
    times = {
        "reference": lambda n: reference_times(n, sde.beta, sde.t_start, sde.t_end),
        "paper": lambda n: paper_times(n, sde.beta, sde.t_start, sde.t_end),
        "uniform": lambda n: uniform_times(n, sde.t_start, sde.t_end),
        "s-curve": lambda n: s_curve_times(n, sde.t_start, sde.t_end),
    }[str(sde.grid)]
    whole = True
    for steps in (sde.steps, *more):
        t = times(steps).numpy()
        if (np.diff(t.astype(np.float32)) > 0).all():
            continue
        assert np.diff(t).min() <= np.spacing(np.float32(sde.t_end)), "and only then is a step lost"
        with pytest.raises(SettingError, match="too short to be told apart"):
            make_grid(sde, steps)
        whole = False
    return whole


@given(
    kind=st.sampled_from(["reference", "paper", "uniform", "s-curve"]),
    steps=st.integers(1, 500),
    beta=st.floats(0.3, 3),
    start=st.floats(0, 0.5),
    length=st.floats(0.01, 5),
    g=st.tuples(st.floats(0.01, 5), st.floats(0.01, 5)),
)
@example(kind="paper", steps=323, beta=3.0, start=0.5, length=1.0, g=(1.0, 1.0))
def test_every_grid_increases_between_its_ends(
    kind: str, steps: int, beta: float, start: float, length: float, g: tuple[float, float]
) -> None:
    sde = SDEConfig(steps=steps, grid=kind, beta=beta, t_start=start, t_end=start + length, g_start=g[0], g_end=g[1])
    assume(told_apart(sde))
    grid = make_grid(sde)
    assert grid.steps == steps and grid.t.dtype == torch.float64
    assert float(grid.t[0]) == start and float(grid.t[-1]) == pytest.approx(start + length)
    assert (grid.dt > 0).all()
    assert float(grid.g[0]) == pytest.approx(g[0]) and float(grid.g[-1]) == pytest.approx(g[1])
    slope = (g[1] - g[0]) / length
    torch.testing.assert_close(grid.g, g[0] + slope * (grid.t - start), rtol=1e-9, atol=1e-9)


def test_nodes_are_refined_only_as_far_as_float32_tells_their_times_apart() -> None:
    close = make_grid(SDEConfig(steps=100, grid="uniform", t_start=1.0, t_end=1.0001))
    assert regrid(close, 500).steps == 500
    with pytest.raises(SettingError, match=r"5,000 steps between .* are too short"):
        regrid(close, 5000)


def test_uniform_steps_are_equal() -> None:
    torch.testing.assert_close(uniform_times(7, 0.1, 0.8).diff(), torch.full((7,), 0.1, dtype=torch.float64))


@given(steps=st.integers(1, 200))
def test_a_grid_of_nodes_keeps_its_ends_and_its_nodes_when_refined(steps: int) -> None:
    flow = read_reference_checkpoint(FOLDER / "official_checkerboard.pt").build()
    own = flow.grid()
    other = regrid(own, steps)
    assert other.steps == steps and (other.dt > 0).all()
    assert torch.equal(other.t[[0, -1]], own.t[[0, -1]])
    torch.testing.assert_close(regrid(own, 2 * own.steps).t[::2], own.t)


def test_a_model_sampled_at_its_own_steps_uses_its_own_nodes() -> None:
    flow = DiffFlow(2, Config(sde=SDEConfig(steps=12)))
    assert flow.grid().t is flow.timestamps
    assert flow.grid(12).t is flow.timestamps
    assert flow.grid(12, "paper").t is not flow.timestamps
    assert flow.grid(5).steps == 5


@pytest.mark.parametrize("steps", [0, -1, 10_001])
def test_an_impossible_number_of_steps_is_refused(steps: int) -> None:
    for make in (lambda: make_grid(SDEConfig(), steps), lambda: regrid(make_grid(SDEConfig()), steps)):
        with pytest.raises(SettingError, match="between 1 and 10,000"):
            make()


def test_steps_that_float32_cannot_tell_apart_are_refused() -> None:
    sde = SDEConfig(grid="paper", beta=3.0, t_start=0.5, t_end=1.5)
    assert (make_grid(sde, 100).to(torch.zeros(1)).dt > 0).all()
    with pytest.raises(SettingError, match=r"^Of 1,000 steps between t = 0\.5 and 1\.5 some are too short[^\n]+\.$"):
        make_grid(sde, 1000)
    assert make_grid(SDEConfig(), MAX_STEPS).steps == MAX_STEPS


def test_an_unknown_grid_is_refused() -> None:
    with pytest.raises(SettingError, match="not one of reference, paper, uniform, s-curve, log-snr and karras"):
        make_grid(SDEConfig(), kind="cosine")


@pytest.mark.parametrize("steps", [5, 30])
def test_networks_are_told_the_node(steps: int) -> None:
    """Equal parts of T at every N of the reference grid, and at a time the same whatever grid it is a node of."""
    sde = SDEConfig(steps=steps, beta=0.2, t_start=1e-5, condition="node")
    told = make_grid(sde).condition
    torch.testing.assert_close(told, torch.linspace(0, sde.t_end, steps + 1, dtype=torch.float64))
    other = make_grid(sde, steps, "uniform")
    assert other.condition[1] > told[1], "a uniform first step is longer"
    torch.testing.assert_close(condition_at(sde, make_grid(sde, 2 * steps).t)[::2], told)


@pytest.mark.parametrize("model", ["diffusion", "flow"])
def test_what_is_trained_at_any_time_is_told_the_time(model: str) -> None:
    with pytest.raises(SettingError, match="told the time itself"):
        Config.create({"model": model, "sde": {"condition": "node"}})


def test_between_its_nodes_a_model_follows_the_settings() -> None:
    sde = {"steps": 3, "beta": 0.3, "linear": "log", "g_start": 0.9, "g_end": 0.3, "condition": "node"}
    flow = DiffFlow(2, Config.create({"sde": sde, "network": {"layers": 1, "channels": 8}}))
    fine = flow.grid(12)
    found = flow.grid_at(fine.t.flip(0).tolist())
    for one, other in zip((found.t, found.g, found.condition), (fine.t, fine.g, fine.condition), strict=True):
        torch.testing.assert_close(one.flip(0), other, rtol=1e-5, atol=1e-7)
    assert float(flow.grid(12).g[1]) < 0.9 * 0.9, "not linear in t between t_0 and t_1"


def test_few_steps_have_a_power_of_their_own_that_training_does_not() -> None:
    sde = SDEConfig(steps=30, beta=0.35, beta_few=0.8)
    for n, power in ((1, 0.8), (5, 0.8), (10, 0.8 - 0.45 * math.log(2) / math.log(6)), (30, 0.35), (60, 0.35)):
        torch.testing.assert_close(make_grid(sde, n).t, make_grid(SDEConfig(beta=power), n).t)
    for n in (5, 10):
        assert torch.equal(make_grid(sde, n, "reference").t, make_grid(SDEConfig(beta=0.35), n).t)
    drawn = (draw_grid(one, torch.Generator().manual_seed(0), 5) for one in (sde, SDEConfig(beta=0.35)))
    assert torch.equal(*(grid.t for grid in drawn))

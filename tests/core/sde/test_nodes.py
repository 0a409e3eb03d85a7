"""The S-curve against its formula, interpolation, and how steps give way to each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from dnf_studio.config import Config, SDEConfig
from dnf_studio.config.grids import LEAST_STEP, Nodes, check_grid
from dnf_studio.core.models.two_sdes import DiffFlow
from dnf_studio.core.sde.grid import custom_times, make_grid, s_curve_times
from dnf_studio.core.sde.nodes import change_step, interpolate, move_node, nodes_of
from dnf_studio.errors import SettingError

FIVE = (0.0, 0.1, 0.3, 0.6, 1.0)


@st.composite
def nodes(draw: st.DrawFn, most: int = 40) -> Nodes:
    lengths = np.array(draw(st.lists(st.floats(1e-7, 1.0), min_size=1, max_size=most)))
    return nodes_of(np.concatenate([[0.0], np.cumsum(lengths)]))


@pytest.mark.parametrize("steps", [1, 5, 30, 75, 1000])
@pytest.mark.parametrize(("start", "end"), [(0.001, 0.05), (0.0, 1.0)])
def test_the_s_curve_is_the_reference_programs(steps: int, start: float, end: float) -> None:
    """As method.md, section 5 has it; our first time is the one that is asked for, theirs follows from the formula."""
    spline = CubicSpline([0, 0.1, 0.2, 0.4, 0.7, 0.9, 1], [1e-4, 0.05, 0.1, 0.6, 0.93, 0.98, 1])
    y = spline(np.linspace(1e-4, 1, steps + 1))
    theirs = (np.cumsum(y) + start) * end / (np.sum(y) + start)
    np.testing.assert_allclose(s_curve_times(steps, float(theirs[0]), end).numpy(), theirs, rtol=1e-12)
    ours = s_curve_times(steps, start, end)
    assert float(ours[0]) == start and float(ours[-1]) == end
    np.testing.assert_allclose(np.diff(ours) / np.diff(ours).sum(), np.diff(theirs) / np.diff(theirs).sum(), rtol=1e-9)
    if steps >= 30:
        assert float(ours.diff()[0]) < 0.05 * float(ours.diff()[-1]), "short steps near the data"


@given(nodes(), st.integers(1, 400))
def test_nodes_serve_any_number_of_steps(given: Nodes, steps: int) -> None:
    other = interpolate(given, steps)
    assert len(other) == steps + 1
    assert check_grid(other)
    again = interpolate(given, len(given) - 1)
    assert again.tolist() == list(given), "as many as it has are its own"


def test_twice_the_steps_keep_the_nodes() -> None:
    assert interpolate(FIVE, 8)[::2].tolist() == pytest.approx(FIVE)
    assert np.diff(interpolate(FIVE, 8)).tolist() == pytest.approx([0.05, 0.05, 0.1, 0.1, 0.15, 0.15, 0.2, 0.2])


@settings(deadline=None)
@given(nodes(), st.floats(0, 900), st.floats(1e-3, 100), st.integers(1, 300))
def test_times_increase_in_float32_too(given: Nodes, start: float, length: float, steps: int) -> None:
    try:
        t = custom_times(given, steps, start, start + length)
    except SettingError as error:
        assert "too many" in str(error) and (start + length) / length > 100
        return
    assert float(t[0]) == start and float(t[-1]) == start + length
    dt = t.float().diff()
    assert (dt > 0).all()
    torch.testing.assert_close(dt.double(), t.diff(), rtol=0.05, atol=0)


@given(nodes(), st.data())
def test_a_longer_step_is_paid_by_its_neighbours(given: Nodes, data: st.DataObject) -> None:
    step = data.draw(st.integers(0, len(given) - 2))
    length = data.draw(st.floats(-1, 2))
    everywhere = data.draw(st.booleans())
    new = change_step(given, step, length, everywhere)
    assert len(new) == len(given) and check_grid(new) == new
    if len(given) > 2:
        most = 1 - (len(given) - 2) * LEAST_STEP
        assert math.isclose(np.diff(new)[step], np.clip(length, LEAST_STEP, most), rel_tol=1e-6, abs_tol=1e-9)


def test_near_ones_give_first_and_further_ones_only_when_those_are_spent() -> None:
    assert change_step(FIVE, 1, 0.3) == pytest.approx((0, 0.075, 0.375, 0.6, 1), rel=1e-4), (
        "0.1 in proportion 0.1 : 0.3"
    )
    far = np.diff(change_step(FIVE, 1, 0.7))
    assert far[1] == pytest.approx(0.7) and far[3] < 0.4, "both neighbours together have but 0.4"
    assert far[0] / 0.1 == pytest.approx(far[2] / 0.3, rel=1e-3) and far[2] / 0.3 == pytest.approx(
        far[3] / 0.4, rel=1e-3
    )
    assert np.diff(change_step(FIVE, 1, 0.6, everywhere=True)).tolist() == pytest.approx(
        [0.05, 0.6, 0.15, 0.2], rel=1e-3
    )
    assert np.diff(change_step(FIVE, 0, 0.05)).tolist() == pytest.approx([0.05, 0.25, 0.3, 0.4])
    assert change_step((0.0, 1.0), 0, 0.2) == (0.0, 1.0), "one step is the whole"


def test_a_node_moves_between_its_neighbours_only() -> None:
    assert move_node(FIVE, 2, 0.2) == (0, 0.1, 0.2, 0.6, 1)
    for node, place in ((2, 0.1), (2, 0.7), (0, 0.05), (4, 0.9)):
        with pytest.raises(SettingError):
            move_node(FIVE, node, place)


def test_a_model_uses_nodes_for_training_and_for_other_steps() -> None:
    flow = DiffFlow(2, Config(sde=SDEConfig(steps=4, grid=FIVE)))
    whole = (flow.grid().t - 0.0001) / 0.0999
    torch.testing.assert_close(whole, torch.tensor(FIVE), rtol=1e-5, atol=1e-6)
    assert flow.grid(4, FIVE).t is flow.timestamps
    torch.testing.assert_close(flow.grid(8).t[::2], flow.timestamps)
    torch.testing.assert_close(flow.grid(4, "uniform").dt, torch.full((4,), 0.0999 / 4))
    flow = DiffFlow(2, Config())
    torch.testing.assert_close((flow.grid(4, FIVE).t - 0.0001) / 0.0999, torch.tensor(FIVE), rtol=1e-5, atol=1e-6)


def test_g_follows_the_times() -> None:
    grid = make_grid(SDEConfig(grid=FIVE, g_start=0.1, g_end=1.1), 4)
    assert grid.g.tolist() == pytest.approx([0.1, 0.2, 0.4, 0.7, 1.1])

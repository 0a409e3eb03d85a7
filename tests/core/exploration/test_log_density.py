"""Pictures of the log-density against exact ones and against the adaptive solver."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from dnf_studio.api import load
from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.exploration.log_density import (
    PREVIEW_STEPS,
    SIZES,
    STEPS,
    LogDensity,
    log_densities,
    ode_log_density,
)
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling.likelihood import ode_nll
from dnf_studio.errors import Cancelled, SettingError, UnsupportedError, cancel_when
from tests.problems import ExactFlow, log_normal, turning_to_standard_normal

WHOLE = (-4.0, -4.5, 4.5, 4.0)
FEW = (6, 11, 21)


def small_flow(dim: int = 2) -> DiffFlow:
    torch.manual_seed(0)
    return DiffFlow(dim, Config.create({"sde": {"steps": 4}, "network": {"layers": 2, "channels": 16}})).eval()


def places(found: LogDensity) -> torch.Tensor:
    return torch.from_numpy(np.stack(np.meshgrid(found.x, found.y), -1).reshape(-1, 2))


def test_the_density_of_a_gaussian_is_exact_and_holds_all_mass() -> None:
    problem = turning_to_standard_normal()
    flow = ExactFlow(problem, 20)
    *_, found = log_densities(flow, (-7.0, -7.5, 7.5, 7.0), sizes=(26, 51))
    exact = log_normal(places(found), problem.marginal(0.0)).numpy().reshape(found.model.shape)
    assert np.abs(found.model - exact).max() < 0.02
    assert abs(found.mass - 1) < 0.01
    assert found.top == found.model.max()


def test_more_steps_come_nearer_and_the_error_is_what_they_change() -> None:
    problem = turning_to_standard_normal()
    flow = ExactFlow(problem, 20)
    *_, found = log_densities(flow, WHOLE, sizes=FEW)
    exact = log_normal(places(found), problem.marginal(0.0))
    tried = STEPS // 2, STEPS, 2 * STEPS
    off = [float((ode_log_density(flow, places(found), steps) - exact).abs().max()) for steps in tried]
    # Order 4: twice the steps leave a sixteenth
    assert off[0] > 6 * off[1] > 36 * off[2]
    assert off[1] > found.error > 0.05 * off[1]


def test_it_is_the_density_of_the_adaptive_solver() -> None:
    flow = small_flow()
    x = torch.randn(200, 2, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(ode_log_density(flow, x, 30), -ode_nll(flow, x), rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("name", ["diffflow-rings", "diffflow-tree", "diffusion-rings", "flow-rings"])
@pytest.mark.parametrize("hidden", [torch.float32, torch.bfloat16])
def test_few_steps_do_where_a_trained_model_is_sharp(name: str, hidden: torch.dtype) -> None:
    flow = load(name)
    x = flow.standardisation.to_model(flow.sample(60, steps=20).double()).float()
    exact = -ode_nll(flow, x)
    for steps, usual, most in ((PREVIEW_STEPS, 0.4, 1.8), (STEPS, 0.2, 0.8)):
        off = (ode_log_density(flow, x, steps, hidden) - exact).abs()
        assert off.median() < usual and off.quantile(0.95) < most


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_the_fast_divergence_is_the_trace_of_the_jacobian(dim: int) -> None:
    flow = small_flow(dim).double()
    grid, x = flow.grid(), torch.randn(7, dim, dtype=torch.float64)
    for field, jet in zip(flow.fields(grid), flow.fields_with_divergence(grid), strict=True):
        value, divergence = jet(3, x)
        torch.testing.assert_close(value, field(3, x))
        jacobians = [torch.autograd.functional.jacobian(lambda y, f=field: f(3, y[None])[0], row) for row in x]
        torch.testing.assert_close(divergence, torch.stack([j.trace() for j in jacobians]))


def test_finer_grids_keep_what_coarse_ones_computed_and_equal_direct_ones() -> None:
    flow = small_flow()
    grids = list(log_densities(flow, WHOLE, sizes=FEW))
    assert [found.model.shape for found in grids] == [(n, n) for n in FEW]
    assert [found.complete for found in grids] == [False, False, True]
    assert math.isnan(grids[0].error) and grids[1].error == grids[2].error >= 0
    for coarse, fine in pairwise(grids):
        assert np.array_equal(coarse.model, fine.model[::2, ::2])
        np.testing.assert_allclose(coarse.x, fine.x[::2])
    (direct,) = log_densities(flow, WHOLE, sizes=FEW[-1:])
    np.testing.assert_allclose(grids[-1].model, direct.model, rtol=1e-4, atol=1e-4)
    assert (direct.x[0], direct.y[0], direct.x[-1], direct.y[-1]) == WHOLE


def test_nothing_of_the_preview_is_kept() -> None:
    flow = small_flow()
    first, second = log_densities(flow, WHOLE, sizes=SIZES[:2])
    assert (first.steps, second.steps) == (PREVIEW_STEPS, STEPS)
    again, (direct,) = (
        list(log_densities(flow, WHOLE, sizes=SIZES[:2], begun=first)),
        list(log_densities(flow, WHOLE, sizes=SIZES[1:2])),
    )
    for each in (second, *again):
        np.testing.assert_allclose(each.model, direct.model, rtol=1e-4, atol=1e-4)


def test_it_goes_on_from_a_grid_and_on_two_threads() -> None:
    flow = small_flow()
    first, *_, last = log_densities(flow, WHOLE, sizes=FEW)
    went_on = list(log_densities(flow, WHOLE, sizes=FEW, begun=first, threads=2))
    assert [len(found.x) for found in went_on] == [11, 21]
    np.testing.assert_allclose(went_on[-1].model, last.model, rtol=1e-4, atol=1e-4)
    assert list(log_densities(flow, WHOLE, sizes=FEW, begun=last)) == []


def test_it_ends_between_two_steps_once_it_is_cancelled() -> None:
    asked = []

    def unwanted() -> bool:
        asked.append(None)
        return len(asked) > 12

    found = []
    with pytest.raises(Cancelled):
        for each in log_densities(small_flow(), WHOLE, cancel_when(unwanted), sizes=(26, 101)):
            found.append(each)
    assert [len(each.x) for each in found] == [26]
    assert len(asked) == 13
    # The coarsest grid is one block
    asks = iter(range(99))
    with pytest.raises(Cancelled):
        next(log_densities(small_flow(), WHOLE, cancel_when(lambda: next(asks) == 3)))


def test_the_exact_density_is_in_the_same_units() -> None:
    data = open_dataset("8gaussian")
    flow = small_flow()
    flow.standardisation = data.standardisation
    (found,) = log_densities(flow, (-3, -3, 3, 3), data=data, sizes=(121,))
    assert found.exact is not None and found.difference is not None
    cell = (found.x[1] - found.x[0]) * (found.y[1] - found.y[0])
    assert np.exp(found.exact).sum() * cell == pytest.approx(1, abs=1e-3)
    assert found.exact_mass == pytest.approx(1, abs=1e-3)
    # Its mean log is the entropy of the standardised data, which is known
    assert -(np.exp(found.exact) * found.exact).sum() * cell == pytest.approx(data.entropy, abs=2e-3)
    shown = np.isfinite(found.difference)
    np.testing.assert_array_equal(found.difference[shown], (found.model - found.exact)[shown])
    deep = (found.model < found.top - 12) & (found.exact < found.top - 12)
    assert np.array_equal(np.isnan(found.difference), deep)


def test_beside_the_support_the_difference_is_endless_and_unknown_data_has_none() -> None:
    flow = small_flow()
    flow.standardisation = open_dataset("checkerboard").standardisation
    (found,) = log_densities(flow, (-2, -2, 2, 2), data=open_dataset("checkerboard"), sizes=(11,))
    assert found.difference is not None and np.isposinf(found.difference).any()
    (unknown,) = log_densities(flow, (-2, -2, 2, 2), data=open_dataset("moons"), sizes=(11,))
    assert unknown.exact is None and unknown.difference is None


def test_transposed_swaps_the_components() -> None:
    (found,) = log_densities(small_flow(), WHOLE, data=None, sizes=(6,))
    turned = found.transposed()
    assert (
        np.array_equal(turned.model, found.model.T) and turned.x is found.y and turned.mass == pytest.approx(found.mass)
    )


def test_what_has_no_picture_is_one_sentence() -> None:
    with pytest.raises(UnsupportedError, match=r"^Log-density is drawn for two components only: [^.]*\.$"):
        next(log_densities(small_flow(3), WHOLE))
    with pytest.raises(SettingError, match=r"^A log-density needs a rectangle with an area\.$"):
        next(log_densities(small_flow(), (0, 0, 0, 1)))
    with pytest.raises(SettingError, match=r"^A grid of 10 columns does not hold one of 6\.$"):
        list(log_densities(small_flow(), WHOLE, sizes=(6, 10)))
    with pytest.raises(SettingError, match=r"^The log-density takes three steps or more, not 2\.$"):
        ode_log_density(small_flow(), torch.zeros(1, 2), 2)


def test_a_model_that_broke_has_holes_and_no_mass() -> None:
    flow = small_flow()
    flow.standardisation = Standardisation.identity(2)
    with torch.no_grad():
        flow.drift.layers[-1].weight.fill_(math.nan)  # type: ignore[union-attr]
    *_, found = log_densities(flow, WHOLE, sizes=FEW)
    assert math.isnan(found.top) and math.isnan(found.error) and found.mass == 0

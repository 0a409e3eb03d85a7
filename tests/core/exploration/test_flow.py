"""What a continuous normalizing flow can have explored: its drift, density, round trip, numbers and resolution."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.exploration.contributions import contributions
from dnf_studio.core.exploration.fields import field_grid
from dnf_studio.core.exploration.inspect import inspect_point
from dnf_studio.core.exploration.log_density import ode_log_density
from dnf_studio.core.exploration.outliers import find_outliers
from dnf_studio.core.exploration.projection import Plane
from dnf_studio.core.exploration.rediscretise import rediscretise
from dnf_studio.core.exploration.visited import visit
from dnf_studio.core.models.flow import Flow
from dnf_studio.core.sampling.likelihood import ode_nll
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import UnsupportedError
from tests.core.models.test_flow import affine, points, small
from tests.problems import path_bound
from tests.views import round_trip, viewed


@pytest.fixture(scope="module")
def flow() -> Flow:
    return small()


def test_the_fields_are_the_drift_at_the_times_of_the_grid(flow: Flow) -> None:
    grid, x = flow.grid(4, "s-curve"), points(7)
    drift, score = flow.fields(grid)
    assert torch.allclose(drift(3, x), flow.drift(x, grid.t[3])) and not score(3, x).any()
    (value, divergence), (none, nothing) = (field(2, x) for field in flow.fields_with_divergence(grid))
    jacobians = [torch.autograd.functional.jacobian(lambda p: flow.drift(p, grid.t[2]), row) for row in x]
    assert torch.allclose(value, flow.drift(x, grid.t[2])) and not none.any() and not nothing.any()
    assert torch.allclose(divergence, torch.stack([j.squeeze(0).trace() for j in jacobians]))
    found = field_grid(
        flow.fields_with_divergence(grid), grid, 2, Plane.of_pair(0, 1, np.zeros(2)), (-1, -1, 1, 1), (3, 2)
    )
    assert not found.values("score").any()
    for name in ("backward", "flow"):
        np.testing.assert_array_equal(found.values(name), found.values("drift"))
        np.testing.assert_array_equal(found.divergence(name), found.divergence("drift"))


def test_the_density_of_few_steps_is_that_of_the_adaptive_solver(flow: Flow) -> None:
    x = points(50)
    assert torch.allclose(ode_log_density(flow, x, 300), -ode_nll(flow, x, 1e-7), atol=1e-3)


def test_a_round_trip_goes_by_the_own_solver() -> None:
    flow, x = affine(), points(30)
    trips = [round_trip(flow, x, "ode", viewed(steps)) for steps in (5, 10, 20)]
    assert trips[0].rms > 8 * trips[1].rms > 64 * trips[2].rms
    np.testing.assert_allclose(trips[0].latent, flow.forward_path(x, grid=flow.grid(5))[-1], atol=1e-12)
    for way in ("sde", "implied"):
        with pytest.raises(UnsupportedError, match=r"without noise[^\n]+\.$"):
            round_trip(flow, x, way)  # type: ignore[arg-type]


def test_there_is_no_disagreement_to_take_apart(flow: Flow) -> None:
    x, noise = points(3), torch.zeros(5, 3, 2, dtype=torch.float64)
    for ask in (lambda: contributions(flow, x, noise), lambda: path_bound(flow, x, noise)):
        with pytest.raises(UnsupportedError, match=r"likelihood of a flow is exact[^\n]+\.$"):
            ask()


def test_the_numbers_of_a_point_are_its_states_and_drift(flow: Flow) -> None:
    start, grid, other = points(1)[0], flow.grid(6), viewed(lam=0.3, last="mean", parts="score")
    for direction, path in (
        ("forward", flow.forward_path(start[None], grid=grid)),
        ("backward", flow.backward_path(start[None], grid=grid).flip(0)),
    ):
        with torch.no_grad():
            table = inspect_point(flow, grid, start, torch.ones(6, 2), direction, other)  # type: ignore[arg-type]
        np.testing.assert_allclose(table.x, path[:, 0], atol=1e-12)
        np.testing.assert_allclose(table.drift[4], flow.drift(path[4], grid.t[4])[0], atol=1e-12)
        assert not table.g.any() and table.forward_noise.shape == (0, 2) and table.contributions.shape == (0,)
        assert table.in_data_units(flow.standardisation).score_term.shape == (0, 2)


def test_the_error_of_fewer_steps_falls_with_the_order_of_the_solver() -> None:
    rows = list(rediscretise(affine(), points(20), (5, 10, 20), finest=160))
    for ends in ([row.forward_end for row in rows], [row.backward_end for row in rows]):
        assert ends[0] > 8 * ends[1] > 64 * ends[2] > 0
    assert all(row.backward[-1] == 0 == row.forward[0] for row in rows)


def test_outliers_are_looked_for_where_the_ode_leads_data() -> None:
    flow, data = small().float(), open_dataset("circle")
    grid = flow.grid(3)
    visited = visit(flow, data, grid, points=200)
    with torch.inference_mode():
        ends = flow.forward_path(torch.from_numpy(visited.nodes[0].points), grid=grid)[-1]
    np.testing.assert_allclose(visited.nodes[-1].points, ends, atol=1e-5)
    *_, found = find_outliers(flow, data, 500, SampleSettings(steps=3), visited=visited, threads=1)
    assert found.drawn == 500 and found.steps == 3

"""Fields on a plane against linear fields, whose divergence is a trace, and against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dnf_studio.api import load
from dnf_studio.config import Config
from dnf_studio.core.exploration.fields import FieldGrid, FieldName, differentiated, field_grid, measured_fields
from dnf_studio.core.exploration.projection import Plane, principal_components
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling.model import FieldWithDivergence
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.sample_settings import Direction
from dnf_studio.core.sde.steps import backward_step, forward_step
from dnf_studio.errors import SettingError
from tests.problems import ExactFlow, LinearGaussian, coupled

CONFIG = Config.create({"sde": {"steps": 7, "t_end": 0.5, "g_end": 0.5}, "network": {"layers": 2, "channels": 16}})
NAMES: tuple[FieldName, ...] = ("drift", "score", "backward", "flow")
EXTENT = (-2.0, -1.0, 3.0, 1.5)
FLAT = Plane.of_pair(0, 1, np.zeros(2))


def flow_of(dim: int) -> DiffFlow:
    torch.manual_seed(1)
    return DiffFlow(dim, CONFIG).double().requires_grad_(False)


def fields_of(problem: LinearGaussian, grid: TimeGrid) -> tuple[FieldWithDivergence, FieldWithDivergence]:
    return differentiated(problem.drift(grid)), differentiated(problem.score(grid))


def places(found: FieldGrid) -> Tensor:
    return torch.from_numpy(found.plane.place(*np.meshgrid(found.x, found.y)))


def test_the_places_are_the_middles_of_the_cells() -> None:
    problem = coupled()
    grid = problem.grid(4)
    found = field_grid(fields_of(problem, grid), grid, 2, FLAT, EXTENT, (5, 3))
    np.testing.assert_allclose(found.x, [-1.5, -0.5, 0.5, 1.5, 2.5])
    np.testing.assert_allclose(found.y, np.array([-7, 3, 13]) / 12, atol=1e-12)
    assert found.drift.shape == (3, 5, 2) and found.drift_divergence.shape == (3, 5)
    assert (found.node, found.t, found.g) == (2, float(grid.t[2]), float(grid.g[2])) and found.whole


@pytest.mark.parametrize("lam", [0.0, 0.6, 1.0])
def test_linear_fields_have_the_trace_as_divergence(lam: float) -> None:
    problem, node = coupled(), 3
    grid = problem.grid(5)
    found = field_grid(fields_of(problem, grid), grid, node, FLAT, EXTENT, (6, 4))
    x = places(found).numpy()
    mean, covariance = problem.marginal(found.t)
    precision = np.linalg.inv(covariance)
    f, s = x @ problem.matrix.T, -(x - mean) @ precision
    g2 = problem.g_at(found.t) ** 2
    for name, weight in (("drift", 0.0), ("score", -1.0), ("backward", 0.5 * (1 + lam * lam)), ("flow", 0.5)):
        own = 0.0 if name == "score" else 1.0
        expected = own * f - weight * g2 * s
        np.testing.assert_allclose(found.vectors(name, lam), expected, atol=1e-9)
        np.testing.assert_allclose(found.magnitude(name, lam), np.linalg.norm(expected, axis=-1), atol=1e-9)
        trace = own * np.trace(problem.matrix) + weight * g2 * np.trace(precision)
        np.testing.assert_allclose(found.divergence(name, lam), trace, atol=1e-9)
        # As time runs backward all but the gradient turn round
        sign = 1 if name == "score" else -1
        np.testing.assert_allclose(found.vectors(name, lam, "backward"), sign * expected, atol=1e-9)
        np.testing.assert_allclose(found.divergence(name, lam, "backward"), sign * trace, atol=1e-9)


@pytest.mark.parametrize("lam", [0.0, 1.0])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_arrows_point_the_way_the_points_of_their_process_move(direction: Direction, lam: float) -> None:
    """The mean step from each place, in which noise cancels that is drawn with both signs, goes along the arrow."""
    flow = load("diffflow-rings").double().requires_grad_(False)
    grid, node = flow.grid(), 15
    found = field_grid(measured_fields(flow, grid, FLAT), grid, node, FLAT, (-2, -2, 2, 2), (6, 6))
    name: FieldName = "drift" if direction == "forward" else "backward"
    arrows = torch.from_numpy(found.vectors(name, lam, direction)).reshape(-1, 1, 2)
    x = places(found).reshape(-1, 1, 2).expand(-1, 2, 2).reshape(-1, 2)
    eps = torch.randn(len(arrows), 1, 2, dtype=torch.float64) * torch.tensor([1.0, -1.0])[:, None]
    eps = eps.reshape(-1, 2)
    drift, score = flow.fields(grid)
    if direction == "forward":
        moved = forward_step(x, drift(node, x), grid.dt[node], grid.g[node], eps)
    else:
        moved = backward_step(x, drift(node, x), score(node, x), grid.dt[node - 1], grid.g[node], eps, lam)
    mean = (moved - x).reshape(len(arrows), -1, 2).mean(1, keepdim=True)
    cosine = (mean * arrows).sum(-1) / (mean.norm(dim=-1) * arrows.norm(dim=-1))
    np.testing.assert_allclose(cosine, 1.0, atol=1e-6)


@pytest.mark.parametrize("dim", [2, 3])
def test_networks_agree_with_central_differences(dim: int) -> None:
    flow, h = flow_of(dim), 1e-5
    grid, plane = flow.grid(), Plane.of_pair(dim - 1, 0, np.full(dim, 0.3))
    found = field_grid(measured_fields(flow, grid, plane), grid, 4, plane, EXTENT, (4, 3))
    x, (drift, score) = places(found), flow.fields(grid)
    g2 = found.g**2

    def value(name: FieldName, at: Tensor) -> Tensor:
        weights = {"drift": (1, 0), "score": (0, 1), "backward": (1, -1), "flow": (1, -0.5)}[name]
        return weights[0] * drift(4, at) + weights[1] * g2 * score(4, at)

    for name in NAMES:
        expected = torch.zeros(3, 4, dtype=torch.float64)
        for d in range(dim):
            step = h * torch.eye(dim, dtype=torch.float64)[d]
            expected += (value(name, x + step) - value(name, x - step))[..., d] / (2 * h)
        np.testing.assert_allclose(found.divergence(name), expected, atol=1e-7)
        np.testing.assert_allclose(found.values(name), value(name, x), atol=1e-12)
        np.testing.assert_allclose(found.vectors(name), value(name, x)[..., [dim - 1, 0]], atol=1e-12)


@pytest.mark.parametrize("dim", [2, 20])
@pytest.mark.parametrize(("hidden", "atol"), [(None, 1e-5), (torch.bfloat16, 2e-2)])
def test_fewer_digits_agree_with_float64_and_inference_mode_changes_nothing(
    dim: int, hidden: torch.dtype | None, atol: float
) -> None:
    flow, plane = flow_of(dim), Plane.of_pair(0, 1, np.zeros(dim))
    exact = field_grid(measured_fields(flow, flow.grid(), plane), flow.grid(), 5, plane, EXTENT, (8, 8))
    single = flow.float()
    grid = single.grid()
    with torch.inference_mode():
        found = field_grid(measured_fields(single, grid, plane, True, hidden), grid, 5, plane, EXTENT, (8, 8))
    for name in NAMES:
        np.testing.assert_allclose(found.vectors(name), exact.vectors(name), atol=atol)
        np.testing.assert_allclose(found.divergence(name), exact.divergence(name), atol=atol)


def test_the_kernels_of_a_trained_model_agree_with_autograd() -> None:
    flow = load("diffflow-rings")
    grid = flow.grid()
    for node in (0, 15, 30):
        found = field_grid(measured_fields(flow, grid, FLAT), grid, node, FLAT, EXTENT, (9, 9))
        fields = tuple(differentiated(field) for field in flow.double().fields(flow.grid()))
        exact = field_grid(fields, flow.grid(), node, FLAT, EXTENT, (9, 9))  # type: ignore[arg-type]
        flow.float()
        for name in NAMES:
            np.testing.assert_allclose(found.vectors(name), exact.vectors(name), rtol=1e-3, atol=1e-3)
            np.testing.assert_allclose(found.divergence(name), exact.divergence(name), rtol=1e-3, atol=2e-2)


def test_beyond_sixteen_dimensions_the_divergence_is_that_within_the_plane() -> None:
    dim = 20
    random = np.random.default_rng(0)
    a = torch.from_numpy(random.standard_normal((dim, dim)))
    plane = Plane.of_principal(principal_components(random.standard_normal((50, dim))))
    one = torch.ones(2, dtype=torch.float64)
    axes = torch.from_numpy(plane.axes)
    fields = differentiated(lambda i, x: x @ a.T, axes), differentiated(lambda i, x: 0 * x, axes)
    found = field_grid(fields, TimeGrid(one, one, one), 1, plane, EXTENT, (3, 3))
    assert not found.whole
    np.testing.assert_allclose(found.drift_divergence, np.trace(plane.axes @ a.numpy() @ plane.axes.T))
    np.testing.assert_allclose(found.score_divergence, 0)


def test_a_field_that_does_not_depend_on_x_has_no_divergence() -> None:
    one = torch.ones(2, dtype=torch.float64)
    fields = differentiated(lambda i, x: torch.ones_like(x)), differentiated(lambda i, x: x * 0 + 2)
    found = field_grid(fields, TimeGrid(one, one, one), 1, FLAT, EXTENT, (3, 3))
    assert not found.drift_divergence.any() and not found.score_divergence.any()
    np.testing.assert_allclose(found.values("backward"), -1.0)


@pytest.mark.parametrize("node", [-1, 5])
def test_a_node_outside_the_grid_is_refused(node: int) -> None:
    problem = coupled()
    grid = problem.grid(4)
    with pytest.raises(SettingError, match="nodes 0 to 4"):
        field_grid(fields_of(problem, grid), grid, node, FLAT, EXTENT)


@pytest.mark.parametrize("extent", [(0.0, 0.0, 0.0, 1.0), (0.0, 1.0, 1.0, 0.0), (0.0, 0.0, float("inf"), 1.0)])
def test_a_rectangle_without_area_is_refused(extent: tuple[float, float, float, float]) -> None:
    problem = coupled()
    grid = problem.grid(4)
    with pytest.raises(SettingError, match="rectangle"):
        field_grid(fields_of(problem, grid), grid, 1, FLAT, extent)


def test_without_divergence_the_vectors_are_the_same_and_need_no_gradient() -> None:
    problem = coupled()
    grid = problem.grid(4)
    with_it = field_grid(fields_of(problem, grid), grid, 2, FLAT, EXTENT, (5, 3))
    alone = measured_fields(ExactFlow(problem, 4), grid, FLAT, divergence=False)
    found = field_grid(alone, grid, 2, FLAT, EXTENT, (5, 3))
    for name in NAMES:
        np.testing.assert_array_equal(found.vectors(name), with_it.vectors(name))
        assert np.isnan(found.divergence(name)).all()


def test_an_unknown_field_is_refused() -> None:
    problem = coupled()
    grid = problem.grid(4)
    found = field_grid(fields_of(problem, grid), grid, 1, FLAT, EXTENT, (2, 2))
    with pytest.raises(SettingError, match="'wind' is not one of drift, score, backward, flow"):
        found.vectors("wind")  # type: ignore[arg-type]

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnf_studio.core.exploration.projection import ONE_THREAD, PrincipalComponents, principal_components


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 1000))
def test_axes_are_orthonormal_and_shares_fall(points: int, dim: int, seed: int) -> None:
    data = np.random.default_rng(seed).standard_normal((points, dim))
    found = principal_components(data)
    count = min(2, dim)
    assert found.axes.shape == (count, dim) and found.explained.shape == (count,)
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(count), atol=1e-9)
    assert (np.diff(found.explained) <= 1e-12).all() and 0 <= found.explained.sum() <= 1 + 1e-9


def test_a_known_plane_is_found_with_its_shares() -> None:
    random = np.random.default_rng(0)
    basis = np.linalg.qr(random.standard_normal((6, 6)))[0].T
    scales = np.array([3.0, 2.0, 0.5, 0.0, 0.0, 0.0])
    data = 5 + random.standard_normal((200_000, 6)) * scales @ basis
    found = principal_components(data)
    for axis, direction in zip(found.axes, basis[:2], strict=True):
        assert abs(axis @ direction) > 0.999
    np.testing.assert_allclose(found.explained, np.array([9, 4]) / 13.25, atol=0.01)
    np.testing.assert_allclose(found.project(data).std(axis=0), [3, 2], rtol=0.02)
    np.testing.assert_allclose(found.project(data).mean(axis=0), 0, atol=1e-3)


def test_the_sign_depends_on_neither_order_nor_orientation_of_the_points() -> None:
    data = np.random.default_rng(1).standard_normal((500, 4)) * [4, 2, 1, 0.5]
    first = principal_components(data)
    second = principal_components(2 * data.mean(axis=0) - data[::-1])
    np.testing.assert_allclose(first.axes, second.axes, atol=1e-6)
    assert (first.axes[[0, 1], [0, 1]] > 0).all()


def test_entries_as_great_as_each_other_do_not_decide_by_rounding() -> None:
    line = np.linspace(-1, 1, 50)[:, None]
    for rounding in (1 - 1e-12, 1 + 1e-12):
        assert principal_components(line * [-1.0, rounding]).axes[0, 0] > 0


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.ones((1, 3)), np.ones((50, 3))])
def test_no_variance_gives_axes_and_no_shares(points: np.ndarray) -> None:
    found = principal_components(points)
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(2), atol=1e-12)
    assert (found.explained == 0).all()
    assert np.array_equal(found.project(points), np.zeros((len(points), 2)))


def test_what_is_not_finite_does_not_count_and_stays_so() -> None:
    data = np.random.default_rng(2).standard_normal((100, 3))
    broken = data.copy()
    broken[3, 1], broken[4, 0] = np.nan, np.inf
    found = principal_components(broken)
    assert np.array_equal(found.axes, principal_components(np.delete(data, [3, 4], axis=0)).axes)
    finite = np.isfinite(found.project(broken)).all(axis=1)
    assert finite.sum() == 98 and not finite[3] and not finite[4]


def test_whole_paths_are_projected() -> None:
    data = np.random.default_rng(3).standard_normal((7, 20, 5)).astype(np.float32)
    found = principal_components(data[0])
    paths = found.project(data)
    assert paths.shape == (7, 20, 2) and paths.dtype == np.float32
    np.testing.assert_allclose(paths[3], found.project(data[3]), atol=1e-6)


def test_one_component_has_one_axis() -> None:
    found = principal_components(np.arange(5.0)[:, None])
    assert found.axes.tolist() == [[1.0]] and found.explained.tolist() == [1.0]


def test_many_components_take_several_products_and_the_shape_stays() -> None:
    random = np.random.default_rng(2)
    found = PrincipalComponents(
        random.standard_normal(400), np.linalg.qr(random.standard_normal((400, 2)))[0].T, np.zeros(2)
    )
    points = random.standard_normal((3, 700, 400)).astype(np.float32)
    assert points.size * 2 > 6 * ONE_THREAD
    np.testing.assert_allclose(found.project(points), (points - found.mean) @ found.axes.T, atol=2e-5)
    assert found.project(points[:, :0]).shape == (3, 0, 2) and found.project(points[0, 0]).shape == (2,)

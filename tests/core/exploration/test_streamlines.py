"""Streamlines of linear fields, which bilinear interpolation reproduces exactly and whose curves are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import KDTree

from dnf_studio.core.exploration.streamlines import Streamlines, streamlines
from dnf_studio.errors import SettingError

Array = NDArray[np.float64]
EXTENT = (-2.0, -1.0, 1.0, 1.5)
APART = 0.1


def places(columns: int = 20, rows: int = 16) -> tuple[Array, Array]:
    left, bottom, right, top = EXTENT
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    return x, bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows


def lines_of(field: Callable[[Array, Array], tuple[Array, Array]], apart: float = APART) -> Streamlines:
    x, y = places()
    return streamlines(x, y, np.stack(field(*np.meshgrid(x, y)), axis=-1), EXTENT, apart)


def wavy(x: Array, y: Array) -> tuple[Array, Array]:
    return np.sin(2 * y) + 0.3 * x, np.cos(3 * x) - 0.2 * y


def test_a_constant_field_has_straight_lines_from_edge_to_edge() -> None:
    found = lines_of(lambda x, y: (3 + 0 * x, 4 + 0 * x))
    assert len(found) > 8
    to_edge = 0
    for k in range(len(found)):
        line = found.line(k)
        along, across = line @ [0.6, 0.8], line @ [-0.8, 0.6]
        np.testing.assert_allclose(across, across[0], atol=1e-12)
        np.testing.assert_allclose(np.diff(along), APART / 4, atol=1e-12)
        for end, way in ((line[0], -1), (line[-1], 1)):
            x, y = end + way * APART / 4 * np.array([0.6, 0.8])
            to_edge += not (EXTENT[0] <= x <= EXTENT[2] and EXTENT[1] <= y <= EXTENT[3])
    assert to_edge > 1.5 * len(found), "few lines are in each other's way"


def test_a_rotation_has_circles_that_close() -> None:
    found = lines_of(lambda x, y: (-y, x))
    whole = 0
    for k in range(len(found)):
        line = found.line(k)
        radius, angle = np.hypot(*line.T), np.unwrap(np.arctan2(line[:, 1], line[:, 0]))
        np.testing.assert_allclose(radius, radius[0], rtol=1e-4 if radius[0] > 2 * APART else 2e-2)
        assert (np.diff(angle) > 0).all(), "along the field"
        gone = angle[-1] - angle[0]
        assert gone < 2 * np.pi + 1.0 / radius[0] * APART * 2
        whole += bool(gone > 2 * np.pi - 2 * APART / radius[0])
    assert whole >= 3


def test_a_saddle_has_hyperbolas() -> None:
    found = lines_of(lambda x, y: (x, -y))
    assert len(found) > 10
    for k in range(len(found)):
        line = found.line(k)
        product = line[:, 0] * line[:, 1]
        np.testing.assert_allclose(product, product[0], atol=2e-5)
        assert (np.diff(np.abs(line[:, 0])) > 0).all() and (np.diff(np.abs(line[:, 1])) < 0).all()


@pytest.mark.parametrize("apart", [0.06, 0.15])
def test_lines_keep_their_distance_and_leave_no_wide_gap(apart: float) -> None:
    found = lines_of(wavy, apart)
    owner = np.repeat(np.arange(len(found)), np.diff(found.starts))
    close = KDTree(found.points).query_pairs(apart / 2, output_type="ndarray")
    assert (owner[close[:, 0]] == owner[close[:, 1]]).all()
    x, y = (axis.ravel() for axis in np.meshgrid(*places(60, 50)))
    nearest, _ = KDTree(found.points).query(np.stack([x, y], axis=1))
    assert np.quantile(nearest, 0.97) < 1.6 * apart
    left, bottom, right, top = EXTENT
    assert (found.points >= [left, bottom]).all() and (found.points <= [right, top]).all()


def test_the_same_field_has_the_same_lines_whatever_its_strength() -> None:
    first, again = lines_of(wavy), lines_of(lambda x, y: tuple(4 * part for part in wavy(x, y)))  # type: ignore[return-value, arg-type]
    np.testing.assert_array_equal(first.starts, again.starts)
    np.testing.assert_allclose(first.points, again.points, atol=1e-9)


def test_a_field_that_hardly_changes_keeps_most_of_its_lines() -> None:
    first = lines_of(wavy)
    other = lines_of(lambda x, y: (wavy(x, y)[0] + 1e-4, wavy(x, y)[1]))
    nearest = np.linalg.norm(first.points[:, None] - other.points[None], axis=-1).min(axis=1)
    assert np.mean(nearest < 0.02 * APART) > 0.9


def test_lines_end_at_what_is_not_finite_and_a_field_of_nothing_has_none() -> None:
    def holed(x: Array, y: Array) -> tuple[Array, Array]:
        hole = (np.abs(x) < 0.3) & (np.abs(y) < 0.3)
        return np.where(hole, np.nan, 1.0), 0 * y

    found = lines_of(holed)
    inside = (np.abs(found.points) < 0.2).all(axis=1)
    assert len(found) > 5 and not inside.any()
    assert len(lines_of(lambda x, y: (0 * x, 0 * y))) == 0
    assert len(lines_of(lambda x, y: (np.nan * x, 0 * y))) == 0


def test_a_sink_draws_lines_in_and_ends_them() -> None:
    found = lines_of(lambda x, y: (-x, -y))
    for k in range(len(found)):
        radius = np.hypot(*found.line(k).T)
        assert (np.diff(radius)[:-1] < 0)[radius[:-2] > APART].all()
        assert len(radius) < 120


@pytest.mark.parametrize(
    ("extent", "apart"),
    [(EXTENT, 0.0), (EXTENT, float("nan")), ((0.0, 0.0, 0.0, 1.0), 0.1), (EXTENT, 1e-4)],
)
def test_what_cannot_be_is_refused(extent: tuple[float, float, float, float], apart: float) -> None:
    x, y = places()
    with pytest.raises(SettingError, match="rectangle"):
        streamlines(x, y, np.ones((16, 20, 2)), extent, apart)
    with pytest.raises(SettingError, match="two places"):
        streamlines(x[:1], y, np.ones((16, 1, 2)), EXTENT, 0.1)

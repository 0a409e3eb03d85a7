"""Regions against a test of every point on its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnf_studio.core.sampling.region import inside_polygon

RANDOM = np.random.default_rng(0)
SQUARE = np.array([(0, 0), (2, 0), (2, 1), (0, 1)], float)


def one_by_one(points: np.ndarray, polygon: np.ndarray) -> list[bool]:  # type: ignore[type-arg]
    """The even-odd rule as it is written in every textbook."""
    answers = []
    for x, y in np.asarray(points, float):
        inside = False
        for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            if (y1 > y) != (y2 > y) and x > x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                inside = not inside
        answers.append(inside)
    return answers


@pytest.mark.parametrize("corners", [3, 4, 7, 50, 300])
def test_a_lasso_holds_what_the_even_odd_rule_says(corners: int) -> None:
    points = RANDOM.standard_normal((400, 2)).astype(np.float32)
    polygon = RANDOM.standard_normal((corners, 2))
    found = inside_polygon(points, polygon)
    assert found.tolist() == one_by_one(points, polygon) and 0 < found.sum() < 400


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), max_size=8))
def test_also_for_points_on_heights_of_corners(corners: list[tuple[int, int]]) -> None:
    grid = np.stack(np.meshgrid(np.arange(-3, 3) + 0.5, np.arange(-3, 4)), axis=-1).reshape(-1, 2).astype(np.float32)
    polygon = np.array(corners, float).reshape(-1, 2)
    expected = one_by_one(grid, polygon) if len(polygon) >= 3 else [False] * len(grid)
    assert inside_polygon(grid, polygon).tolist() == expected


def test_a_rectangle_leaves_out_what_is_beside_it_and_what_is_not_finite() -> None:
    points = np.array([(1, 0.5), (2.1, 0.5), (1, -0.1), (np.nan, 0.5), (1, np.inf), (0.1, 0.9)], np.float32)
    assert inside_polygon(points, SQUARE).tolist() == [True, False, False, False, False, True]
    assert inside_polygon(points, SQUARE[::-1]).tolist() == [True, False, False, False, False, True]
    assert not inside_polygon(points, SQUARE[:2]).any() and inside_polygon(points[:0], SQUARE).shape == (0,)

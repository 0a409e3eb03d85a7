"""Sliced Wasserstein distances against a library and against what is known exactly."""

from __future__ import annotations

import numpy as np
import ot
import pytest
from scipy import stats

from dnf_studio.core.evaluation.distances import Projections, debiased, directions, squared_distance


def cloud(seed: int, count: int, dim: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


def swd2(a: np.ndarray, b: np.ndarray) -> float:
    return squared_distance(Projections(a), Projections(b))


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_agrees_with_pot_on_the_same_directions(dim: int) -> None:
    a, b = cloud(0, 500, dim), cloud(1, 500, dim) * 1.5 + 0.3
    expected = ot.sliced_wasserstein_distance(a, b, projections=directions(dim).T)
    assert swd2(a, b) == pytest.approx(float(expected) ** 2, rel=1e-4)


def test_directions_are_unit_vectors_equally_spaced_in_the_plane() -> None:
    assert directions(1).tolist() == [[1.0]]
    plane = directions(2)
    assert plane.shape == (64, 2)
    np.testing.assert_allclose(np.diff(np.arctan2(plane[:, 1], plane[:, 0])), np.pi / 64, rtol=1e-4)
    beyond = directions(7)
    np.testing.assert_allclose(np.linalg.norm(beyond, axis=1), 1, rtol=1e-6)
    assert np.array_equal(beyond, directions(7))


def test_a_shift_moves_the_plane_by_half_its_square() -> None:
    """In D dimensions a shift v gives SWD² = ‖v‖²/D; 64 equal angles average it exactly in the plane."""
    a = cloud(0, 1000, 2)
    assert swd2(a, a) == 0
    assert swd2(a, a + np.float32([3, 4])) == pytest.approx(25 / 2, rel=1e-4)


def test_on_the_line_it_is_the_wasserstein_distance() -> None:
    a, b = cloud(0, 400, 1), cloud(1, 400, 1) * 2 + 1
    plan = ot.emd2_1d(a[:, 0].astype(float), b[:, 0].astype(float))
    assert swd2(a, b) == pytest.approx(plan, rel=1e-4)


def test_the_floor_is_taken_off() -> None:
    """Scaling by c moves every projection's spread: SWD² → (c − 1)² for N(0, I)."""
    model, floor, same = [], [], []
    for seed in range(5):
        data, other, drawn = (cloud(10 * seed + k, 20_000, 2) for k in range(3))
        reference = Projections(data)
        floor.append(squared_distance(Projections(other), reference))
        same.append(squared_distance(Projections(drawn), reference))
        model.append(squared_distance(Projections(drawn * np.float32(1.03)), reference))
    distance, within = debiased(model, floor)
    assert distance == pytest.approx(0.03, abs=0.003)
    assert within == pytest.approx(np.sqrt(np.mean(floor)))
    assert debiased(same, floor)[0] < 0.005
    assert debiased([0.1], [0.2]) == (0.0, pytest.approx(np.sqrt(0.2)))


def test_projections_are_sorted_marginals_and_sizes_must_agree() -> None:
    points = cloud(3, 5000, 2)
    values = Projections(points).values
    assert values.shape == (64, 5000)
    assert (np.diff(values, axis=1) >= 0).all()
    assert np.array_equal(values[0], np.sort(points[:, 0]))
    assert stats.kstest(values[17], "norm").pvalue > 1e-3
    with pytest.raises(ValueError, match="cannot be compared"):
        squared_distance(Projections(points), Projections(points[:-1]))

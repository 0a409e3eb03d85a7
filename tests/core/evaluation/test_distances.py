"""Sliced Wasserstein distances against a library and against what is known exactly."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import ot
import pytest
from scipy import stats

from dnf_studio.core.evaluation.distances import (
    Comparison,
    Distance,
    Projections,
    directions,
    signed_root,
    squared_distance,
)


def cloud(seed: int | list[int], count: int, dim: int) -> np.ndarray:
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


def compared(model: Callable[[np.ndarray], np.ndarray], seed: int, sets: int = 5, count: int = 2000) -> Distance:
    """What is said of `model` of normal points beside such points, in the plane."""
    found = Comparison()
    for k in range(sets):
        found.add(
            Projections(model(cloud([seed, k, 0], count, 2)), threads=1),
            Projections(cloud([seed, k, 1], count, 2), threads=1),
        )
    distance = found.found()
    assert distance is not None
    return distance


def test_it_is_the_mean_of_the_formula_over_all_pairs() -> None:
    """D² = SWD²(m, d) − ½[SWD²(m, m′) + SWD²(d, d′)], m and d′ of one number, m′ and d of another one."""
    m, d = ([cloud([k, side], 50, 3) for k in range(4)] for side in (0, 1))
    found = Comparison()
    for a, b in zip(m, d, strict=True):
        found.add(Projections(a), Projections(b * 2))
    terms = []
    for k, j in itertools.permutations(range(4), 2):
        terms.append(swd2(m[k], d[j] * 2) - 0.5 * (swd2(m[k], m[j]) + swd2(d[k] * 2, d[j] * 2)))
    distance = found.found()
    assert distance is not None and len(distance.squares) == 4
    assert distance.value**2 == pytest.approx(np.mean(terms), rel=1e-4)
    assert np.mean(distance.squares) == pytest.approx(np.mean(terms), rel=1e-4)
    assert distance.floor**2 == pytest.approx(np.mean([swd2(d[k] * 2, d[k + 1] * 2) for k in range(3)]), rel=1e-4)


def test_the_part_of_chance_is_taken_off_and_the_interval_holds_the_truth() -> None:
    """Scaling by c moves every projection's spread: SWD² → (c − 1)² for N(0, I)."""
    found = [compared(lambda x: x * np.float32(1.2), seed) for seed in range(20)]
    assert np.mean([one.value for one in found]) == pytest.approx(0.2, abs=0.005)
    assert all(one.told_apart and one.resolution is not None and one.value > one.resolution for one in found)
    held = [one.low is not None and one.high is not None and one.low <= 0.2 <= one.high for one in found]
    assert sum(held) >= 18
    spread = np.std([one.value for one in found], ddof=1)
    assert np.mean([one.error for one in found]) == pytest.approx(spread, rel=0.5)


def test_an_exact_sampler_is_seldom_told_apart_and_as_often_nearer_as_farther() -> None:
    found = [compared(lambda x: x, seed, count=500) for seed in range(200)]
    assert sum(bool(one.told_apart) for one in found) <= 10
    assert 60 <= sum(one.value < 0 for one in found) <= 140
    squared = np.array([np.mean(one.squares) for one in found])
    assert abs(squared.mean()) < 3 * squared.std() / np.sqrt(200)
    for one in found:
        assert one.low is not None and one.high is not None and one.low <= one.value <= one.high
        assert one.resolution is not None and one.told_apart == (one.value > one.resolution)


def test_how_points_are_cut_into_sets_costs_no_precision() -> None:
    few, many = ([compared(lambda x: x, s, k, 1200 // k).value for s in range(150)] for k in (4, 12))
    assert np.std(np.square(many)) < 1.2 * np.std(np.square(few))


def test_few_sets_have_no_error_and_one_has_no_distance() -> None:
    two = compared(lambda x: x + 1, 0, sets=2)
    assert two.value == pytest.approx(1, abs=0.1) and len(two.squares) == 1
    assert two.error is two.low is two.high is two.resolution is two.told_apart is None
    single = Comparison()
    single.add(Projections(cloud(0, 9, 2)), Projections(cloud(1, 9, 2)))
    assert single.found() is None
    with pytest.raises(ValueError, match="cannot be compared"):
        single.add(Projections(cloud(0, 9, 2)), Projections(cloud(1, 8, 2)))
    spoiled = Comparison()
    for _ in range(3):
        spoiled.add(Projections(np.full((9, 2), np.nan, np.float32)), Projections(cloud(1, 9, 2)))
    assert spoiled.found() is None


def test_a_negative_square_has_a_negative_root() -> None:
    assert signed_root(-0.04) == pytest.approx(-0.2) and signed_root(0.04) == pytest.approx(0.2)
    assert Distance.of([-0.04, -0.05, -0.03], 0.3).value == pytest.approx(-0.2)


def test_projections_are_sorted_marginals_and_sizes_must_agree() -> None:
    points = cloud(3, 5000, 2)
    values = Projections(points).values
    assert values.shape == (64, 5000)
    assert (np.diff(values, axis=1) >= 0).all()
    assert np.array_equal(values[0], np.sort(points[:, 0]))
    assert stats.kstest(values[17], "norm").pvalue > 1e-3
    with pytest.raises(ValueError, match="cannot be compared"):
        squared_distance(Projections(points), Projections(points[:-1]))

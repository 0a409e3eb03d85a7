"""Distances of marginals against what is known exactly, and the floor against independent sets."""

from __future__ import annotations

import numpy as np
import ot
import pytest
from numpy.typing import NDArray

from dnf_studio.core.exploration.marginals import _splits, compare_marginals
from dnf_studio.errors import DataError

Array = NDArray[np.float32]


def paths(seed: int, points: int = 2000, dim: int = 2, nodes: int = 5) -> Array:
    return np.random.default_rng(seed).standard_normal((nodes, points, dim)).astype(np.float32)


@pytest.mark.parametrize("dim", [1, 2, 7])
def test_two_sets_of_one_law_are_at_the_floor(dim: int) -> None:
    found = compare_marginals(paths(1, dim=dim, nodes=40), paths(2, dim=dim, nodes=40))
    assert found.distance.shape == found.floor.shape == (40,)
    assert np.mean(found.distance**2) == pytest.approx(np.mean(found.floor**2), rel=0.25)
    assert found.distance.max() < 0.15 and (found.highest > found.floor).all()
    assert found.floor.std() < 0.6 * found.distance.std()
    assert 0.6 < np.mean(found.distance < found.highest) < 1


def test_halves_hold_as_many_of_each_process_and_every_point_once() -> None:
    splits = _splits(11)
    assert splits.shape == (8, 2, 10)
    for one, other in splits:
        assert (one < 11).sum() == (other < 11).sum() == 5
        assert len({*one, *other}) == 20


def test_the_floor_is_the_distance_of_independent_sets_of_a_law_with_gaps() -> None:
    """Where a projection has gaps, halves of one process scaled to its size would miss it by up to √2."""
    random = np.random.default_rng(0)
    shift = np.float32([4, 0]) * (random.random((2, 40, 500, 1)) < 0.5)
    a, b = paths(1, 500, nodes=40) * np.float32(0.1) + shift[0], paths(2, 500, nodes=40) * np.float32(0.1) + shift[1]
    found = compare_marginals(a.astype(np.float32), b.astype(np.float32))
    assert np.mean(found.floor**2) == pytest.approx(np.mean(found.distance**2), rel=0.6)


@pytest.mark.parametrize("dim", [1, 2])
def test_a_shift_of_a_gaussian_is_its_length_by_the_root_of_the_dimensions(dim: int) -> None:
    a = paths(1, dim=dim)
    shift = np.arange(5, dtype=np.float32)[:, None, None] * np.ones(dim, np.float32)
    exact = compare_marginals(a, a + shift)
    np.testing.assert_allclose(exact.distance, np.arange(5), rtol=1e-4)
    drawn = compare_marginals(a, paths(2, dim=dim) + shift)
    debiased = np.sqrt(np.maximum(drawn.distance**2 - drawn.floor**2, 0))
    np.testing.assert_allclose(debiased[1:], np.arange(1, 5), atol=0.06)
    assert (drawn.floor < 0.15 * (1 + np.arange(5))).all()


def test_scales_of_gaussians_differ_by_the_difference_of_their_deviations() -> None:
    found = compare_marginals(paths(1, 20_000, nodes=2), paths(2, 20_000, nodes=2) * np.float32(1.5))
    np.testing.assert_allclose(found.distance, 0.5, atol=0.02)


def test_on_a_line_it_is_the_wasserstein_distance() -> None:
    a, b = paths(1, 300, 1), paths(2, 300, 1) ** 3
    exact = [ot.emd2_1d(x[:, 0].astype(float), y[:, 0].astype(float)) ** 0.5 for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(compare_marginals(a, b).distance, exact, rtol=1e-4)


def test_order_of_points_common_motion_and_sides_do_not_matter() -> None:
    a, b = paths(1), paths(2) * np.float32(1.3)
    plain = compare_marginals(a, b).distance
    mixed = np.random.default_rng(0).permutation(a.shape[1])
    np.testing.assert_allclose(compare_marginals(b, a).distance, plain, rtol=1e-5)
    np.testing.assert_allclose(compare_marginals(a[:, mixed], b).distance, plain, rtol=1e-5)
    np.testing.assert_allclose(compare_marginals(a + 2, b + 2).distance, plain, rtol=1e-3)
    np.testing.assert_allclose(compare_marginals(3 * a, 3 * b).distance, 3 * plain, rtol=1e-4)
    turn = np.array([[0, -1], [1, 0]], np.float32)
    np.testing.assert_allclose(compare_marginals(a @ turn, b @ turn).distance, plain, rtol=1e-3)


def test_what_is_not_finite_is_left_out_of_both() -> None:
    a, b = paths(1, 100), paths(2, 100)
    spoiled = a.copy()
    spoiled[2, 7] = np.nan
    spoiled[3, :98] = np.inf
    found = compare_marginals(spoiled, b)
    keep = np.arange(100) != 7
    assert found.distance[2] == pytest.approx(compare_marginals(a[2:3, keep], b[2:3, keep]).distance[0], rel=1e-5)
    assert (
        np.isnan([found.distance[3], found.floor[3], found.highest[3]]).all()
        and np.isfinite(found.distance[[0, 1, 2, 4]]).all()
    )


def test_the_check_comes_before_every_step_and_leaves() -> None:
    seen: list[int] = []

    def check() -> None:
        seen.append(len(seen))
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare_marginals(paths(1), paths(2), check)
    assert seen == [0, 1, 2]


@pytest.mark.parametrize(
    ("a", "b"),
    [((5, 10, 2), (5, 10, 3)), ((5, 10, 2), (5, 9, 2)), ((10, 2), (10, 2)), ((0, 10, 2), (0, 10, 2)), ((5, 3, 2),) * 2],
)
def test_shapes_that_cannot_be_compared_are_refused(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="ompare"):
        compare_marginals(np.zeros(a, np.float32), np.zeros(b, np.float32))

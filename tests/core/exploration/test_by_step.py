from __future__ import annotations

import numpy as np

from dnf_studio.core.exploration.by_step import mean_of_cells, space_time, worst_points


def test_cells_hold_the_mean_of_their_paths_and_empty_ones_nothing() -> None:
    values = np.array([[-0.9, -0.8, 0.5], [0.9, 0.1, -3.0]], np.float32)
    cost = np.array([[1.0, 2.0, 5.0], [7.0, 9.0, 1.0]], np.float32)
    cells = space_time(values, cost, -1.0, 1.0, 4)
    np.testing.assert_array_equal(cells, [[1.5, np.nan], [np.nan, np.nan], [np.nan, 9.0], [5.0, 7.0]])


def test_what_left_the_finite_numbers_is_in_no_cell() -> None:
    values = np.array([[0.0, np.nan, np.inf, 0.0, 3e38]], np.float32)
    cost = np.array([[1.0, 1.0, 1.0, np.nan, 1.0]], np.float32)
    assert space_time(values, cost, -1.0, 1.0, 1).tolist() == [[1.0]]


def test_the_whole_is_the_weighted_mean_of_the_cells() -> None:
    random = np.random.default_rng(0)
    values, cost = (random.standard_normal((6, 500)).astype(np.float32) for _ in range(2))
    cells = space_time(values, cost, -9.0, 9.0, 31)
    count = np.stack([np.histogram(row, 31, (-9, 9))[0] for row in values], axis=1)
    np.testing.assert_allclose((np.nan_to_num(cells) * count).sum(0) / 500, cost.mean(1), atol=1e-5)


def test_the_worst_point_comes_last_and_lost_ones_not_at_all() -> None:
    cost = np.array([[0, 0, 0, 0, 0], [3, np.nan, 5, np.inf, 4]], np.float32)
    assert worst_points(cost, 1) == (0, 4, 2)
    assert worst_points(cost, 1, 2) == (4, 2)
    assert worst_points(cost[:, :0], 1) == ()


def test_each_cell_has_the_mean_of_its_points() -> None:
    points = np.array([[-0.9, -0.9], [-0.1, -0.1], [0.5, -0.5], [0.5, 0.5], [3, 0], [np.nan, 0], [-0.5, 0.5]])
    values = np.array([1.0, 3, 5, 7, 100, 100, np.inf])
    np.testing.assert_array_equal(mean_of_cells(points, values, 1.0, 2), [[2, 5], [np.nan, 7]])
    assert np.isnan(mean_of_cells(points[:0], values[:0], 1.0, 3)).all()

"""Means of cells by hand."""

from __future__ import annotations

import numpy as np

from dnf_studio.core.exploration.cells import mean_of_cells


def test_each_cell_has_the_mean_of_its_points() -> None:
    points = np.array([[-0.9, -0.9], [-0.1, -0.1], [0.5, -0.5], [0.5, 0.5], [3, 0], [np.nan, 0], [-0.5, 0.5]])
    values = np.array([1.0, 3, 5, 7, 100, 100, np.inf])
    np.testing.assert_array_equal(mean_of_cells(points, values, 1.0, 2), [[2, 5], [np.nan, 7]])
    assert np.isnan(mean_of_cells(points[:0], values[:0], 1.0, 3)).all()

"""Which point or path a click means."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QTransform

from dnf_studio.gui.drawing.picking import adds, existing, nearest_path, nearest_point

PIXELS = QTransform(10, 0, 0, -10, 100, 100)
"""One unit is ten pixels; y goes up."""


def test_the_nearest_point_within_reach_counts_in_pixels() -> None:
    points = np.array([[0, 0], [1, 1], [1.3, 1], [np.nan, 0], [np.inf, 0]], np.float32)
    assert nearest_point(points, PIXELS, QPointF(111, 90)) == 1
    assert nearest_point(points, PIXELS, QPointF(112, 90)) == 2
    assert nearest_point(points, PIXELS, QPointF(100, 107.9)) == 0
    assert nearest_point(points, PIXELS, QPointF(100, 108.1)) is None
    assert nearest_point(points[3:4], PIXELS, QPointF(100, 100)) is None
    assert nearest_point(np.empty((0, 2), np.float32), PIXELS, QPointF()) is None


def test_a_path_is_met_between_its_nodes() -> None:
    paths = np.array([[[0, 0], [0, 5]], [[10, 0], [10, 5]], [[10, 10], [np.nan, 5]]], np.float32)
    assert nearest_path(paths, PIXELS, QPointF(150, 103)) == 0
    assert nearest_path(paths, PIXELS, QPointF(150, 49)) == 1
    assert nearest_path(paths, PIXELS, QPointF(203, 30)) == 0
    assert nearest_path(paths, PIXELS, QPointF(150, 75)) is None
    assert nearest_path(paths[:1], PIXELS, QPointF(100, 100)) is None


def test_a_point_that_does_not_move_is_a_path_too() -> None:
    assert nearest_path(np.zeros((4, 1, 2), np.float32), PIXELS, QPointF(102, 100)) == 0


@pytest.mark.parametrize("key", [Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier])
def test_control_and_shift_add(key: Qt.KeyboardModifier) -> None:
    assert adds(key) and not adds(Qt.KeyboardModifier.NoModifier)


def test_points_that_do_not_exist_are_left_out() -> None:
    assert existing((5, 300, 2), 300).tolist() == [5, 2] and existing((), 9).tolist() == []

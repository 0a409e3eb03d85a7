"""Streamlines as they are drawn."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QTransform

from dnf_studio.gui.drawing.layers.vectors import STREAM_HEAD, head_places, stream_lines

STARTS = np.array([0, 6, 96], np.intp)


def test_each_line_has_a_head_and_a_long_one_has_more() -> None:
    assert head_places(STARTS).tolist() == [3, 28, 73]
    assert head_places(np.zeros(1, np.intp)).tolist() == []


def test_steps_do_not_lead_from_line_to_line_and_heads_point_along() -> None:
    # 10 pixels a unit, up is up
    transform = QTransform(10, 0, 0, -10, 100, 100)
    points = np.array([[0, 0], [1, 0], [2, 0], [5, 5], [5, 4]], np.float32)
    lines = stream_lines(points, np.array([0, 1, 3]), np.array([1]), transform)
    np.testing.assert_allclose(lines[:3], [[100, 100, 110, 100], [110, 100, 120, 100], [150, 50, 150, 60]])
    assert len(lines) == 5
    for stroke in lines[3:]:
        tip, end = stroke[:2], stroke[2:]
        np.testing.assert_allclose(tip, [110, 100])
        assert abs(np.hypot(*(end - tip)) - STREAM_HEAD) < 1e-6
        assert end[0] < tip[0], "the strokes lie behind the tip"
    assert (lines[3, 3] - 100) * (lines[4, 3] - 100) < 0

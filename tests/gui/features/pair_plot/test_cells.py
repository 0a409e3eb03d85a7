"""Cells, histograms and correlations by numbers that are known."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF

from dnf_studio.gui.features.pair_plot.cells import Cells, Content, correlation, histogram


def test_every_cell_is_found_at_its_middle_and_none_lies_over_another() -> None:
    cells = Cells(QRectF(0, 0, 500, 300), 4, left=40, below=20, above=10)
    rects = {(row, column): cells.rect(row, column) for row in range(4) for column in range(4)}
    for place, rect in rects.items():
        assert cells.at(rect.center().x(), rect.center().y()) == place
        assert cells.area.contains(rect)
        assert not any(rect.intersects(other) for at, other in rects.items() if at != place)
    assert cells.at(20, 150) is None and cells.at(300, 299) is None
    assert rects[0, 0].top() == 10 and rects[0, 0].left() == 40 and rects[3, 0].bottom() == pytest.approx(280)


def test_a_histogram_is_a_density_per_standardised_unit() -> None:
    values = np.linspace(-1, 1, 4000, endpoint=False, dtype=np.float32)
    density = histogram(values, 2.0, 8)
    assert density == pytest.approx([0, 0, 0.5, 0.5, 0.5, 0.5, 0, 0], abs=1e-3)
    # What is out of sight is missing in the area; what is no number counts nowhere
    values[:2000], values[2000:3000] = np.nan, 5.0
    assert histogram(values, 2.0, 8).sum() * 0.5 == pytest.approx(0.5)


def test_the_correlation_is_pearsons() -> None:
    random = np.random.default_rng(0)
    plane = random.standard_normal((500, 2)).astype(np.float32)
    plane[:, 1] += plane[:, 0]
    expected = np.corrcoef(plane.T)[0, 1]
    assert float(correlation(plane)) == pytest.approx(expected, abs=0.005)
    plane[7, 0] = np.inf
    assert float(correlation(plane)) == pytest.approx(expected, abs=0.02)
    assert correlation(-plane * (1, -1)).startswith("−")
    assert correlation(plane[:5]) == "" and correlation(np.ones((50, 2), np.float32)) == ""


def test_places_go_to_pixels_and_both_directions_have_their_halves() -> None:
    points = {name: np.zeros((3, 2), np.float32) for name in ("forward", "backward")}
    content = Content((0, 4), points, {}, (2.0, 4.0))
    rect = QRectF(10, 20, 100, 60)
    transform = content.transform(rect, 1, 0)
    assert transform.map(QPointF(0, 0)) == rect.center()
    assert transform.map(QPointF(2, 4)) == rect.topRight() and transform.map(QPointF(-2, -4)) == rect.bottomLeft()
    assert content.names_in(1, 0) == ("forward", "backward") and content.names_in(0, 1) == ()
    split = Content((0, 4), points, {}, (2.0, 4.0), split=True)
    assert [split.names_in(*cell) for cell in ((1, 0), (0, 1), (1, 1))] == [("forward",), ("backward",), ()]


def test_two_models_have_a_half_each_or_both_directions_have() -> None:
    names = "forward", "backward", "second forward", "second backward"
    points = {name: np.zeros((3, 3), np.float32) for name in names}
    apart = Content((0, 1, 2), points, halves=True)
    assert apart.names_in(2, 0) == names[:2] and apart.names_in(0, 2) == names[2:] and apart.names_in(1, 1) == ()
    over = Content((0, 1, 2), points, split=True)
    assert over.names_in(2, 0) == names[::2] and over.names_in(0, 2) == names[1::2]
    one = Content((0, 1, 2), {name: points[name] for name in names[::2]}, split=True)
    assert one.names_in(2, 0) == names[::2] and one.names_in(0, 2) == ()

"""A crowd of points as one picture: where its squares are, how strong, and that it looks like single points."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QTransform
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.layers.points import MOST, CountedPoints, PointsLayer

BLACK = "#000000"


def opacities(crowd: CountedPoints, xy: list[tuple[float, float]], dot: tuple[float, float]) -> NDArray[np.float64]:
    """Of the pixels of a picture 7 wide and 5 high."""
    picture = crowd.picture(np.array(xy, np.float32).reshape(-1, 2), (7, 5), dot, BLACK)
    return np.array([[picture.pixelColor(x, y).alphaF() for x in range(7)] for y in range(5)])


def test_a_point_is_a_square_around_it_with_the_ink_of_a_round_dot() -> None:
    found = opacities(CountedPoints(), [(3.0, 2.0)], (1.8, 0.5))
    assert np.argwhere(found > 0).tolist() == [[1, 2], [1, 3], [2, 2], [2, 3]]
    assert found.sum() == pytest.approx(0.5 * np.pi * 0.9**2, rel=0.02)
    odd = opacities(CountedPoints(), [(3.5, 2.5)], (3.0, 1.0))
    assert np.argwhere(odd > 0).tolist() == [[y, x] for y in (1, 2, 3) for x in (2, 3, 4)]


def test_points_on_each_other_are_stronger_up_to_an_end() -> None:
    crowd = CountedPoints()
    alphas = [opacities(crowd, [(3.5, 2.5)] * count, (1.0, 0.2))[2, 3] for count in (1, 2, 3, MOST, 400)]
    single = 0.2 * np.pi / 4
    expected = [1 - (1 - single) ** count for count in (1, 2, 3, MOST, MOST)]
    assert alphas == pytest.approx(expected, abs=0.005)


def test_what_is_cut_by_the_edge_or_no_number_is_left_out_and_nothing_stays_of_the_last_picture() -> None:
    crowd = CountedPoints()
    assert opacities(crowd, [(1, 1), (6, 4), (3, 2)], (2.0, 1.0)).sum() == pytest.approx(12 * np.pi / 4, rel=0.02)
    outside = [(0.2, 2), (6.9, 2), (3, 0.2), (3, 4.9), (np.nan, 2), (3, np.inf), (-1e5, 1e5)]
    assert opacities(crowd, outside, (2.0, 1.0)).sum() == 0
    assert opacities(crowd, [], (2.0, 1.0)).sum() == 0


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_a_layer_draws_a_crowd_as_it_draws_single_points(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, ratio: float
) -> None:
    """In the same places with as much ink, blurred over a few pixels."""
    layer = PointsLayer("#204080")
    layer.set_points(np.random.default_rng(0).standard_normal((30_000, 2)).astype(np.float32))

    def drawn() -> NDArray[np.float64]:
        image = QImage(int(240 * ratio), int(160 * ratio), QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        image.fill(QColor("white"))
        painter = QPainter(image)
        layer.draw(painter, QTransform(40, 0, 0, -40, 120, 80), QRectF(0, 0, 240, 160))
        painter.end()
        pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)[..., 2].astype(np.float64)
        size = int(16 * ratio)
        return pixels.reshape(image.height() // size, size, -1, size).mean(axis=(1, 3))

    crowd = drawn()
    monkeypatch.setattr(CountedPoints, "pays", lambda *_: False)
    single = drawn()
    assert single.min() < 120 and single.max() > 250
    assert np.abs(crowd - single).max() < 12 and np.abs(crowd - single).mean() < 4

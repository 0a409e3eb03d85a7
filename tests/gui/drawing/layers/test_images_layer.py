"""Where images stand, and what is drawn of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PySide6.QtGui import QColor, QImage

from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.gui.drawing.layers.images import WANTED, Mosaic, arrange, picture_of

SIDES = st.integers(1, 40)


@given(SIDES, SIDES, st.integers(1, 2000), st.integers(120, 1500), st.integers(80, 1000))
@example(39, 1, 2000, 1500, 80)
def test_images_stand_within_the_area_and_no_more_than_there_is_time_for(
    high: int, wide: int, count: int, width: int, height: int
) -> None:
    mosaic = arrange(ImageShape(high, wide, 1, 0, 1), count, width, height)
    assert 1 <= mosaic.count <= 3.5 * WANTED and mosaic.zoom == int(mosaic.zoom) >= 1
    assert (mosaic.columns * mosaic.cell[1] - mosaic.gap) * mosaic.zoom <= width
    assert (mosaic.rows * mosaic.cell[0] - mosaic.gap) * mosaic.zoom <= height
    assert mosaic.rows == 1 or (mosaic.rows - 1) * mosaic.columns < count
    for k in (0, mosaic.count // 2, mosaic.count - 1):
        place = mosaic.place(k)
        assert mosaic.at(place.center().x(), place.center().y()) == k
        assert mosaic.centres(mosaic.count)[k].tolist() == [place.center().x(), place.center().y()]
    assert mosaic.at(-0.5, 0.5) is None and mosaic.at(0.5, mosaic.rows * mosaic.cell[0] + 1) is None


@pytest.mark.parametrize(("shape", "area"), [((8, 8), (430, 340)), ((28, 28), (430, 340)), ((32, 32), (640, 430))])
def test_as_many_as_one_can_look_at(shape: tuple[int, int], area: tuple[int, int]) -> None:
    assert 48 <= arrange(ImageShape(*shape, 1, 0, 1), 1000, *area).count <= 2 * WANTED


def test_few_images_are_large() -> None:
    mosaic = arrange(ImageShape(8, 8, 1, 0, 1), 6, 430, 340)
    assert mosaic.count == 6 and mosaic.zoom >= 12


def test_an_image_larger_than_the_area_is_reduced() -> None:
    mosaic = arrange(ImageShape(100, 50, 1, 0, 1), 20, 80, 60)
    assert (mosaic.columns, mosaic.rows) == (1, 1) and mosaic.zoom == 0.6


@pytest.mark.parametrize("channels", [1, 3])
def test_every_pixel_is_drawn_where_it_belongs(channels: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (5, 2, 3, channels), np.uint8)
    mosaic = Mosaic(3, 2, (4, 5), 2, 1.0)
    picture = picture_of(pixels, mosaic, "#123456")
    assert (picture.width(), picture.height(), picture.format()) == (15, 8, QImage.Format.Format_RGB32)
    for k in range(5):
        place = mosaic.place(k)
        for row, column in np.ndindex(2, 3):
            want = np.broadcast_to(pixels[k, row, column], 3).tolist()
            assert list(picture.pixelColor(int(place.x()) + column, int(place.y()) + row).getRgb()[:3]) == want
    for x, y in ((3, 0), (0, 2), (10, 4), (14, 7)):
        assert picture.pixelColor(x, y) == QColor("#123456")

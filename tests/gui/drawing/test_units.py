"""Numbers at axes in the units of the data, at places where they are round."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.units import STANDARDISED, UnitAxis, Units, round_places

UNITS = Units(("height [m]", "year"), (20.0, 2015.25), (4.0, 0.05))


def test_what_is_written_is_mean_and_scale_of_the_place() -> None:
    assert UNITS.written(0, (-1.0, 0.0, 1.5)) == ("16", "20", "26")
    assert UNITS.written(1, (-1.0, 0.0)) == ("2015.20", "2015.25")
    assert STANDARDISED.written(0, (-2.0, 0.0, 2.0)) == ("−2", "0", "2")
    assert UNITS.title(1) == "x₂  year" and Units(UNITS.columns).title(1) == "x₂  year, standardised"


def test_what_is_far_from_zero_or_large_is_told_apart_or_short() -> None:
    far = Units((), (1.6e9,), (2e3,))
    assert len(set(far.written(0, (-1.0, 0.0, 1.0)))) == 3
    assert Units((), (0.0,), (1e20,)).written(0, (0.0, 1.0)) == ("0", "1e+20")
    # Rounding leaves next to nothing where there should be 0
    assert Units((), (0.3,), (0.1,)).written(0, (-4.0, -3.0, -2.0)) == ("−0.1", "0.0", "0.1")


def test_the_log_volume_is_that_of_the_jacobian() -> None:
    assert UNITS.log_volume((0, 1)) == pytest.approx(math.log(4.0 * 0.05))
    assert STANDARDISED.log_volume((0, 1)) == 0.0


@pytest.mark.parametrize("most", [1, 2, 3, 5])
@pytest.mark.parametrize("unit", [(0.0, 1.0), (20.0, 4.0), (2015.25, 0.05), (-3e6, 1e4)])
def test_round_places_are_round_in_the_unit(unit: tuple[float, float], most: int) -> None:
    places = round_places(-3.3, 3.3, unit, most)
    assert len(places) <= most and all(-3.3 - 1e-9 <= place <= 3.3 + 1e-9 for place in places)
    numbers = [unit[0] + unit[1] * place for place in places]
    step = min((b - a for a, b in pairwise(numbers)), default=0.0)
    if step:
        first = step / 10 ** math.floor(math.log10(step) + 1e-9)
        assert min(abs(first - part) for part in (1, 2, 4, 5)) < 1e-6
        assert all(abs(number / step - round(number / step)) < 1e-6 for number in numbers)
    else:
        assert len(places) == 1 and most <= 2


def test_an_axis_has_ticks_where_the_unit_is_round(qapp: QApplication) -> None:
    axis = UnitAxis("bottom")
    axis.setStyle(maxTickLevel=0)
    plain = axis.tickValues(-3.3, 3.3, 400)
    axis.set_unit(20.0, 4.0)
    (spacing, places), *_ = axis.tickValues(-3.3, 3.3, 400)
    numbers = [20 + 4 * place for place in places]
    assert numbers == pytest.approx([round(number) for number in numbers]) and 4 * spacing == pytest.approx(10)
    assert axis.tickStrings(places, 1.0, spacing) == [str(round(number)) for number in numbers]
    axis.set_unit(0.0, 1.0)
    assert axis.tickValues(-3.3, 3.3, 400) == plain


def test_an_axis_that_moves_is_drawn_anew(qtbot: QtBot) -> None:
    """Or numbers were cut off: a second model's axis got its place after it was first drawn."""
    axis = UnitAxis("left")
    axis.setCacheMode(axis.CacheMode.DeviceCoordinateCache)
    axis.picture = object()
    axis.setGeometry(QRectF(13, 0, 20, 100))
    assert axis.picture is None and axis.cacheMode() == axis.CacheMode.DeviceCoordinateCache

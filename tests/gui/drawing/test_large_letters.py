"""What grows with the letters besides them, and what stays as it was once they are small again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QFont, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QToolBar, QWidget
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.help import Help, HelpButton
from dnf_studio.gui.drawing.theme import DARK, LIGHT, icon, icon_size
from dnf_studio.gui.features.time_grid.plot import GridPlot
from dnf_studio.gui.workspace.appearance import Appearance
from tests.gui.scenes import frame_of


@pytest.fixture
def appearance(qapp: QApplication) -> Iterator[Appearance]:
    appearance = Appearance(qapp)
    yield appearance
    appearance.set_scale(100)
    appearance.finish()


@pytest.fixture
def plot(qtbot: QtBot) -> GridPlot:
    plot = GridPlot()
    qtbot.addWidget(plot)
    plot.resize(420, 320)
    plot.set_frame(frame_of(steps=10))
    with qtbot.waitExposed(plot):
        plot.show()
    return plot


def written(plot: GridPlot, side: str) -> list[str]:
    """The numbers at one axis."""
    canvas = QPixmap(10, 10)
    painter = QPainter(canvas)
    specs = plot.plot.getAxis(side).generateDrawSpecs(painter)
    painter.end()
    return [] if specs is None else [text for *_, text in specs[2]]


def scaled(plot: GridPlot, factor: float) -> None:
    font = QFont(plot.font())
    font.setPointSizeF(factor * font.pointSizeF())
    plot.setFont(font)
    QApplication.processEvents()


def test_the_numbers_at_an_axis_are_the_same_in_letters_of_another_size(plot: GridPlot) -> None:
    before = written(plot, "left")
    assert any(text.startswith("0.0") for text in before)
    scaled(plot, 1.2)
    scaled(plot, 1 / 1.2)
    for side in ("left", "bottom", "right"):
        assert plot.plot.getAxis(side).autoSIPrefixScale == 1
    assert written(plot, "left") == before


def test_both_scales_grow_with_the_letters(plot: GridPlot) -> None:
    axes = [plot.plot.getAxis(side) for side in ("left", "right")]
    before = [(axis.style["tickFont"].pointSizeF(), axis.label.font().pointSizeF()) for axis in axes]
    scaled(plot, 2)
    after = [(axis.style["tickFont"].pointSizeF(), axis.label.font().pointSizeF()) for axis in axes]
    assert all(
        big > 1.8 * small for new, old in zip(after, before, strict=True) for big, small in zip(new, old, strict=True)
    )
    assert after[0] == after[1]


def test_pictures_in_bars_and_help_buttons_grow_with_the_letters(qtbot: QtBot, appearance: Appearance) -> None:
    bar, ground = QToolBar(), QWidget()
    button = HelpButton(Help("it", "It is.", ("a = b",), "(1)"), ground)
    bar.addAction(icon("dice", LIGHT), "Dice")
    button.set_theme(LIGHT)
    for widget in (bar, ground):
        qtbot.addWidget(widget)
        widget.show()
    small, side = bar.iconSize(), button.sizeHint().height()
    assert small.width() == 18 and icon_size(20).width() == 20
    told: list[object] = []
    appearance.changed.connect(told.append)
    appearance.set_scale(200)
    button.set_theme(DARK)
    qtbot.waitUntil(lambda: told == [appearance.theme])  # whoever draws pictures is told
    assert 34 <= bar.iconSize().width() <= 38 and 38 <= icon_size(20).width() <= 42
    assert button.sizeHint().height() > 1.6 * side
    size = bar.iconSize()
    assert icon("dice", LIGHT).pixmap(size).width() == size.width(), "drawn, not enlarged"
    appearance.set_scale(100)
    assert bar.iconSize() == small

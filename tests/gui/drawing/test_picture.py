"""One plot alone as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QRectF, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QImage, QPainter, QTransform
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from dnf_studio.errors import ExportError
from dnf_studio.gui.drawing.layers import paths as paths_module
from dnf_studio.gui.drawing.layers.paths import PathsLayer
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.features.loss.plot import LossPlot
from tests.gui.features.loss.test_plot import reports
from tests.gui.mouse import place_of, send


@pytest.fixture
def plot(qtbot: QtBot) -> LossPlot:
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.resize(420, 300)
    plot.show()
    plot.append(reports([3.0, 2.5, 2.2, 2.0]))
    return plot


def test_the_picture_has_twice_the_pixels_and_sharp_letters(plot: LossPlot) -> None:
    picture = plot.pictures.picture()
    assert (picture.width(), picture.height()) == (840, 600)
    shown = plot.grab().toImage().scaled(picture.size())
    # The letters at the axes: drawn in the pixels of the picture, not enlarged from those of the screen
    strip = plot.plot.geometry()
    corner, edge = (strip.left() * 2, strip.bottom() * 2 - 40), 30
    drawn = {picture.pixel(x, y) for x in range(corner[0], corner[0] + 800) for y in range(corner[1], corner[1] + edge)}
    assert len(drawn) > 3
    pairs = [(x, y) for x in range(corner[0], 800, 2) for y in range(corner[1] - corner[1] % 2, corner[1] + edge, 2)]
    assert any(picture.pixel(x, y) != picture.pixel(x + 1, y) for x, y in pairs)
    assert not any(shown.pixel(x, y) != shown.pixel(x + 1, y) for x, y in pairs)


def test_paths_are_counted_in_the_pixels_of_the_picture(qtbot: QtBot) -> None:
    plot = Plot("Paths", "Paths.", "None.")
    qtbot.addWidget(plot)
    plot.resize(300, 240)
    plot.set_empty(False)
    layer = PathsLayer("#ff0000", most=1.0, alpha=1.0)
    plot.plot.addItem(layer)
    plot.box.setRange(xRange=(0, 1), yRange=(0, 1), padding=0)
    plot.show()
    layer.set_paths(np.array([[[0.1, 0.2]], [[0.9, 0.7]]], np.float32))
    image = plot.pictures.picture()
    red = np.array([[image.pixelColor(x, y).green() < 100 for x in range(600)] for y in range(480)])
    assert red.sum() > 300
    blocks = red.reshape(240, 2, 300, 2).sum(axis=(1, 3))
    assert ((blocks > 0) & (blocks < 4)).sum() > 100, "a line as thin as a pixel of the picture"


def test_it_is_without_the_button_of_the_help_which_stays_in_the_window(plot: LossPlot) -> None:
    assert plot.help is not None
    place = plot.help.geometry()
    box = [(2 * x, 2 * y) for x in range(place.left(), place.right()) for y in range(place.top(), place.bottom())]
    picture = plot.pictures.picture()
    assert len({picture.pixel(x, y) for x, y in box}) == 1
    assert plot.help.isVisible() and plot.help.geometry() == place


def test_a_right_click_offers_it_and_a_right_drag_does_not(plot: LossPlot) -> None:
    at, right, none = place_of(plot, 2.0, 2.4), Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier
    send(plot, QEvent.Type.MouseButtonPress, at, none, right)
    assert not plot.pictures.menu.isVisible()
    for step in range(1, 6):
        send(plot, QEvent.Type.MouseMove, at + QPoint(10 * step, 0), none, right)
    send(plot, QEvent.Type.MouseButtonRelease, at + QPoint(50, 0), none, right)
    assert not plot.pictures.menu.isVisible()
    send(plot, QEvent.Type.MouseButtonPress, at, none, right)
    send(plot, QEvent.Type.MouseButtonRelease, at, none, right)
    assert plot.pictures.menu.isVisible()
    plot.pictures.menu.close()
    key = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(5, 5), plot.mapToGlobal(QPoint(5, 5)))
    QApplication.sendEvent(plot, key)
    assert plot.pictures.menu.isVisible()
    plot.pictures.menu.close()


def test_it_is_copied(plot: LossPlot) -> None:
    copy = next(action for action in plot.pictures.menu.actions() if "Copy" in action.text())
    copy.trigger()
    assert QGuiApplication.clipboard().image().width() == 840


def test_it_is_saved_and_a_folder_that_is_none_is_left_to_who_tells_errors(
    plot: LossPlot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    asked: list[str] = []

    def answer(_parent: object, _title: str, name: str, _filter: str) -> tuple[str, str]:
        asked.append(name)
        return str(tmp_path / "talk"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    save = next(action for action in plot.pictures.menu.actions() if "Save" in action.text())
    save.trigger()
    assert asked == ["loss-bound-on-the-nll.png"]
    assert QImage(str(tmp_path / "talk.png")).width() == 840
    with pytest.raises(ExportError):
        plot.pictures.save(tmp_path / "none" / "a.png")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "none" / "a.png"), ""))
    with qtbot.capture_exceptions() as caught:
        save.trigger()
    assert [kind for kind, _, _ in caught] == [ExportError] and "none" in str(caught[0][1])


def test_what_was_left_out_of_other_paths_is_not_left_out_of_these() -> None:
    paths = np.random.default_rng(0).normal(size=(4, 5, 2)).astype(np.float32)
    lost = paths.copy()
    lost[2, 0] = np.inf
    layer = PathsLayer("#123456")
    layer.set_paths(lost)
    assert layer._kept is not None and layer._kept.tolist() == [False, True, True, True, True]
    layer.set_paths(paths[:, 1:])
    assert layer._kept is None


def test_paths_that_move_with_their_axis_are_not_counted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    count = paths_module.count_pixels
    monkeypatch.setattr(paths_module, "count_pixels", lambda *given: counted.append(0) or count(*given))
    image, layer = QImage(60, 40, QImage.Format.Format_ARGB32_Premultiplied), PathsLayer("#123456")
    over_steps = np.array([[[0, 0.2]], [[1, 0.7]]], np.float32)

    def draw(steps: float, colour: str = "#123456", up: float = 0.0) -> tuple[int, bool]:
        counted.clear()
        layer.set_paths(over_steps * np.array([steps, 1], np.float32) + np.float32(up))
        layer.set_colour(colour)
        image.fill(0)
        painter = QPainter(image)
        layer.draw(painter, QTransform.fromScale(50 / steps, 40), QRectF(0, 0, 60, 40))
        painter.end()
        return len(counted), any(image.pixelColor(20, y).alpha() for y in range(14, 19))

    assert draw(30) == (1, True)
    assert draw(41) == (0, True)
    assert draw(41, colour="#ff0000") == (1, True) and draw(41, "#ff0000", up=0.1) == (1, False)

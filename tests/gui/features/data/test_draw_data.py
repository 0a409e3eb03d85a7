"""Data drawn on the canvas, with mouse and keys, and used in the window."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from dnf_studio.core.data.naming import SIDE, drawing_label
from dnf_studio.core.data.picture import decode_drawing, encode_drawing
from dnf_studio.gui.features.data import draw_data
from dnf_studio.gui.features.data.canvas import Stroke
from dnf_studio.gui.features.data.draw_data import DrawDataDialog
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.dialogs import Answer


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Answer]:
    """Answers to whether a drawing is discarded, the last one for good; and how often that was asked is counted."""
    answers = [Answer.DISCARD]

    def ask(_dialog: object) -> Answer:
        answers.append(answers[-1])
        return answers[-1]

    monkeypatch.setattr(draw_data, "ask_discard_drawing", ask)
    return answers


@pytest.fixture
def dialog(qtbot: QtBot) -> DrawDataDialog:
    dialog = DrawDataDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitExposed(dialog)
    return dialog


def drag(dialog: DrawDataDialog, *places: tuple[float, float]) -> None:
    """Through `places`, from 0, 0 at the upper left to 1, 1 at the lower right of the drawing."""
    area = dialog.canvas._area()
    points = [QPoint(round(area.x() + area.width() * x), round(area.y() + area.height() * y)) for x, y in places]
    QTest.mousePress(dialog.canvas, Qt.MouseButton.LeftButton, pos=points[0])
    for point in points[1:]:
        QTest.mouseMove(dialog.canvas, point)
    QTest.mouseRelease(dialog.canvas, Qt.MouseButton.LeftButton, pos=points[-1])


def at(dialog: DrawDataDialog, x: float, y: float) -> bool:
    return bool(dialog.canvas.dark[round((SIDE - 1) * y), round((SIDE - 1) * x)])


def test_a_stroke_is_as_wide_as_the_brush_and_is_taken_back(dialog: DrawDataDialog) -> None:
    dialog.brush.box.setValue(40)
    drag(dialog, (0.25, 0.5), (0.5, 0.5), (0.75, 0.5))
    assert at(dialog, 0.25, 0.5) and at(dialog, 0.5, 0.5) and at(dialog, 0.5, 0.54) and not at(dialog, 0.5, 0.57)
    assert int(dialog.canvas.dark[:, SIDE // 2].sum()) == pytest.approx(40, abs=2)
    QTest.keyClick(dialog, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not dialog.canvas.dark.any() and not dialog.use.isEnabled() and "Nothing" in dialog.facts.text()
    dialog.redo.click()
    assert at(dialog, 0.5, 0.5) and dialog.use.isEnabled()
    dialog.clear.click()
    assert not dialog.canvas.dark.any()
    dialog.undo.click()
    assert at(dialog, 0.5, 0.5)


@pytest.mark.parametrize(
    ("mirror", "copies"),
    [("none", {(0.2, 0.3)}), ("across", {(0.2, 0.3), (0.8, 0.3)}), ("up", {(0.2, 0.3), (0.2, 0.7)})],
)
def test_mirrors(dialog: DrawDataDialog, mirror: str, copies: set[tuple[float, float]]) -> None:
    dialog.mirror.chosen.emit(mirror)
    drag(dialog, (0.2, 0.3))
    found = {place for place in [(0.2, 0.3), (0.8, 0.3), (0.2, 0.7), (0.8, 0.7)] if at(dialog, *place)}
    assert found == copies


def test_dots_are_apart_and_the_eraser_takes_away(dialog: DrawDataDialog) -> None:
    dialog.tools["dots"].click()
    drag(dialog, *((x, 0.5) for x in np.linspace(0.1, 0.9, 60)))
    row = dialog.canvas.dark[SIDE // 2]
    assert 8 <= int(np.diff(row.astype(int)).clip(0).sum()) <= 14
    dialog.tools["eraser"].click()
    dialog.brush.box.setValue(80)
    drag(dialog, (0.0, 0.5), (1.0, 0.5))
    assert not dialog.canvas.dark.any()


def test_the_keyboard_draws(dialog: DrawDataDialog) -> None:
    dialog.canvas.setFocus()
    QTest.keyClick(dialog.canvas, Qt.Key.Key_Right)
    QTest.keyClick(dialog.canvas, Qt.Key.Key_Space)
    assert dialog.canvas.dark[SIDE // 2, SIDE // 2 + 10] and not dialog.canvas.dark[SIDE // 2, SIDE // 2 - 5]


def test_a_drawing_is_not_lost_by_escape_alone(dialog: DrawDataDialog, asked: list[Answer]) -> None:
    drag(dialog, (0.25, 0.5), (0.75, 0.5))
    asked[:] = [Answer.CANCEL]
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    dialog.close()
    assert dialog.isVisible() and at(dialog, 0.5, 0.5) and len(asked) == 3
    asked[:] = [Answer.DISCARD]
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_what_is_as_it_was_is_left_without_a_question(qtbot: QtBot, asked: list[Answer]) -> None:
    dark = np.zeros((SIDE, SIDE), bool)
    dark[100:200, 100:200] = True
    for before in ("", encode_drawing(dark)):
        dialog = DrawDataDialog(before)
        qtbot.addWidget(dialog)
        dialog.show()
        dialog.reject()
        assert not dialog.isVisible()
    assert len(asked) == 1


def test_it_begins_with_the_drawing_of_the_window_and_says_where_that_is_damaged(qtbot: QtBot) -> None:
    dark = np.zeros((SIDE, SIDE), bool)
    dark[:50, 100:] = True
    whole, damaged = DrawDataDialog(encode_drawing(dark)), DrawDataDialog("drawing:AAAA")
    for dialog in (whole, damaged):
        qtbot.addWidget(dialog)
    assert np.array_equal(whole.canvas.dark, dark) and whole.use.isEnabled()
    assert "damaged" in damaged.problem.text() and not damaged.use.isEnabled()


def test_what_is_drawn_is_data_at_once(window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot) -> None:
    open_in("rings")
    window.commands["draw"].trigger()
    dialog = window.findChild(DrawDataDialog)
    assert isinstance(dialog, DrawDataDialog)
    dialog.canvas.add(Stroke("brush", 30, "none", ((100.0, 100.0), (300.0, 100.0))))
    dialog.use.click()
    name = window.session.state.config.data
    assert decode_drawing(name)[100, 200]
    qtbot.waitUntil(
        lambda: window.studio.current is not None and window.studio.current.shown.data == name,
        timeout=20_000,
    )
    assert drawing_label(name) in window.windowTitle()
    assert drawing_label(name) in window.page("Data").data.currentText()


def test_every_control_has_a_name_and_a_tooltip(dialog: DrawDataDialog) -> None:
    for part in (*dialog.tools.values(), dialog.mirror, dialog.undo, dialog.redo, dialog.clear, dialog.use):
        assert isinstance(part, QWidget) and part.toolTip()
    assert dialog.canvas.accessibleName()

"""Preferences act at once, on everything, and are there at the next start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QDockWidget, QLabel, QStyle
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.theme import DARK
from dnf_studio.gui.features.preferences import PreferencesDialog
from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.workspace.appearance import Appearance
from dnf_studio.gui.workspace.memory import Memory
from tests.gui.scenes import frame_of


@pytest.fixture
def window(still_window: MainWindow) -> Iterator[MainWindow]:
    """The window, whose letters are of the usual size again afterwards."""
    yield still_window
    still_window.appearance.set_scale(100)
    still_window.appearance.choose("system")


def preferences(window: MainWindow) -> PreferencesDialog:
    QTest.keySequence(window, QKeySequence("Ctrl+,"))
    return window.findChildren(PreferencesDialog)[-1]


def test_choices_are_kept(qapp: QApplication) -> None:
    memory = Memory()
    first = Appearance(qapp, memory)
    first.choose("dark")
    first.set_scale(140)
    first.set_calm(True)
    again = Appearance(qapp, memory)
    assert (again.choice, again.scale, again.calm, again.theme) == ("dark", 140, True, DARK)
    again.choose("system")
    again.set_scale(100)


@pytest.mark.parametrize("kept", ["", "large", 7, 1000, -100, None, ["dark"]])
def test_what_was_kept_badly_is_as_if_it_was_not(qapp: QApplication, kept: object) -> None:
    memory = Memory()
    for name in ("theme", "font_scale", "reduce_motion"):
        memory.put(name, kept)
    appearance = Appearance(qapp, memory)
    assert (appearance.choice, appearance.scale, appearance.calm) == ("system", 100, False)


def test_letters_grow_everywhere_at_once(window: MainWindow, qtbot: QtBot) -> None:
    window.live.show(frame_of())
    labels = [label for label in window.findChildren(QLabel) if label.text()]
    before = {label: label.font().pointSizeF() for label in labels}
    ticks = [plot.plot.getAxis("left").style["tickFont"].pointSizeF() for plot in window.plots]
    dialog = preferences(window)
    dialog.scale.setValue(150)
    qtbot.waitUntil(window.updatesEnabled)
    for label in labels:
        assert label.font().pointSizeF() == pytest.approx(1.5 * before[label], rel=0.01), label.text()
    for plot, small in zip(window.plots, ticks, strict=True):
        assert plot.plot.getAxis("left").style["tickFont"].pointSizeF() > 1.3 * small
    small = next(iter(before.values()))
    assert window.findChildren(QDockWidget)[0].font().pointSizeF() > 1.4 * small


def test_pictures_grow_with_the_letters_under_the_same_rules(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To set the rules anew styles every widget, 0.2 s of the main thread, twice."""
    menu, bar = window.menuBar().actions()[0].menu(), window.toolbar
    app = QApplication.instance()
    rules, styled = app.styleSheet(), []
    monkeypatch.setattr(QApplication, "setStyleSheet", lambda *given: styled.append(given))

    def sizes() -> tuple[int, int]:
        return bar.iconSize().width(), menu.style().pixelMetric(QStyle.PixelMetric.PM_SmallIconSize, None, menu)

    before = sizes()
    for percent in (200, 100):
        window.appearance.set_scale(percent)
        assert sizes() == tuple(pytest.approx(percent / 100 * size, abs=1) for size in before)
    assert rules == app.styleSheet() and not styled and before == (18, 16)


@pytest.mark.parametrize("percent", [80, 130, 200])
def test_no_text_is_cut(window: MainWindow, qtbot: QtBot, percent: int) -> None:
    window.live.show(frame_of())
    window.appearance.set_scale(percent)
    qtbot.waitUntil(window.updatesEnabled)
    for index in range(window.tabs.count()):
        window.tabs.setCurrentIndex(index)
        qtbot.waitUntil(lambda: window.tabs.currentWidget().isVisible())
        QApplication.processEvents()
        for label in window.tabs.currentWidget().findChildren(QLabel):
            if label.isVisible() and not label.wordWrap():
                assert label.width() >= label.minimumSizeHint().width(), label.text()
    for plot in window.plots:
        title = plot.title
        assert not title.isVisible() or title.height() >= title.heightForWidth(title.width()), plot.accessibleName()
    for box in window.toolbar.findChildren(QAbstractSpinBox):
        assert box.fontMetrics().horizontalAdvance("1000") < box.width() - box.fontMetrics().height()
    assert window.minimumSizeHint().width() <= (1366 if percent == 200 else 1280)


def test_enter_keeps_what_was_typed(window: MainWindow) -> None:
    dialog = preferences(window)
    dialog.scale.setFocus()
    dialog.scale.lineEdit().setText("120")
    QTest.keyClick(dialog.scale, Qt.Key.Key_Return)
    assert window.appearance.scale == 120


def test_the_dialog_follows_the_menu(window: MainWindow) -> None:
    dialog = preferences(window)
    window.commands["theme-dark"].trigger()
    assert dialog.colours.currentData() == "dark"
    dialog.colours.chosen.emit("light")
    assert window.commands["theme-light"].isChecked()
    dialog._reset()
    assert window.appearance.choice == "system" and window.commands["theme-system"].isChecked()


def test_reduced_motion_plays_in_whole_steps(window: MainWindow) -> None:
    cursor = window.session.cursor
    cursor.set_steps(30)
    dialog = preferences(window)
    dialog.calm.click()
    moves: list[float] = []
    cursor.moved.connect(moves.append)
    cursor.set_playing(True)
    for _ in range(100):
        cursor.advance(0.02)
    assert 5 <= len(moves) <= 10 and all(move == round(move) for move in moves)
    assert moves[-1] == pytest.approx(15, abs=3)
    dialog.calm.click()
    cursor.advance(0.02)
    assert cursor.position != round(cursor.position)


def test_calm_playing_comes_to_the_end_and_turns_round(window: MainWindow) -> None:
    cursor = window.session.cursor
    window.appearance.set_calm(True)
    cursor.set_steps(5)
    cursor.set_playing(True)
    moves: list[float] = []
    cursor.moved.connect(moves.append)
    for _ in range(600):
        cursor.advance(0.02)
    assert moves[:6] == [1, 2, 3, 4, 5, 4]
    cursor.set_loop(False)
    for _ in range(600):
        cursor.advance(0.02)
    assert cursor.position == 5 and not cursor.playing

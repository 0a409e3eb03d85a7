"""Docks at the right on a screen with no room for them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, Qt
from pytestqt.qtbot import QtBot

from dnf_studio.gui.frame.main_window import MainWindow
from dnf_studio.gui.frame.window_layout import NarrowScreen

LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea


def make_small(window: MainWindow, qtbot: QtBot) -> None:
    """As narrow as it can be, once Qt has done the layouts that it has put off."""

    def is_small() -> bool:
        window.resize(600, 700)
        return window.width() == window.minimumSizeHint().width()

    qtbot.waitUntil(is_small, timeout=5000)


@pytest.mark.parametrize("key", ["grid-editor", "inspector"])
def test_a_dock_shares_the_place_of_the_settings_and_belongs_to_the_right_once_hidden(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(NarrowScreen, "_available", lambda _self: QRect(0, 0, 700, 2000))
    make_small(window, qtbot)
    dock = window.docks[key]
    if not dock.isHidden():
        window.commands[key].trigger()
    window.commands[key].trigger()
    qtbot.waitUntil(lambda: window.dockWidgetArea(dock) == LEFT, timeout=5000)
    assert window.dock in window.tabifiedDockWidgets(dock)
    qtbot.waitUntil(lambda: not dock.visibleRegion().isEmpty(), timeout=5000)
    window.commands[key].trigger()
    qtbot.waitUntil(lambda: window.dockWidgetArea(dock) == RIGHT, timeout=5000)
    assert dock.isHidden() and not window.dock.isHidden()


def test_the_next_start_has_it_at_the_right(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NarrowScreen, "_available", lambda _self: QRect(0, 0, 700, 2000))
    make_small(window, qtbot)
    dock = window.docks["grid-editor"]
    window.commands["grid-editor"].trigger()
    qtbot.waitUntil(lambda: window.dockWidgetArea(dock) == LEFT, timeout=5000)
    window.workspace.closing.now.emit()
    window.addDockWidget(LEFT, dock)
    window.window_layout.restore((1700, 900))
    assert window.dockWidgetArea(dock) == RIGHT and not dock.isHidden()


def test_a_window_larger_than_the_screen_keeps_its_size(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pictures are taken, of any size."""
    monkeypatch.setattr(NarrowScreen, "_available", lambda _self: QRect(0, 0, 700, 2000))
    window.resize(1700, 900)
    dock = window.docks["grid-editor"]
    window.commands["grid-editor"].trigger()
    qtbot.waitUntil(lambda: not dock.visibleRegion().isEmpty(), timeout=5000)
    qtbot.wait(50)
    assert window.dockWidgetArea(dock) == RIGHT and window.width() == 1700


def test_with_room_it_is_at_the_right(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NarrowScreen, "_available", lambda _self: QRect(0, 0, 4000, 2000))
    dock = window.docks["grid-editor"]
    window.commands["grid-editor"].trigger()
    qtbot.waitUntil(lambda: not dock.visibleRegion().isEmpty(), timeout=5000)
    qtbot.wait(50)
    assert window.dockWidgetArea(dock) == RIGHT

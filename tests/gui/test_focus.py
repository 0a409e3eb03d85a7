"""The way of Tab through the window, and a plot that has the focus shows it and takes the arrow keys."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from dnf_studio.gui.frame.main_window import MainWindow
from tests.gui.scenes import frame_of, pixels, share_near


@pytest.fixture
def focused(still_window: MainWindow, qtbot: QtBot) -> MainWindow:
    """The window, active, with a frame in its views."""
    still_window.activateWindow()
    still_window.live.show(frame_of(steps=10))
    qtbot.waitUntil(lambda: QApplication.focusWidget() is not None)
    return still_window


def tab_round(window: MainWindow) -> list[QWidget]:
    """Every stop from the first until it comes again."""
    stops: list[QWidget] = []
    for _ in range(200):
        now = QApplication.focusWidget()
        assert now is not None
        if now in stops:
            return stops
        stops.append(now)
        QTest.keyClick(now, Qt.Key.Key_Tab)
    raise AssertionError("Tab does not come round")


def test_tab_goes_from_toolbar_to_views_to_panels(focused: MainWindow) -> None:
    window = focused
    stops = tab_round(window)
    parts = {"toolbar": window.toolbar, "views": window.views, "panels": window.dock}
    row = [next(name for name, part in parts.items() if part.isAncestorOf(stop)) for stop in stops]
    begin = row.index("toolbar")
    row = row[begin:] + row[:begin]
    assert [name for place, name in enumerate(row) if row[place - 1] != name] == ["toolbar", "views", "panels"]
    assert [plot.plot for plot in window.plots if plot.isVisible()] == [
        stop for stop in stops if stop in {plot.plot for plot in window.plots}
    ]


def test_the_bar_comes_between_toolbar_and_views(focused: MainWindow) -> None:
    window = focused
    window.parts["training"].bar.setVisible(True)
    for button in window.parts["training"].bar.buttons.values():
        button.setEnabled(True)
    stops = tab_round(window)
    places = [stops.index(button) for button in window.parts["training"].bar.buttons.values()]
    assert places == sorted(places)
    assert stops[places[0] - 1] is window.toolbar.dice
    assert stops[(places[-1] + 1) % len(stops)] is window.plots["forward"].plot


def test_the_window_begins_on_a_plot_where_space_plays(focused: MainWindow) -> None:
    assert QApplication.focusWidget() is focused.plots["forward"].plot
    QTest.keyClick(focused.plots["forward"].plot, Qt.Key.Key_Space)
    assert focused.session.cursor.playing


def test_arrows_step_the_cursor_from_every_plot(focused: MainWindow) -> None:
    cursor = focused.session.cursor
    for plot in focused.plots:
        plot.plot.setFocus(Qt.FocusReason.TabFocusReason)
        cursor.go(4)
        QTest.keyClick(plot.plot, Qt.Key.Key_Right)
        assert cursor.position == pytest.approx(5), plot.accessibleName()
        QTest.keyClick(plot.plot, Qt.Key.Key_Left)
        assert cursor.position == pytest.approx(4), plot.accessibleName()


def test_a_ring_is_around_a_plot_reached_with_the_keyboard(focused: MainWindow) -> None:
    plot = focused.plots["disagreement"]
    before = share_near(pixels(plot)[:2], plot.theme.accent, 10)
    plot.plot.setFocus(Qt.FocusReason.TabFocusReason)
    assert before < 0.01 and share_near(pixels(plot)[:2], plot.theme.accent, 10) > 0.95
    focused.plots["loss"].plot.setFocus(Qt.FocusReason.MouseFocusReason)
    for other in (plot, focused.plots["loss"]):
        assert share_near(pixels(other)[:2], other.theme.accent, 10) < 0.01

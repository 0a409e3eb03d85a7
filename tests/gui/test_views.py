"""What the views paint while another model is on its way."""

from __future__ import annotations

from collections.abc import Callable

from pytestqt.qtbot import QtBot

from dnf_studio.gui.main_window import MainWindow


def test_nothing_is_painted_between_an_opening_and_its_first_frame(
    window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot
) -> None:
    views, held = window.views, list[bool]()
    window.studio.opened.connect(lambda _opened: held.append(views.updatesEnabled()))
    open_in("circle")
    assert held == [False] and views.updatesEnabled() and views.forward.plot.updatesEnabled()


def test_views_whose_frame_does_not_come_are_painted_again(still_window: MainWindow, qtbot: QtBot) -> None:
    still_window.views.hold()
    assert not still_window.views.updatesEnabled()
    qtbot.waitUntil(still_window.views.updatesEnabled, timeout=5_000)

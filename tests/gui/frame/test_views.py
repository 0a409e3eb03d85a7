"""What the views paint while another model is on its way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.gui.frame.main_window import MainWindow


def test_nothing_is_painted_between_an_opening_and_its_first_frame(
    window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot
) -> None:
    views, held = window.views, list[bool]()
    window.studio.opened.connect(lambda _opened: held.append(views.updatesEnabled()))
    open_in("circle")
    assert held == [False] and views.updatesEnabled() and window.plots["forward"].plot.updatesEnabled()


@pytest.mark.usefixtures("few_points")
def test_nothing_of_the_excess_of_one_model_is_shown_with_another(
    window: MainWindow, open_in: Callable[[str], None], qtbot: QtBot
) -> None:
    """Their settings are the same."""
    left = list[object]()
    open_in("diffflow-rings")
    qtbot.waitUntil(lambda: window.live.excess is not None, timeout=20_000)
    request, first = window.live.frame.request, window.live.excess
    plot = window.plots["disagreement"]
    window.studio.opened.connect(lambda _opened: left.append((window.live.excess, plot.limits)))
    open_in("diffflow-checkerboard")
    assert left == [(None, None)] and window.live.frame.request == request
    qtbot.waitUntil(lambda: window.live.excess is not None and plot.limits is not None, timeout=20_000)
    assert window.live.excess.frame.weights == window.studio.current.snapshot.version
    assert window.live.excess.frame.forward.shape == first.frame.forward.shape
    assert not (window.live.excess.frame.forward[0] == first.frame.forward[0]).all()


def test_views_whose_frame_does_not_come_are_painted_again(still_window: MainWindow, qtbot: QtBot) -> None:
    still_window.views._suspend_painting()
    assert not still_window.views.updatesEnabled()
    qtbot.waitUntil(still_window.views.updatesEnabled, timeout=5_000)


def test_both_rows_are_painted_in_turns_of_their_own_after_a_frame(still_window: MainWindow) -> None:
    views, seen = still_window.views, list[list[bool]]()
    still_window.workspace.comparison.frame_shown.emit(None)
    for _ in range(3):
        seen.append([row.updatesEnabled() for row in (views.above, views.below)])
        if views._held:
            views._next.stop()
            views._paint_row()
    assert seen == [[False, False], [True, False], [True, True]]


def test_a_picture_shows_what_waits_to_be_painted(still_window: MainWindow) -> None:
    views, plot = still_window.views, still_window.plots["loss"]
    before = plot.pictures.picture()
    views._hold_rows()
    assert plot.pictures.picture() == before and views.below.updatesEnabled()

"""Work in the background: answered once, in the window's thread, the newest only where only that counts."""

from __future__ import annotations

from threading import Event, current_thread, main_thread

import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.gui.workspace.background import Background, Newest


@pytest.fixture
def background(qtbot: QtBot) -> Background:
    return Background()


def fail(error: Exception) -> None:
    raise AssertionError(error)


def test_an_answer_comes_in_the_thread_of_the_window(background: Background, qtbot: QtBot) -> None:
    found: list[object] = []
    background.run(lambda: current_thread() is main_thread(), found.append, fail)
    background.run(lambda: 1 / 0, fail, lambda error: found.append((type(error), current_thread() is main_thread())))
    qtbot.waitUntil(lambda: len(found) == 2)
    assert set(found) == {False, (ZeroDivisionError, True)}


def test_what_is_asked_last_is_answered_alone_however_late_the_first_ends(background: Background, qtbot: QtBot) -> None:
    newest, release, found = Newest(background), Event(), []
    newest.run(lambda: release.wait(20) and "first", found.append, fail)
    newest.run(lambda: "second", found.append, fail)
    assert newest.waiting
    qtbot.waitUntil(lambda: found == ["second"])
    assert not newest.waiting
    with qtbot.waitSignal(background.busy_changed, check_params_cb=lambda busy: not busy):
        release.set()
    assert found == ["second"] and not newest.waiting


def test_nothing_begins_once_it_is_closed(background: Background) -> None:
    ran: list[int] = []
    background.close()
    background.run(lambda: ran.append(1), fail, fail)
    background.close()
    assert ran == [] and not background._waiting

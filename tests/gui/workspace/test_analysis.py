"""Long looks at a model: in order, the newest question only, and nothing after leaving."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event, current_thread, main_thread

import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.gui.workspace.analysis import Analysis

Left = Callable[[], bool]


@pytest.fixture
def analysis(qtbot: QtBot) -> Iterator[Analysis]:
    made = Analysis()
    yield made
    made.close()


@pytest.fixture
def told(analysis: Analysis) -> list[object]:
    heard: list[object] = []
    analysis.found.connect(heard.append)
    analysis.failed.connect(heard.append)
    analysis.ended.connect(lambda whole: heard.append("whole" if whole else "left"))
    return heard


def test_results_come_in_order_to_the_thread_of_the_window(
    analysis: Analysis, told: list[object], qtbot: QtBot
) -> None:
    threads = []
    analysis.found.connect(lambda _: threads.append(current_thread()))

    def work(_left: Left) -> Iterator[object]:
        assert current_thread() is not main_thread()
        yield from (0, 1, 2)

    analysis.start(work)
    assert analysis.running
    qtbot.waitUntil(lambda: not analysis.running)
    assert told == [0, 1, 2, "whole"]
    assert set(threads) == {main_thread()}


def test_what_fails_is_told_after_what_was_found(analysis: Analysis, told: list[object], qtbot: QtBot) -> None:
    problem = ValueError("no")

    def work(_left: Left) -> Iterator[object]:
        yield 1
        raise problem

    analysis.start(work)
    qtbot.waitUntil(lambda: not analysis.running)
    assert told == [1, problem, "left"]


def test_a_newer_question_silences_the_one_before(analysis: Analysis, told: list[object], qtbot: QtBot) -> None:
    begun, go_on, seen = Event(), Event(), []

    def first(left: Left) -> Iterator[object]:
        yield "first"
        begun.set()
        go_on.wait(10)
        seen.append(left())
        yield "late"

    analysis.start(first)
    qtbot.waitUntil(begun.is_set)
    analysis.start(lambda _left: ["second"])
    go_on.set()
    qtbot.waitUntil(lambda: not analysis.running)
    analysis.close()
    # What was already on its way when the question changed is not told either
    assert told[-2:] == ["second", "whole"]
    assert "late" not in told
    assert seen == [True]


def test_cancel_tells_once_that_not_all_came(analysis: Analysis, told: list[object], qtbot: QtBot) -> None:
    waiting = Event()

    def work(left: Left) -> Iterator[object]:
        while not left():
            waiting.wait(0.01)
        yield "late"

    analysis.start(work)
    analysis.cancel()
    analysis.cancel()
    assert not analysis.running
    assert told == ["left"]
    analysis.close()
    qtbot.wait(20)
    assert told == ["left"]

"""Work in the background: results in order and in the window's thread, one way to cancel, one place to close."""

from __future__ import annotations

import gc
import os
import sys
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event, current_thread, get_native_id, main_thread
from time import monotonic

import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.errors import Cancelled, Check, ExportError
from dnf_studio.workers.background import Background, Newest, Task, Work
from dnf_studio.workers.threads import BEHIND, NICEST


@pytest.fixture
def background(qtbot: QtBot) -> Iterator[Background]:
    made = Background()
    yield made
    made.close()


@pytest.fixture(params=[False, True], ids=["task", "newest"])
def start(request: pytest.FixtureRequest, background: Background) -> Callable[[Work[object]], list[object]]:
    """Begins work alone or as the newest; returns what is told of it."""

    def begin(work: Work[object]) -> list[object]:
        told: list[object] = []
        how = Newest(background) if request.param else background
        how.start(work, told.append, told.append, lambda whole: told.append("whole" if whole else "ended"))
        return told

    return begin


def fail(error: object) -> None:
    raise AssertionError(error)


def endless(check: Check) -> Iterator[object]:
    yield "first"
    while True:
        check()


def test_results_come_in_order_to_the_thread_of_the_window(background: Background, qtbot: QtBot) -> None:
    told: list[object] = []
    threads = set()

    def work(_check: Check) -> Iterator[object]:
        assert current_thread() is not main_thread()
        yield from (0, 1, None)

    def tell(what: object) -> None:
        told.append(what)
        threads.add(current_thread())

    task = background.start(work, tell, fail, tell)
    assert task.running and background.busy
    qtbot.waitUntil(lambda: not task.running)
    assert told == [0, 1, None, True] and threads == {main_thread()} and not background.busy


def test_what_fails_is_told_after_what_was_found(
    start: Callable[[Work[object]], list[object]], background: Background, qtbot: QtBot
) -> None:
    problem = ExportError("The disk is full.")

    def work(_check: Check) -> Iterator[object]:
        yield 1
        raise problem

    told = start(work)
    qtbot.waitUntil(lambda: not background.busy)
    assert told == [1, problem, "ended"]


def test_work_that_cannot_begin_fails(
    start: Callable[[Work[object]], list[object]], background: Background, qtbot: QtBot
) -> None:
    told = start(lambda _check: iter([1 // 0]))
    qtbot.waitUntil(lambda: not background.busy)
    assert isinstance(told[0], ZeroDivisionError) and told[1:] == ["ended"]


def test_an_answer_comes_in_the_thread_of_the_window(background: Background, qtbot: QtBot) -> None:
    found: list[object] = []
    background.run(lambda: current_thread() is main_thread(), found.append, fail)
    background.run(lambda: 1 / 0, fail, lambda error: found.append((type(error), current_thread() is main_thread())))
    qtbot.waitUntil(lambda: len(found) == 2)
    assert set(found) == {False, (ZeroDivisionError, True)}


@pytest.mark.skipif(sys.platform != "linux", reason="single threads have a priority on Linux only")
def test_work_stands_back_behind_the_window_but_for_a_training(background: Background, qtbot: QtBot) -> None:
    def nice() -> int:
        return os.getpriority(os.PRIO_PROCESS, get_native_id())

    found, before = list[int](), nice()
    background.run(nice, found.append, fail, behind=False)
    background.run(nice, found.append, fail)
    qtbot.waitUntil(lambda: len(found) == 2)
    assert sorted(found) == [before, min(before + BEHIND, NICEST)] and nice() == before


def test_a_cancelled_task_ends_within_a_step_and_says_so_once_it_has(background: Background, qtbot: QtBot) -> None:
    told: list[object] = []
    task = background.start(endless, told.append, fail, told.append)
    qtbot.waitUntil(lambda: told == ["first"])
    task.cancel()
    assert task.running and task.cancelled
    qtbot.waitUntil(lambda: not task.running)
    assert told == ["first", False] and task.wait(0)


def test_a_cancelled_task_ends_between_two_results_and_its_generator_is_closed(
    background: Background, qtbot: QtBot
) -> None:
    told: list[object] = []
    closed: list[bool] = []
    asked = Event()

    def work(_check: Check) -> Iterator[object]:
        try:
            yield 1
            asked.wait(10)
            yield 2
            yield 3
        finally:
            closed.append(current_thread() is not main_thread())

    task = background.start(work, told.append, fail, told.append)
    qtbot.waitUntil(lambda: told == [1])
    task.cancel()
    asked.set()
    qtbot.waitUntil(lambda: not task.running)
    # What was found all the same is told: it may be that a file is in place
    assert told == [1, 2, False] and closed == [True]


def test_a_task_lets_a_check_be_asked_about_it() -> None:
    task = Task()
    task.check()
    task.cancel()
    with pytest.raises(Cancelled):
        task.check()
    assert not task.running and task.wait(0)


def test_a_newer_question_silences_the_one_before(background: Background, qtbot: QtBot) -> None:
    begun, go_on = Event(), Event()
    told: list[object] = []
    seen: list[str] = []
    newest = Newest(background)

    def first(check: Check) -> Iterator[object]:
        yield "first"
        begun.set()
        go_on.wait(10)
        try:
            check()
        except Cancelled:
            seen.append("cancelled")
            raise
        yield "late"

    newest.start(first, told.append, fail, told.append)
    qtbot.waitUntil(begun.is_set)
    newest.start(lambda _check: ["second"], told.append, fail, told.append)
    go_on.set()
    qtbot.waitUntil(lambda: not background.busy)
    # What was already on its way when the question changed may have come before, and nothing after it
    assert told[-2:] == ["second", True] and "late" not in told and told.count(False) == 0
    assert seen == ["cancelled"] and not newest.running


def test_what_is_asked_last_is_answered_alone_however_late_the_first_ends(background: Background, qtbot: QtBot) -> None:
    newest, release = Newest(background), Event()
    found: list[object] = []
    newest.run(lambda: release.wait(20) and "first", found.append, fail)
    newest.run(lambda: "second", found.append, fail)
    assert newest.running
    qtbot.waitUntil(lambda: found == ["second"])
    assert not newest.running and background.busy
    release.set()
    qtbot.waitUntil(lambda: not background.busy)
    assert found == ["second"] and not newest.running


def test_cancelling_the_newest_tells_once_that_not_all_came(background: Background, qtbot: QtBot) -> None:
    told: list[object] = []
    newest = Newest(background)
    newest.start(endless, lambda _result: None, fail, told.append)
    newest.cancel()
    newest.cancel()
    assert not newest.running and told == [False]
    qtbot.waitUntil(lambda: not background.busy)
    assert told == [False]


def test_what_is_to_follow_an_answer_follows_that_alone(background: Background, qtbot: QtBot) -> None:
    found: list[object] = []
    newest = Newest(background)
    newest.run(lambda: 1, found.append, fail)
    newest.after(lambda: found.append("after"))
    qtbot.waitUntil(lambda: not background.busy)
    assert found == [1, "after"]
    newest.run(lambda: 1 / 0, fail, lambda _error: found.append("failed"))
    newest.after(lambda: fail("nothing follows what fails"))
    qtbot.waitUntil(lambda: not background.busy)
    newest.run(lambda: 2, found.append, fail)
    newest.after(lambda: fail("nothing follows what is asked no more"))
    newest.run(lambda: 3, found.append, fail)
    qtbot.waitUntil(lambda: not background.busy)
    assert found == [1, "after", "failed", 3]


def test_closing_cancels_waits_and_tells_nothing_more(background: Background, qtbot: QtBot) -> None:
    told: list[object] = []
    tasks = [background.start(endless, lambda _result: None, fail, told.append) for _ in range(3)]
    background.close()
    assert all(task.wait(0) for task in tasks) and not background.busy
    qtbot.wait(20)
    assert told == []


def test_closing_waits_a_bounded_time_for_what_cannot_be_cancelled(background: Background) -> None:
    release = Event()
    tasks = [background.run(lambda: release.wait(20), fail, fail) for _ in range(3)]
    began = monotonic()
    background.close(0.1)
    assert monotonic() - began < 5 and not any(task.wait(0) for task in tasks)
    release.set()
    assert all(task.wait(10) for task in tasks)


def test_what_was_begun_with_no_check_is_done_before_it_closes(background: Background) -> None:
    done: list[int] = []
    background.run(lambda: done.append(1), fail, fail)
    background.close()
    assert done == [1]


def test_nothing_begins_once_it_is_closed(background: Background) -> None:
    ran: list[int] = []
    background.close()
    task, newest = background.run(lambda: ran.append(1), fail, fail), Newest(background)
    newest.run(lambda: ran.append(1), fail, fail)
    background.close()
    assert ran == [] and not task.running and not newest.running and not background.busy


class Held:
    """Something large, such as a run."""


@pytest.mark.parametrize("cancelled", [False, True])
def test_nothing_is_kept_of_a_request_that_has_ended(background: Background, qtbot: QtBot, cancelled: bool) -> None:
    newest, held, release, found = Newest(background), Held(), Event(), list[weakref.ref[Held]]()

    def work() -> Held:
        release.wait(5)
        made = Held()
        found.append(weakref.ref(made))
        return made

    seen = weakref.ref(held)
    newest.run(work, partial(lambda _held, _made: None, held), fail)
    del held
    if cancelled:
        newest.cancel()
    release.set()
    qtbot.waitUntil(lambda: not background.busy and len(found) == 1)
    # The thread lets go of what it made after it has told
    qtbot.waitUntil(lambda: gc.collect() >= 0 and seen() is None and found[0]() is None)

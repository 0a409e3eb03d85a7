"""The explorer's thread stands back behind the window and the training, where the system knows such a thing."""

from __future__ import annotations

import os
import sys
from threading import get_native_id
from time import monotonic, sleep

import pytest

from dnf_studio.workers.explorer import Explorer
from dnf_studio.workers.priority import NICER, NICEST, stand_back
from dnf_studio.workers.python_thread import run_in_python_thread

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="single threads have a priority on Linux only")


def nice(thread: int | None = None) -> int:
    return os.getpriority(os.PRIO_PROCESS, thread or get_native_id())


def test_the_explorer_stands_back_and_the_window_does_not() -> None:
    before, explorer = nice(), Explorer()
    thread = explorer._thread.native_id
    until = monotonic() + 30
    while nice(thread) == before and monotonic() < until:
        sleep(0.01)
    assert nice(thread) == min(before + NICER, NICEST)
    assert explorer.close() and nice() == before


def test_there_is_an_end_to_it() -> None:
    seen = []

    def again() -> None:
        for _ in range(NICEST):
            stand_back()
            seen.append(nice())

    run_in_python_thread(again, "work")
    assert seen == sorted(seen) and seen[-1] == NICEST


def test_where_it_is_forbidden_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_numbers: int) -> None:
        raise PermissionError

    before = nice()
    monkeypatch.setattr(os, "setpriority", refuse)
    stand_back()
    assert nice() == before

"""Mailboxes between threads; the explorer's thread gives way to the window and the training where that can be."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from threading import get_native_id
from time import monotonic, sleep

import numpy as np
import pytest

from dnf_studio.core.training.record import StepReport
from dnf_studio.workers.explorer import Explorer
from dnf_studio.workers.threads import BEHIND, LESS, NICEST, Mailbox, ReportLog, stand_back

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="single threads have a priority on Linux only")


def report(iteration: int) -> StepReport:
    return StepReport(iteration, 1.0, 3, np.zeros(3, np.float32), 0.01, 1.0, 0.0)


def test_newest_wins_and_taking_empties() -> None:
    box: Mailbox[int] = Mailbox()
    assert box.take() is None
    box.put(1)
    box.put(2)
    assert box.take() == 2
    assert box.take() is None


def test_no_report_is_lost_or_out_of_order_between_threads() -> None:
    log, taken = ReportLog(), []
    writer = threading.Thread(target=lambda: [log.append(report(i)) for i in range(20_000)])
    writer.start()
    while writer.is_alive():
        taken += log.take()
    writer.join()
    taken += log.take()
    assert [r.iteration for r in taken] == list(range(20_000))
    assert log.take() == []


def nice(thread: int | None = None) -> int:
    return os.getpriority(os.PRIO_PROCESS, thread or get_native_id())


@on_linux
def test_the_explorer_stands_back_and_the_window_does_not() -> None:
    before, explorer = nice(), Explorer()
    thread = explorer._thread.native_id
    until = monotonic() + 30
    while nice(thread) == before and monotonic() < until:
        sleep(0.01)
    assert nice(thread) == min(before + BEHIND, NICEST)
    assert explorer.close() and nice() == before


@on_linux
def test_there_is_an_end_to_it() -> None:
    seen = []

    def again() -> None:
        for _ in range(NICEST):
            stand_back()
            seen.append(nice())

    thread = threading.Thread(target=again)
    thread.start()
    thread.join()
    assert seen == sorted(seen) and seen[-1] == NICEST


@on_linux
def test_where_it_is_forbidden_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_numbers: int) -> None:
        raise PermissionError

    before = nice()
    monkeypatch.setattr(os, "setpriority", refuse)
    stand_back()
    assert nice() == before


PROCESS = """
import os, threading
from pathlib import Path
from dnf_studio.workers.threads import let_others_first
ends, threads = threading.Event(), []
for begin in (lambda: None, let_others_first):
    begin()
    threads.append(threading.Thread(target=ends.wait))
    threads[-1].start()
print(*(os.getpriority(os.PRIO_PROCESS, one) for one in (os.getpid(), *(thread.native_id for thread in threads))))
group = Path("/proc/self/autogroup")
print(group.read_text().split()[-1] if group.exists() else "none")
ends.set()
"""


@on_linux
def test_a_process_stands_back_with_all_its_threads_and_its_group() -> None:
    command = [sys.executable, "-c", PROCESS]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, start_new_session=True, check=True)
    priorities, group = said.stdout.splitlines()
    assert [int(word) for word in priorities.split()] == [min(max(nice(), 0) + LESS, NICEST)] * 3
    assert group in (str(LESS), "none")

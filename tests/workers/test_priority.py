"""Work that can wait has a lower priority than the window, where the system knows such a thing."""

from __future__ import annotations

import os
import subprocess
import sys
from threading import get_native_id

import pytest

from dnf_studio.workers.priority import BEHIND, NICEST, let_the_window_go_first
from dnf_studio.workers.python_thread import run_in_python_thread

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="single threads have a priority on Linux only")
NICE_OF_A_CHILD = [sys.executable, "-c", "import os; print(os.getpriority(os.PRIO_PROCESS, 0))"]


def nice() -> int:
    return os.getpriority(os.PRIO_PROCESS, get_native_id())


def test_a_worker_and_what_it_starts_stand_back_and_the_window_does_not() -> None:
    before, seen = nice(), []

    def work() -> None:
        let_the_window_go_first()
        seen.extend([nice(), int(subprocess.check_output(NICE_OF_A_CHILD))])

    run_in_python_thread(work, "work")
    assert seen == [min(before + BEHIND, NICEST)] * 2
    assert nice() == before


def test_there_is_an_end_to_it() -> None:
    seen = []

    def again() -> None:
        for _ in range(NICEST):
            let_the_window_go_first()
            seen.append(nice())

    run_in_python_thread(again, "work")
    assert seen == sorted(seen) and seen[-1] == NICEST

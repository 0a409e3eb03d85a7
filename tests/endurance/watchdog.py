"""Stalls of the event loop, with what the main thread was doing, told apart from times in which it could not run."""

from __future__ import annotations

import faulthandler
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer, Slot

STALL = 0.25
"""Seconds between two turns of the event loop from which on it stalls."""
TICK_MS, LOOK = 10, 0.05
WAITING = "threading.py", "selectors.py", "connection.py", "subprocess.py", "queue.py", "popen_", "socket.py"
"""Parts of the files whose functions wait."""
MOST_STACKS = 400
HANGS = 120.0
"""Seconds of its own after which the main thread hangs, and the process ends itself with the code 3."""


@dataclass
class Stall:
    """One stall, in seconds; `held` is what remains of `wall` without the times in which nothing let it run."""

    wall: float
    stopped: float
    """In which the whole process was stopped: the watchdog came late and the process had used no processor."""
    waited: float
    """In which the main thread could run and had no core."""
    cpu: float
    """Seconds of the processor that the main thread used."""
    others: list[list[str]] = field(default_factory=list)
    """What the threads did that it may have waited for."""
    stacks: list[list[str]] = field(default_factory=list)
    """Of the main thread, innermost call first, every `LOOK` seconds of the stall."""

    @property
    def held(self) -> float:
        """Seconds for which nothing but the loop's own work held it: with a thread that holds Python's lock and has no
        core it is too much, on a machine that has other work."""
        return max(self.cpu, self.wall - self.stopped - self.waited)

    @property
    def own(self) -> float:
        """Seconds of its work, and of its waiting for other threads and processes, whatever else the machine does."""
        waits = sum(1 for one in self.stacks if one and any(name in one[0] for name in WAITING))
        return self.cpu + max(0.0, self.wall - self.stopped - self.waited - self.cpu) * waits / max(1, len(self.stacks))

    @property
    def imports(self) -> bool:
        """Whether most of it was an import."""
        found = sum(1 for one in self.stacks if any("importlib._bootstrap" in line for line in one))
        return 2 * found > len(self.stacks)


class Watchdog(QObject):
    """Calls `told` with every `Stall`, in the main thread and after it; looks from a thread of its own."""

    def __init__(self, told: Callable[[Stall], object]) -> None:
        super().__init__()
        self._told, self._main = told, threading.get_ident()
        self._thread_file = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._file = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        self._stopped = 0.0
        self._begin()
        timer = QTimer(self)
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.setInterval(TICK_MS)
        timer.timeout.connect(self.tick)
        timer.start()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    @Slot()
    def tick(self) -> None:
        """A turn of the event loop: tell of the stall that ends with it."""
        stall = self._now()
        if stall.wall > STALL:
            self._told(stall)
        self._begin()

    def _begin(self) -> None:
        self._last, self._stopped = time.monotonic(), 0.0
        self._seen: list[list[str]] = []
        self.others: list[list[str]] = []
        self._cpu, self._waited = self._used()

    def _used(self) -> tuple[float, float]:
        """Seconds in which the main thread has run, and in which it could have."""
        ran, waited, _ = self._thread_file.read_text().split()
        return int(ran) / 1e9, int(waited) / 1e9

    def _now(self) -> Stall:
        cpu, waited = self._used()
        wall = time.monotonic() - self._last
        return Stall(wall, self._stopped, waited - self._waited, cpu - self._cpu, self.others, list(self._seen))

    def _watch(self) -> None:
        before, used = time.monotonic(), time.process_time()
        while True:
            time.sleep(LOOK)
            now, spent = time.monotonic(), time.process_time()
            late = now - before - LOOK - (spent - used)
            before, used = now, spent
            if late > LOOK:
                self._stopped += late
            # Before it is one, to know of one that is just long enough
            if now - self._last > STALL / 2 and len(self._seen) < MOST_STACKS:
                self._seen.append(self._stack())
            if now - self._last > HANGS:
                stall = self._now()
                if stall.own > HANGS:
                    self._told(stall)
                    sys.stderr.flush()
                    os._exit(3)

    def _stack(self) -> list[str]:
        """The calls of the main thread, innermost first, one a line.

        Not by its frames: to hold one keeps what is in it, such as a painter, which has to end with its paint event.
        """
        self._file.seek(0)
        self._file.truncate()
        faulthandler.dump_traceback(self._file, all_threads=True)
        self._file.seek(0)
        threads = {
            ("main" if f"0x{self._main:016x}" in one else one[:40]): one for one in self._file.read().split("\n\n")
        }
        stacks = {name: _calls(text) for name, text in threads.items()}
        main = stacks.pop("main", [])
        if main and any(name in main[0] for name in WAITING):
            # For whom it waits
            self.others = [one for one in stacks.values() if not any(name in one[0] for name in (*WAITING, "watchdog"))]
        return main


def _calls(text: str) -> list[str]:
    """The innermost calls of a thread as faulthandler writes it."""
    found = re.findall(r'File "(.*)", line (\d+) in (.*)', text)[:24]
    return [f"{'/'.join(Path(file).parts[-3:])}:{line} {name}" for file, line, name in found] or [""]

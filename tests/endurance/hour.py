"""A window that trains, plays and exports: ``python -m tests.endurance.hour SECONDS`` prints its memory and that of its
training process every minute, and whatever goes wrong, one JSON object a line. `test_hour` starts it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Slot

from dnf_studio.gui.features.export.panel import ExportPanel
from dnf_studio.gui.frame.main_window import MainWindow
from tests.endurance.real_window import Record, resident, run

EVERY_MS, EXPORT_EVERY = 1_000, 60
SAMPLES, MANY = 20_000, 10_000_000
STOP = 5.0
"""Seconds between two turns of a timer of one from which on the process has been stopped, and nothing is counted."""


class Hour(QObject):
    """Trains without an end, plays all the time, and exports once a minute into one of two files."""

    def __init__(self, window: MainWindow, record: Record, seconds: int) -> None:
        super().__init__(window)
        self._window, self._record, self._left = window, record, seconds
        self._begun, self._last, self._written = time.monotonic(), time.monotonic(), 0
        window.session.apply({"config.training.iterations": MANY})
        window.studio.train()
        window.session.cursor.set_playing(True)
        panel = window.show_page("Export")
        assert isinstance(panel, ExportPanel)
        self._panel = panel
        window.files.exported.connect(self._count)
        timer = QTimer(self, interval=EVERY_MS)
        timer.timeout.connect(self._tick)
        timer.start()

    @Slot(object)
    def _count(self, _path: object) -> None:
        self._written += 1

    @Slot()
    def _tick(self) -> None:
        now = time.monotonic()
        gone, self._last = now - self._last, now
        if gone >= STOP:
            return
        self._left -= 1
        if self._left % EXPORT_EVERY == 0:
            self._tell()
            self._panel.form.count.setValue(SAMPLES)
            self._panel.form.target.setText(f"{os.getcwd()}/{self._left // EXPORT_EVERY % 2}-{self._left}.h5")
            self._panel.start()
            for old in sorted(Path.cwd().glob("*.h5"), key=lambda file: file.stat().st_mtime)[:-2]:
                old.unlink()
        if self._left <= 0:
            self._record.tell("done", written=self._written)
            self._left = 10**9
            os.kill(os.getpid(), signal.SIGTERM)

    def _tell(self) -> None:
        run_ = self._window.studio.training.run
        children = [child.pid for child in multiprocessing.active_children() if child.pid is not None]
        self._record.doing = f"{self._left} s left"
        self._record.tell(
            "memory",
            window=round(resident()),
            training=round(sum(resident(pid) for pid in children)),
            iteration=None if run_ is None else run_.iteration,
            written=self._written,
            playing=self._window.session.cursor.playing,
        )


if __name__ == "__main__":
    sys.exit(run(lambda window, record: Hour(window, record, int(sys.argv[1])), 0))

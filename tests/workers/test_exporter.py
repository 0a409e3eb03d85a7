from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from pytestqt.qtbot import QtBot

from dnf_studio.errors import ExportError
from dnf_studio.workers.exporter import ExportWorker


@dataclass(frozen=True)
class Progress:
    done: int
    total: int
    seconds: float = 0.0
    seconds_left: float = 0.0


class FakeExport:
    """Steps of an export that remembers how it was left."""

    def __init__(self, total: int, fail_at: int | None = None) -> None:
        self.total, self.fail_at = total, fail_at
        self.threads: set[int] = set()
        self.closed_early = False

    def __call__(self) -> Generator[Any]:
        self.threads.add(threading.get_ident())
        try:
            for done in range(1, self.total + 1):
                if done == self.fail_at:
                    raise ExportError("The disk is full.")
                yield Progress(done, self.total)
                time.sleep(0.001)
        except GeneratorExit:
            self.closed_early = True
            raise


def run(qtbot: QtBot, export: Callable[[], Generator[Any]], cancel: bool = False) -> tuple[str, ExportWorker]:
    worker = ExportWorker(export, "/there/x.h5")
    outcome: list[str] = []
    worker.finished_export.connect(lambda path: outcome.append(path))
    worker.failed.connect(lambda text: outcome.append(text))
    worker.cancelled.connect(lambda: outcome.append("cancelled"))
    with qtbot.waitSignal(worker.finished, timeout=5000):
        worker.start()
        if cancel:
            qtbot.waitUntil(lambda: worker.progress.take() is not None, timeout=5000)
            worker.cancel()
    qtbot.waitUntil(lambda: bool(outcome), timeout=5000)
    worker.wait()
    (only,) = outcome
    return only, worker


def test_an_export_ends_with_its_path(qtbot: QtBot) -> None:
    export = FakeExport(5)
    outcome, worker = run(qtbot, export)
    assert outcome == "/there/x.h5" and not export.closed_early
    assert threading.get_ident() not in export.threads
    assert worker.progress.take() == Progress(5, 5)


def test_cancel_closes_the_iterator(qtbot: QtBot) -> None:
    export = FakeExport(10**9)
    outcome, _ = run(qtbot, export, cancel=True)
    assert outcome == "cancelled" and export.closed_early


def test_an_error_is_one_sentence(qtbot: QtBot) -> None:
    assert run(qtbot, FakeExport(5, fail_at=3))[0] == "The disk is full."

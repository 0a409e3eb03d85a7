"""What the folder of a run costs the training, and how soon new weights in it are seen in a window that watches.

Needs an idle machine: ``xvfb-run -a pytest -m bench -s tests/bench/test_run_folder.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, perf_counter

import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.config import Config
from dnf_studio.core.storage.run_lock import RunLock
from dnf_studio.core.training.run import Run
from dnf_studio.core.training.run_log import RunLog
from dnf_studio.gui.features.watching.controller import WatchingController
from dnf_studio.gui.frame.main_window import MainWindow

pytestmark = pytest.mark.bench
SECONDS = 40.0
MOST_SHARE, MOST_SECONDS = 0.02, 2.0
TIMES = 8


class Stopwatch:
    """Adds up the seconds that calls take."""

    seconds = 0.0

    def around(self, function: Callable[..., object]) -> Callable[..., object]:
        def timed(*given: object, **named: object) -> object:
            began = perf_counter()
            try:
                return function(*given, **named)
            finally:
                self.seconds += perf_counter() - began

        return timed


@pytest.mark.parametrize("batch", [512, 5000])
def test_a_log_costs_at_most_two_percent(tmp_path: Path, batch: int) -> None:
    """Everything that ``--log`` adds is counted: copies in memory, lines, files of weights, autosaves left out."""
    run = Run(Config.create({"data": "rings", "training": {"batch": batch, "seconds": SECONDS}}))
    watch = Stopwatch()
    run.snapshots.note = watch.around(run.snapshots.note)  # type: ignore[method-assign]
    log = RunLog(RunLock.take(tmp_path / "run"), run)
    began = perf_counter()
    note = watch.around(log.note)
    for report in run:
        note(report)
    whole = perf_counter() - began
    log.end("done")
    share = watch.seconds / (whole - watch.seconds)
    size = sum(path.stat().st_size for path in (tmp_path / "run").rglob("*") if path.is_file())
    print(f"rings, B = {batch:,}: {run.iteration} iterations, the log takes {100 * share:.2f}%, {size / 1e6:.1f} MB")
    assert share < MOST_SHARE


class Far:
    """A run elsewhere whose every iteration seems to last six seconds, so that its weights are always due."""

    def __init__(self, folder: Path) -> None:
        self._now = monotonic()
        self.folder, self.run = folder, Run(Config.create({"data": "rings", "training": {"batch": 64}}), threads=1)
        self._log = RunLog(RunLock.take(folder), self.run, clock=lambda: self._now)
        self._reports = iter(self.run)

    def go_on(self) -> float:
        """An iteration; the moment at which its weights are in the folder."""
        self._now += 6.0
        self._log.note(next(self._reports))
        return perf_counter()


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    made = Far(tmp_path / "rings")
    yield made
    made._log.end("stopped")


def test_new_weights_are_seen_within_two_seconds(live_window: MainWindow, far: Far, qtbot: QtBot) -> None:
    watching, live = live_window.workspace.parts["watching"], live_window.live
    assert isinstance(watching, WatchingController)
    watching.open(str(far.folder))
    qtbot.waitUntil(lambda: live.frame is not None and live.frame.all_points, timeout=30_000)
    waits = []
    for _ in range(TIMES):
        before = live.frame.weights if live.frame is not None else 0
        written = far.go_on()
        qtbot.waitUntil(lambda: live.frame is not None and live.frame.weights > before, timeout=20_000)  # noqa: B023
        waits.append(perf_counter() - written)
    print(f"new weights are seen after {min(waits):.2f} to {max(waits):.2f} s, of {TIMES} times")
    assert max(waits) < MOST_SECONDS

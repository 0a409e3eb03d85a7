from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytestqt.qtbot import QtBot

from dnf_studio.config import Config
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.storage.autosave import Autosave
from dnf_studio.core.training.adjoint import AdjointEngine
from dnf_studio.core.training.record import StepReport
from dnf_studio.core.training.run import Run
from dnf_studio.errors import Cancelled, CheckpointError, DataError, DivergenceError, SettingError
from dnf_studio.workers import snapshot
from dnf_studio.workers.background import Background
from dnf_studio.workers.explorer import Explorer
from dnf_studio.workers.threads import ReportLog
from dnf_studio.workers.training import Trainer, TrainingWorker

SMALL = {"network": {"layers": 1, "channels": 8}, "sde": {"steps": 3}, "training": {"batch": 16, "iterations": 30}}


class FakeRun:
    """Counts; diverges at the iterations told."""

    def __init__(self, iterations: int = 5, diverge_at: tuple[int, ...] = ()) -> None:
        self.flow = DiffFlow(2, Config.create(SMALL))
        self.changes: list[Mapping[str, Any]] = []
        self.threads: set[int] = set()
        self.iteration, self._iterations, self._diverge_at = 0, iterations, set(diverge_at)

    @property
    def finished(self) -> bool:
        return self.iteration >= self._iterations

    def interrupt_when(self, asked: Callable[[], bool]) -> None:
        """It has no iteration that lasts."""

    def apply(self, change: Mapping[str, Any]) -> None:
        if "bad" in change:
            raise SettingError("There is no setting named 'bad'.")
        self.changes.append(change)

    def __iter__(self) -> Iterator[StepReport]:
        while not self.finished:
            self.iteration += 1
            self.threads.add(threading.get_ident())
            if self.iteration in self._diverge_at:
                raise DivergenceError("The loss left the finite numbers.")
            yield StepReport(self.iteration, 1.0, 3, np.zeros(3, np.float32), 0.01, 1.0, 0.0)
            time.sleep(0.001)


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    made = Explorer()
    yield made
    made.close()


Start = Callable[[Callable[[int], Any]], TrainingWorker]


@pytest.fixture
def start(explorer: Explorer) -> Iterator[Start]:
    background, workers = Background(), list[TrainingWorker]()

    def make(make_run: Callable[[int], Any]) -> TrainingWorker:
        workers.append(TrainingWorker(make_run, explorer, ReportLog(), Trainer(), background))
        return workers[-1]

    yield make
    for worker in workers:
        worker.stop()
        assert worker.wait(5)
    background.close()


def test_a_run_is_driven_to_its_end_in_another_thread(qtbot: QtBot, start: Start, explorer: Explorer) -> None:
    run, asked, nice = FakeRun(), [], list[int]()

    def make_run(threads: int) -> FakeRun:
        asked.append(threads)
        nice.append(os.nice(0) if sys.platform != "win32" else 0)
        return run

    worker = start(make_run)
    with qtbot.waitSignals([worker.started_run, worker.finished_run, worker.ended], order="strict", timeout=5000):
        worker.start()
    assert worker._run is run and asked[0] >= 1
    assert nice == [os.nice(0) if sys.platform != "win32" else 0], "it stands back behind nobody, as its process would"
    assert run.threads and threading.get_ident() not in run.threads
    assert [r.iteration for r in worker._reports.take()] == [1, 2, 3, 4, 5]
    assert explorer._wanted.snapshot is not None and explorer._wanted.snapshot.flow is not run.flow


def test_one_core_is_left_to_the_window(qtbot: QtBot, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dnf_studio.core.parallel.worker_threads", lambda: 4)
    asked: list[int] = []
    worker = start(lambda threads: (asked.append(threads), FakeRun(1))[1])
    with qtbot.waitSignal(worker.ended, timeout=5000):
        worker.start()
    assert asked == [3]
    monkeypatch.setattr("dnf_studio.core.parallel.worker_threads", lambda: 1)
    worker = start(lambda threads: (asked.append(threads), FakeRun(1))[1])
    with qtbot.waitSignal(worker.ended, timeout=5000):
        worker.start()
    assert asked == [3, 1]


def test_pause_resume_and_stop(qtbot: QtBot, start: Start) -> None:
    run = FakeRun(10**9)
    worker = start(lambda threads: run)
    with qtbot.waitSignal(worker.started_run, timeout=5000):
        worker.start()
    with qtbot.waitSignal(worker.paused, timeout=5000):
        worker.pause()
    held = run.iteration
    assert worker.is_paused
    worker.apply({"training.learning_rate": 0.1})
    time.sleep(0.03)
    assert run.iteration == held and run.changes == [{"training.learning_rate": 0.1}]
    with qtbot.waitSignal(worker.resumed, timeout=5000):
        worker.resume()
    qtbot.waitUntil(lambda: run.iteration > held, timeout=5000)
    worker.pause()
    with qtbot.waitSignals([worker.finished_run, worker.ended], timeout=5000):
        worker.stop()
    assert not worker._task.running


def test_a_divergence_pauses_and_may_be_resumed(qtbot: QtBot, start: Start) -> None:
    run = FakeRun(6, diverge_at=(3,))
    worker = start(lambda threads: run)
    with qtbot.waitSignals([(worker.diverged, "diverged"), (worker.paused, "paused")], order="strict") as caught:
        worker.start()
    assert str(caught.all_signals_and_args[0].args[0]) == "The loss left the finite numbers."
    assert worker.is_paused and worker._task.running
    with qtbot.waitSignal(worker.finished_run, timeout=5000):
        worker.resume()
    assert [r.iteration for r in worker._reports.take()] == [1, 2, 4, 5, 6]


def test_a_state_that_cannot_be_kept_is_told_once(
    qtbot: QtBot, explorer: Explorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Autosave, _state: object) -> None:
        raise CheckpointError("The disk is full.")

    monkeypatch.setattr(Autosave, "keep", fail)
    monkeypatch.setattr(Autosave, "due", True)
    background, told = Background(), list[str]()
    config = Config.create({"data": "moons", **SMALL}).changed({"training.iterations": 4})
    worker = TrainingWorker(
        lambda threads: Run(config, threads=threads), explorer, ReportLog(), Trainer(), background, None, tmp_path
    )
    worker.kept_nowhere.connect(told.append)
    with qtbot.waitSignal(worker.finished_run, timeout=10_000):
        worker.start()
    worker.stop()
    assert worker.wait(5) and told == ["The disk is full."]
    background.close()


def test_iterations_that_are_lost_are_told(qtbot: QtBot, start: Start) -> None:
    class Losing(FakeRun):
        """As when its process is killed: once, from 4 back to 2."""

        lost = False

        def __iter__(self) -> Iterator[StepReport]:
            for report in super().__iter__():
                yield report
                if report.iteration == 4 and not self.lost:
                    self.iteration, self.lost = 2, True

    worker = start(lambda threads: Losing(6))
    told: list[int] = []
    worker.went_back.connect(told.append)
    with qtbot.waitSignal(worker.finished_run, timeout=5000):
        worker.start()
    assert [r.iteration for r in worker._reports.take()] == [1, 2, 3, 4, 3, 4, 5, 6]
    qtbot.waitUntil(lambda: told == [2], timeout=2000)


def test_a_run_that_cannot_be_made_says_so_and_ends(qtbot: QtBot, start: Start) -> None:
    def fail(threads: int) -> FakeRun:
        raise DataError("The file 'x.csv' does not exist.")

    worker = start(fail)
    with qtbot.assertNotEmitted(worker.started_run), qtbot.waitSignal(worker.failed, timeout=5000) as caught:
        worker.start()
    assert caught.args == ["The file 'x.csv' does not exist."]
    assert worker.wait(5)


def test_changes_before_the_run_exists_reach_it_and_wrong_ones_are_raised(qtbot: QtBot, start: Start) -> None:
    run = FakeRun(10**9)
    worker = start(lambda threads: run)
    worker.apply({"sde.steps": 5})
    with qtbot.waitSignal(worker.started_run, timeout=5000):
        worker.start()
    assert run.changes == [{"sde.steps": 5}]
    with pytest.raises(SettingError):
        worker.apply({"bad": 1})


def test_an_early_change_that_cannot_be_is_reported(qtbot: QtBot, start: Start) -> None:
    worker = start(lambda threads: FakeRun())
    worker.apply({"bad": 1})
    with qtbot.waitSignals([worker.failed, worker.ended], timeout=5000):
        worker.start()


def test_weights_are_published_while_a_real_run_trains(
    qtbot: QtBot, start: Start, explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "PUBLISH_SECONDS", 0.0)
    versions: list[int] = []
    monkeypatch.setattr(explorer, "publish", lambda snapshot: versions.append(snapshot.version))
    config = Config.create({"data": "checkerboard", **SMALL})
    worker = start(lambda threads: Run(config, threads=threads))
    with qtbot.waitSignal(worker.finished_run, timeout=20_000):
        worker.start()
    run = worker._run
    assert isinstance(run, Run) and run.iteration == 30
    assert len(versions) == 32 and versions == sorted(set(versions))
    assert len(worker._reports.take()) == 30
    assert all(torch.isfinite(p).all() for p in run.flow.parameters())


def test_a_defect_in_the_run_reaches_the_exception_hook(
    qtbot: QtBot, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = start(lambda threads: 1 // 0)
    with qtbot.captureExceptions() as caught, qtbot.waitSignal(worker.ended, timeout=5000):
        worker.start()
    assert [kind for kind, *_ in caught] == [ZeroDivisionError]


def test_an_iteration_that_lasts_is_given_up(qtbot: QtBot, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paused and gone on with, then stopped, within an iteration that would never end; nothing is lost by it."""
    begun: list[int] = []

    def train(engine: AdjointEngine, *_: object) -> None:
        begun.append(1)
        while True:
            engine.pool.check()
            time.sleep(0.002)

    monkeypatch.setattr(AdjointEngine, "train", train)
    run = Run(Config.create({"data": "moons", **SMALL}), threads=1)
    generator = run._generator.get_state()
    worker = start(lambda _threads: run)
    with qtbot.waitSignal(worker.started_run, timeout=5000):
        worker.start()
    qtbot.waitUntil(lambda: len(begun) == 1, timeout=5000)
    with qtbot.waitSignal(worker.paused, timeout=5000):
        worker.pause()
    worker.resume()
    qtbot.waitUntil(lambda: len(begun) == 2, timeout=5000)
    with qtbot.waitSignals([worker.finished_run, worker.ended], timeout=5000):
        worker.stop()
    assert run.iteration == 0 and not run.finished and torch.equal(run._generator.get_state(), generator)


def test_a_run_that_gave_up_an_iteration_and_is_to_go_on_again_has_not_ended(
    qtbot: QtBot, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resumed between the two: the iteration was given up, and nobody waits any more."""
    begun: list[int] = []

    def train(engine: AdjointEngine, *_: object) -> None:
        begun.append(1)
        if len(begun) < 5:
            raise Cancelled
        while True:
            engine.pool.check()
            time.sleep(0.002)

    monkeypatch.setattr(AdjointEngine, "train", train)
    worker = start(lambda _threads: Run(Config.create({"data": "moons", **SMALL}), threads=1))
    ended: list[bool] = []
    worker.finished_run.connect(lambda: ended.append(True))
    worker.start()
    qtbot.waitUntil(lambda: len(begun) == 5, timeout=5000)
    assert not ended
    with qtbot.waitSignal(worker.ended, timeout=5000):
        worker.stop()

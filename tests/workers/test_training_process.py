"""A run in a process of its own: to the bit what it would have been here, whatever happens on the way."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dnf_studio.config import Config
from dnf_studio.core.training.diagnosis import TrainingDiverged
from dnf_studio.core.training.record import StepReport
from dnf_studio.core.training.run import Run
from dnf_studio.errors import DataError, SettingError
from dnf_studio.workers import training as trainer
from dnf_studio.workers.snapshot import Snapshot
from dnf_studio.workers.training import Trainer
from dnf_studio.workers.training_process import TrainingProcess, _Job, _RunReturned, _Server

CONFIG = Config.create(
    {
        "data": "8gaussian",
        "sde": {"steps": 6},
        "network": {"layers": 1, "channels": 8},
        "training": {"batch": 32, "iterations": 60},
    }
)


def wait(done: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.005)


def same(one: Run, other: Run) -> None:
    """Both runs stand at the same place, to the bit."""
    first, second = one.state(), other.state()
    assert (first.iteration, first.config, first.changes) == (second.iteration, second.config, second.changes)
    assert first.history.as_dict() == second.history.as_dict() and first.marks.all == second.marks.all
    assert torch.equal(first.generator, second.generator)
    for part in ("raw", "average", "exp_avg", "exp_avg_sq"):
        for name, tensor in getattr(first.weights, part).items():
            assert torch.equal(tensor, getattr(second.weights, part)[name]), name
    kept, others = one.snapshots.all, other.snapshots.all
    assert [each.iteration for each in kept] == [each.iteration for each in others]
    for mine, theirs in zip(kept, others, strict=True):
        tensors = theirs.read().tensors
        assert all(torch.equal(tensor, tensors[name]) for name, tensor in mine.read().tensors.items())


def plain(changes: dict[int, dict[str, object]]) -> Run:
    """The run as it is without another process, with changes queued after iterations."""
    run = Run(CONFIG, threads=1)
    for report in run:
        for change in [changes[report.iteration]] if report.iteration in changes else []:
            run.apply(change)
    return run


@pytest.fixture(scope="module")
def process() -> Iterator[TrainingProcess]:
    made = TrainingProcess()
    wait(lambda: made.ready)
    yield made
    made.close()


def test_away_and_at_home_it_is_the_same_run(process: TrainingProcess) -> None:
    run, reports, late = Run(CONFIG, threads=1), list[StepReport](), list[StepReport]()
    ahead = iter(run)
    reports += [next(ahead) for _ in range(7)]
    away = process.train(run, 1, late)
    reports += [next(away)[0] for _ in range(5)]
    away.close()
    reports += late
    assert run.iteration == len(reports)
    reports += [next(ahead) for _ in range(3)]
    reports += [report for report, _ in process.train(run, 1, late)]
    assert [r.iteration for r in reports] == list(range(1, 61)) and run.finished
    other = plain({})
    same(run, other)
    for mine, here in zip(reports, Run(CONFIG, threads=1), strict=True):
        assert mine.loss == here.loss and np.array_equal(mine.disagreement, here.disagreement)


def test_a_flow_is_the_same_run_away(process: TrainingProcess) -> None:
    config = CONFIG.changed({"model": "flow", "training.iterations": 6})
    run, here = Run(config, threads=1), Run(config, threads=1)
    losses = [report.loss for report, _ in process.train(run, 1, [])]
    assert losses == [report.loss for report in here] and run.finished
    same(run, here)


def test_changes_reach_it_and_come_home(process: TrainingProcess) -> None:
    run, late = Run(CONFIG.changed({"training.iterations": 10**6}), threads=1), []
    away = process.train(run, 1, late)
    seen, _ = next(away)
    process.apply(run, {"sde.steps": 9})
    with pytest.raises(SettingError):
        process.apply(run, {"training.seed": 3})
    while seen.steps != 9:
        seen, _ = next(away)
    assert run.config.sde.steps == 9 and len(run.flow.timestamps) == 10
    process.apply(run, {"training.iterations": 1})
    rest = [report for report, _ in away]
    assert [name for _, change in run.changes for name in change] == ["sde.steps", "training.iterations"]
    assert run.finished and run.iteration == (rest[-1] if rest else seen).iteration
    assert all(torch.isfinite(tensor).all() for tensor in run.flow.state_dict().values())


def test_a_change_that_comes_too_late_waits_at_home(process: TrainingProcess) -> None:
    run = Run(CONFIG.changed({"training.iterations": 3}), threads=1)
    away = process.train(run, 1, [])
    next(away)
    wait(lambda: process._connection.poll())
    time.sleep(0.3)
    process.apply(run, {"training.iterations": 5})
    assert len(list(away)) == 2
    assert [report.iteration for report in run] == [4, 5]


def test_copies_of_the_weights_come_while_it_is_away(process: TrainingProcess) -> None:
    """As they come: the run at home has its own until it is back, and each copy has the settings of its moment."""
    run = Run(CONFIG.changed({"training.iterations": 10**6}), threads=1)
    name = "drift.input_embed.weight"
    before, shown = run.flow.state_dict()[name].clone(), list[Snapshot]()
    away = process.train(run, 1, [])
    while len(shown) < 4:
        snapshot = next(away)[1]
        if snapshot is not None:
            shown.append(snapshot)
            if len(shown) == 2:
                process.apply(run, {"sde.steps": 9})
    assert torch.equal(run.flow.state_dict()[name], before)
    assert len({float(snapshot.tensors[name].sum()) for snapshot in shown}) == 4
    assert [s.version for s in shown] == sorted({s.version for s in shown})
    assert (shown[0].steps, shown[3].steps, shown[3].config.sde.steps) == (6, 9, 9)
    held = {name: tensor.clone() for name, tensor in shown[3].tensors.items()}
    away.close()
    assert all(torch.equal(tensor, held[name]) for name, tensor in shown[3].tensors.items()), "never changes again"


def test_a_divergence_is_raised_here_with_the_good_weights_back(process: TrainingProcess) -> None:
    run = Run(CONFIG, threads=1)
    good = run.state().weights.raw["drift.input_embed.weight"]
    with torch.no_grad():
        run._weights.raw.drift.input_embed.weight.fill_(float("nan"))
    with pytest.raises(TrainingDiverged, match=r"iteration 1: the drift in step 1 .* back at iteration 0;") as told:
        list(process.train(run, 1, []))
    found = told.value.diagnosis
    assert (found.term, found.step, found.affected, found.nan) == ("drift", 1, CONFIG.training.batch, True)
    assert torch.equal(run.state().weights.raw["drift.input_embed.weight"], good)
    assert next(iter(run)).iteration == 1


def test_data_that_has_changed_leaves_it_at_home(process: TrainingProcess, tmp_path: Path) -> None:
    file = tmp_path / "points.npy"
    np.save(file, np.random.default_rng(0).normal(size=(50, 2)))
    run = Run(CONFIG.changed({"data": str(file)}), threads=1)
    np.save(file, np.random.default_rng(1).normal(size=(50, 2)))
    with pytest.raises(DataError, match="no longer"):
        list(process.train(run, 1, []))
    assert run.iteration == 0
    assert next(iter(run)).iteration == 1


@pytest.fixture
def helper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trainer]:
    monkeypatch.setattr(trainer, "MOVE_AFTER", 0.0)
    monkeypatch.setattr("dnf_studio.core.parallel.worker_threads", lambda device="cpu": 2)
    made = Trainer()
    yield made
    made.close()


def test_a_run_moves_once_the_process_is_ready_and_on_when_it_is_killed(
    helper: Trainer, caplog: pytest.LogCaptureFixture
) -> None:
    run, late = Run(CONFIG.changed({"training.iterations": 10**6}), threads=1), []
    steps = (report for report, _ in helper.steps(run, 1, late))
    wait(lambda: next(steps) and helper._process is not None and helper._process._snapshot is not None)
    helper.apply(run, {"training.learning_rate": 0.001})
    for _ in range(20):
        next(steps)
    assert helper._process is not None
    pid = helper._process._process.pid
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    told: list[StepReport] = []
    wait(lambda: told.append(next(steps)) or helper._process is None)
    iterations = [next(steps).iteration for _ in range(5)]
    assert iterations == list(range(iterations[0], iterations[0] + 5))
    assert run.config.training.learning_rate == 0.001
    assert "goes on in the window's own process" in caplog.text
    helper.apply(run, {"training.iterations": run.iteration})
    assert list(steps) == []


def test_it_is_not_asked_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    process, did = TrainingProcess(), list[str]()
    child = process._process
    end, wait_for = child.kill, child.join
    monkeypatch.setattr(child, "kill", lambda: (did.append("kill"), end()))
    monkeypatch.setattr(child, "join", lambda *_: (did.append("join"), wait_for()))
    process.close()
    assert did == ["kill", "join"] and child.exitcode == -signal.SIGKILL


def test_nothing_stays_of_a_run_that_went_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else 45 MB a pause."""
    made: list[weakref.ref[Run]] = []

    def make(*what: Any) -> Run:  # noqa: ANN401 - as Run has it
        run = Run(*what)
        made.append(weakref.ref(run))
        return run

    monkeypatch.setattr("dnf_studio.workers.training_process.Run", make)
    here, there = Pipe()
    _Server(there).train(_Job(Run(CONFIG.changed({"training.iterations": 2})).state(), 1))
    told = [pickle.loads(here.recv_bytes()) for _ in range(3)]
    assert isinstance(told[-1], _RunReturned) and made[0]() is None


def test_a_machine_with_one_core_has_no_process(helper: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dnf_studio.core.parallel.worker_threads", lambda device="cpu": 1)
    assert len(list(helper.steps(Run(CONFIG, threads=1), 1, []))) == 60
    assert helper._process is None


def test_a_run_that_is_recalled_goes_on_to_the_bit(process: TrainingProcess) -> None:
    """Asked for by another thread while its reports are waited for, as Stop does within a long iteration."""
    run, late = Run(CONFIG.changed({"training.iterations": 10**6}), threads=1), list[StepReport]()
    reports = process.train(run, 1, late)
    next(reports)
    asking = threading.Timer(0.2, process.recall)
    asking.start()
    count = 1 + len(list(reports))
    asking.join()
    assert not late and run.iteration == count < 10**6
    process.recall()
    other = Run(run.config, threads=1)
    for report in other:
        if report.iteration == count:
            break
    same(run, other)
    again = process.train(run, 1, late)
    assert next(again)[0].iteration == count + 1, "what was left over of the call is not taken for another"
    again.close()

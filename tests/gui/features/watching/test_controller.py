"""A window that watches the folder of a run: what it shows while that is written, and what it says of it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.config import Config
from dnf_studio.core.storage.run_folder import HEAD, LOCK, RECORD
from dnf_studio.core.storage.run_lock import RunLock
from dnf_studio.core.training import run_reader
from dnf_studio.core.training.record import StepReport
from dnf_studio.core.training.run import Run
from dnf_studio.core.training.run_log import RunLog
from dnf_studio.gui.features.watching import following
from dnf_studio.gui.features.watching.controller import WatchingController
from dnf_studio.gui.features.watching.ranks import RanksPlot
from dnf_studio.gui.workspace.opening import RUN_FOLDER, open_any, run_folder_of
from dnf_studio.gui.workspace.workspace import Workspace
from tests.core.training.test_run_log import TINY, Clock


class Training:
    """A run that is logged, a second an iteration, as another process would."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, Clock()
        self.run = Run(TINY, threads=1)
        self.log = RunLog(RunLock.take(folder), self.run, clock=self.clock)
        self._reports = iter(self.run)

    def go(self, iterations: int) -> None:
        for _ in range(iterations):
            self.clock.now += 1.0
            self.log.note(next(self._reports))

    def end(self) -> None:
        self.log.save("run", self.folder / "elsewhere")
        self.log.end("done")


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Training]:
    made = Training(tmp_path / "runs" / "moons")
    yield made
    made.log.end("stopped")


@pytest.fixture
def watching(workspace: Workspace, few_points: None, monkeypatch: pytest.MonkeyPatch) -> WatchingController:
    monkeypatch.setattr(following, "POLL", 0.05)
    monkeypatch.setattr(following, "WAKE", 0.02)
    monkeypatch.setattr(following, "LISTED_EVERY", 0.0)
    workspace.plots.add("ranks", RanksPlot())
    return WatchingController(workspace)


@pytest.fixture
def until(qtbot: QtBot) -> Callable[[Callable[[], bool]], None]:
    return lambda condition: qtbot.waitUntil(condition, timeout=10_000)


def test_a_run_is_followed_from_its_first_weights_to_its_end(
    training: Training, watching: WatchingController, workspace: Workspace, until: Callable[..., None]
) -> None:
    reports: list[StepReport] = []
    workspace.live.reported.connect(reports.extend)
    training.go(3)
    watching.open(str(training.folder))
    until(lambda: workspace.live.frame is not None and bool(reports))
    current, frame = workspace.studio.current, workspace.live.frame
    assert current is not None and frame is not None
    assert current.held.startswith("moons is trained by another process")
    assert current.kind == "run" and not workspace.studio.training.unsaved
    until(lambda: watching.sentence() == ("Watching moons · iteration 3, N = 4", False))
    training.go(2)
    until(lambda: workspace.studio.past.now == 5)
    until(lambda: workspace.live.frame is not None and workspace.live.frame.weights > frame.weights)
    # Weights may be one iteration ahead of the lines that were there when the record was read; the next look has them
    until(lambda: len(reports) == 5)
    assert [report.iteration for report in reports] == [1, 2, 3, 4, 5]
    past = workspace.studio.past
    assert 3 in past.iterations
    past.look_at(3)
    until(lambda: workspace.studio.look_back.shown is not None)
    training.go(7)
    training.end()
    until(lambda: watching.sentence()[0] == "moons has ended at iteration 12")
    # What one looks back at stays until one is back; then the run is one like any other
    assert workspace.studio.past.iteration == 3 and workspace.studio.current.held
    past.to_now()
    until(lambda: workspace.studio.current is not None and not workspace.studio.current.held)
    assert workspace.studio.resumable is None and workspace.studio.opened_run is not None
    assert workspace.studio.opened_run.iteration == 12
    until(lambda: past.iterations == list(range(13)))


def test_what_is_half_written_is_waited_for_and_another_model_ends_it(
    training: Training, watching: WatchingController, workspace: Workspace, until: Callable[..., None], tmp_path: Path
) -> None:
    training.go(1)
    half = tmp_path / "half"
    half.mkdir()
    (half / LOCK).touch()
    watching.open(str(half))
    assert watching.sentence() == ("half is about to begin; its first weights are waited for", False)
    os.rename(training.folder / "newest.safetensors", half / "newest.safetensors")
    (half / RECORD).write_bytes((training.folder / RECORD).read_bytes())
    (half / HEAD).write_bytes((training.folder / HEAD).read_bytes())
    until(lambda: watching.sentence()[0].startswith("Watching half · iteration 1, N = 4"))
    os.rename(half / RECORD, half / "away")
    until(lambda: watching.sentence()[1])
    assert "is not there any more; trying again" in watching.sentence()[0]
    os.rename(half / "away", half / RECORD)
    until(lambda: not watching.sentence()[1])
    workspace.studio.open("diffflow-rings")
    until(lambda: not watching._title)
    assert not watching.bar.isVisibleTo(workspace.parent) and not watching._following.running


def test_a_quiet_run_is_stale_and_a_killed_one_gone(
    training: Training,
    watching: WatchingController,
    until: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_reader, "LEAST_STALE", 0.0)
    monkeypatch.setattr(run_reader, "STALE", 0.1)
    training.go(5)
    watching.open(str(training.folder))
    until(lambda: watching.sentence()[1])
    assert "stale: no line for 0 s, usually one every 1 s" in watching.sentence()[0]
    (training.folder / LOCK).unlink()
    until(lambda: "its process is no more" in watching.sentence()[0])


def test_what_is_no_run_is_told(watching: WatchingController, workspace: Workspace, until: Callable[..., None]) -> None:
    told: list[str] = []
    workspace.studio.failed.connect(lambda error: told.append(str(error)))
    watching.follow(Path("nowhere"), "nowhere")
    until(lambda: bool(told))
    assert "'nowhere' is a folder, and not that of a run" in told[0] and not watching.bar.isVisibleTo(workspace.parent)


def test_a_run_of_a_newer_version_is_told(
    training: Training, watching: WatchingController, workspace: Workspace, until: Callable[..., None]
) -> None:
    told: list[str] = []
    workspace.studio.failed.connect(lambda error: told.append(str(error)))
    head = json.loads((training.folder / HEAD).read_text())
    (training.folder / HEAD).write_text(json.dumps(head | {"format_version": 2}))
    watching.open(str(training.folder))
    until(lambda: bool(told))
    assert "newer DNF Studio" in told[0]


def test_a_second_run_goes_on_beside_the_first(
    training: Training, watching: WatchingController, workspace: Workspace, until: Callable[..., None], tmp_path: Path
) -> None:
    other = Training(tmp_path / "other")
    watching.open(str(training.folder))
    until(lambda: watching.shown)
    workspace.comparison.open(str(other.folder / HEAD))
    until(lambda: workspace.comparison.frame is not None)
    frame = workspace.comparison.frame
    assert frame is not None and workspace.comparison.names == ("moons (diffflow)", "other (diffflow)")
    other.go(3)
    until(lambda: workspace.comparison.frame is not None and workspace.comparison.frame.weights > frame.weights)

    def at() -> int:
        second = workspace.comparison.second
        assert second is not None and second.opened.checkpoint is not None
        return second.opened.checkpoint.iteration

    until(lambda: at() == 3)
    workspace.comparison.close()
    assert not watching._beside.running
    other.log.end("stopped")


class Copying:
    """Brings a folder as another machine's is, the record first."""

    title = "far:moons"

    def __init__(self, there: Path, here: Path) -> None:
        self.there, self.here, self.closed, self.turn = there, here, False, 0

    def pull(self, _check: object) -> str:
        self.turn += 1
        if self.turn > 1:
            shutil.copytree(self.there, self.here, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
        return "5 kB/s by ssh, at most 1,000"

    def close(self) -> None:
        self.closed = True


def test_a_run_of_another_machine_is_no_file_of_this_one(
    training: Training, watching: WatchingController, workspace: Workspace, until: Callable[..., None], tmp_path: Path
) -> None:
    training.go(1)
    puller = Copying(training.folder, tmp_path / "here")
    watching.follow(puller.here, puller.title, puller)
    until(lambda: "first weights are waited for · 5 kB/s by ssh, at most 1,000" in watching.sentence()[0])
    until(lambda: watching.sentence()[0] == "Watching far:moons · iteration 1, N = 4 · 5 kB/s by ssh, at most 1,000")
    current = workspace.studio.current
    assert current is not None and (current.source, current.kind, current.path) == ("", "run", None)
    watching._following.cancel()
    until(lambda: puller.closed)


def test_a_run_folder_is_second_in_compare_and_a_file_to_open(training: Training, workspace: Workspace) -> None:
    opened = open_any(str(training.folder), Config())
    assert opened.kind == "run" and opened.shown.trained and opened.path == training.folder / "newest.safetensors"
    seen: list[str] = []
    workspace.files.openers[RUN_FOLDER] = seen.append
    for path in (training.folder, training.folder / HEAD):
        opener = workspace.files.opener_of(str(path))
        assert opener is not None
        opener(str(path))
    assert [run_folder_of(name) for name in seen] == [training.folder] * 2
    assert workspace.files.opener_of(str(training.folder.parent)) is None


def test_losses_by_rank(qtbot: QtBot) -> None:
    plot = RanksPlot()
    qtbot.addWidget(plot)

    def report(iteration: int, *ranks: float) -> StepReport:
        return StepReport(iteration, 2.0, 4, np.empty(0, np.float32), 0.1, 1.0, 1.0, ranks=ranks)

    plot.append([report(1)])
    assert plot.numbers() is None
    plot.append([report(k, 1.0, 3.0) for k in range(2, 40)])
    found = plot.numbers()
    assert found is not None and found.columns["rank 1"][-1] == pytest.approx(3.0)
    plot.append([report(10, 1.0, 3.0)])  # it went back
    found = plot.numbers()
    assert found is not None and found.columns["iteration"].tolist() == list(range(2, 11))
    plot.append([report(k, *range(8)) for k in range(11, 5011)])
    assert plot.ranks == 8 and len(plot.signs()) == 7
    found = plot.numbers()
    assert found is not None and len(found.columns["rank 7"]) <= 2000
    plot.clear()
    assert plot.numbers() is None

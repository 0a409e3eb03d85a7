"""The folder of a run while it trains: what is written when, and that nothing of it can end the training."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

import dnf_studio as dnf
from dnf_studio.config import Config
from dnf_studio.core.storage import run_lock
from dnf_studio.core.storage.library import model_file
from dnf_studio.core.storage.run_facts import run_files
from dnf_studio.core.storage.run_folder import (
    FILE,
    HEAD,
    LOCK,
    NEWEST,
    RECORD,
    check_new,
    folder_of,
    newest_checkpoint,
    read_head,
    snapshot_files,
)
from dnf_studio.core.storage.run_lock import RunLock
from dnf_studio.core.training.record import StepReport
from dnf_studio.core.training.run import Run
from dnf_studio.core.training.run_lines import line_bytes, read_line, report_of
from dnf_studio.core.training.run_log import AGAIN, RunLog
from dnf_studio.errors import CheckpointError
from tests.core.training.test_snapshots import TINY


class Clock:
    """Seconds that pass when they are told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def logged(folder: Path, run: Run, clock: Clock, said: list[str] | None = None) -> RunLog:
    return RunLog(RunLock.take(folder), run, clock=clock, tell=(said if said is not None else []).append)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / RECORD).read_text().splitlines()]


def told(folder: Path, event: str | None) -> list[dict[str, Any]]:
    return [line for line in lines(folder) if line.get("event") == event]


def train(run: Run, log: RunLog, clock: Clock, seconds: float) -> list[StepReport]:
    """Each iteration lasts so long by the clock."""
    reports = []
    for report in run:
        clock.now += seconds
        log.note(report)
        reports.append(report)
    return reports


def test_lines_are_few_and_tell_of_every_iteration(tmp_path: Path) -> None:
    clock, run, folder = Clock(), Run(TINY, threads=1), tmp_path / "run"
    log = logged(folder, run, clock)
    reports = train(run, log, clock, 0.1)
    log.save("run", tmp_path / "elsewhere.safetensors")
    log.end("done")
    found = [report_of(line) for line in told(folder, None)]
    assert [report.iteration for report in found if report] == [1, 4, 7, 10, 12]
    overs = [line["over"] for line in told(folder, None)]
    assert overs == [1, 3, 3, 3, 2]
    assert found[1] is not None
    assert found[1].loss == pytest.approx(sum(report.loss for report in reports[1:4]) / 3, rel=1e-8)
    assert (found[1].steps, found[1].learning_rate) == (4, pytest.approx(reports[3].learning_rate))
    (begin,), (end,) = told(folder, "begin"), told(folder, "end")
    assert begin["iteration"] == 0 and begin["process"] == os.getpid()
    assert (end["how"], end["iteration"], end["metrics"]) == ("done", 12, {})
    head = read_head(folder)
    assert head is not None and Config.create(head.settings) == run.config
    assert head.environment["torch"] == torch.__version__
    assert not (folder / LOCK).exists() and not (folder / NEWEST).exists()
    assert dnf.open_checkpoint(folder).iteration == 12


def test_weights_come_at_once_then_seldom_and_all_snapshots_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, run, folder = Clock(), Run(TINY, threads=1), tmp_path / "run"
    log = logged(folder, run, clock)
    assert newest_checkpoint(folder)[1].iteration == 0
    train(run, log, clock, 0.3)
    weights = told(folder, "weights")
    # One a second at most, the newest first
    assert [(one["iteration"], one["file"]) for one in weights[:2]] == [
        (0, "newest.safetensors"),
        (4, "run.snapshots/000000004.safetensors"),
    ]
    assert all(b["at"] - a["at"] >= 0.99 for a, b in pairwise(weights))
    path, found = newest_checkpoint(folder)
    assert (path.name, found.iteration) == ("000000012.safetensors", 12)
    # A table of runs has one row of it, called as the folder, whatever there is so far
    assert [model_file(path).name for path in run_files([tmp_path])[0]] == ["run"]
    assert folder_of(path) == folder and folder_of(tmp_path / FILE) is None
    assert dnf.load(folder).sample(3).shape == (3, 2)
    log.save("run", folder / "x.safetensors")
    assert [int(path.stem) for path in snapshot_files(folder)] == list(range(13))


def test_a_full_disk_is_told_once_and_later_lines_tell_of_what_was_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, run, folder, said = Clock(), Run(TINY, threads=1), tmp_path / "run", list[str]()
    log = logged(folder, run, clock, said)
    write, room = os.write, [30]

    def full(handle: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "full")
        kept = min(room[0], len(data))
        room[0] -= kept
        return write(handle, data[:kept])

    monkeypatch.setattr(os, "write", full)
    training = iter(run)
    for _ in range(6):
        clock.now += 1
        log.note(next(training))
    monkeypatch.undo()
    assert len(said) == 1 and "the disk is full. Training goes on without its record" in said[0]
    clock.now += AGAIN
    for report in training:
        clock.now += 1
        log.note(report)
    log.end("done")
    read = [read_line(line) for line in (folder / RECORD).read_bytes().splitlines()]
    assert read.count(None) == 1  # the line that was cut off
    overs = [line["over"] for line in read if line and "event" not in line]
    assert sum(overs) == 12 and max(overs) == 7 and len(said) == 1


def test_a_folder_that_vanishes_ends_no_training(tmp_path: Path) -> None:
    clock, run, said = Clock(), Run(TINY, threads=1), list[str]()
    log = logged(tmp_path / "run", run, clock, said)
    os.rename(tmp_path / "run", tmp_path / "gone")
    assert len(train(run, log, clock, 1.0)) == 12
    log.end("done")
    assert len(said) == 1 and "No such file" in said[0].replace("no such", "No such")
    assert not (tmp_path / "run").exists()


def test_a_killed_run_goes_on_in_its_folder_and_its_cut_line_stays_one(tmp_path: Path) -> None:
    clock, run, folder = Clock(), Run(TINY, threads=1), tmp_path / "run"
    log = logged(folder, run, clock)
    training = iter(run)
    for _ in range(5):
        clock.now += 1.0
        log.note(next(training))
    run.save(folder / "run.autosave")
    for _ in range(4):
        clock.now += 1.0
        log.note(next(training))
    os.close(log._lock._handle)  # as the end of a process does
    with (folder / RECORD).open("ab") as file:
        file.write(b'{"iteration":10,"los')
    assert newest_checkpoint(folder)[1].iteration == 9
    again = Run.resume(folder / "run.autosave", threads=1)
    log = logged(folder, again, clock)
    assert newest_checkpoint(folder)[1].iteration == 5
    assert not [path for path in snapshot_files(folder) if int(path.stem) > 5]
    train(again, log, clock, 1.0)
    log.end("done")
    read = [read_line(line) for line in (folder / RECORD).read_bytes().splitlines()]
    assert read.count(None) == 1
    iterations = [line["iteration"] for line in read if line and "event" not in line]
    assert iterations == [1, 2, 3, 4, 5, 6, 7, 8, 9, *range(6, 13)]


def test_a_run_of_a_file_brings_its_curve_to_a_new_folder(tmp_path: Path) -> None:
    run = Run(TINY, threads=1)
    losses = [report.loss for report in run]
    run.save(tmp_path / "a.safetensors")
    log = logged(tmp_path / "run", Run.resume(tmp_path / "a.safetensors", {"training.iterations": 14}), Clock())
    log.end("stopped")
    assert [line["loss"] for line in told(tmp_path / "run", None)] == pytest.approx(losses, rel=1e-8)


def test_one_process_at_a_time_and_a_killed_one_does_not_block(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    program = "import sys; from pathlib import Path; from dnf_studio.core.storage.run_lock import RunLock\n"
    program += f"RunLock.take(Path({str(folder)!r})); print('taken', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "taken\n"
        with pytest.raises(CheckpointError, match=rf"Process {process.pid} on .* trains in '.*run'; wait"):
            RunLock.take(folder)
        process.kill()
    lock = RunLock.take(folder)
    assert not lock.lost
    lock.release(nothing_logged=True)
    assert not folder.exists()


@pytest.mark.parametrize("grows", [False, True])
def test_the_folder_of_another_machine_is_watched_before_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grows: bool
) -> None:
    monkeypatch.setattr(run_lock, "WATCHED", 0.05)
    monkeypatch.setattr(run_lock, "LOOK", 0.01)
    folder, said = tmp_path / "run", list[str]()
    folder.mkdir()
    (folder / LOCK).write_text(json.dumps({"mark": "00000000-77", "host": "far", "process": 77}))
    sizes = iter(range(99))
    monkeypatch.setattr(RunLock, "_size", lambda _self: next(sizes) if grows else 5)
    if grows:
        with pytest.raises(CheckpointError, match="Process 77 on far trains in"):
            RunLock.take(folder, said.append)
    else:
        lock = RunLock.take(folder, said.append)
        (folder / LOCK).write_text(json.dumps({"mark": "00000000-77"}))
        assert lock.lost
    assert "was of process 77 on far; watching for" in said[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "is a folder, and not that of a run"),
        ("{", "is not that of a run"),
        ('{"format": "dnf-studio-run", "format_version": 2}', "written by a newer DNF Studio"),
        ('{"format": "dnf-studio-run", "format_version": 1}', "holds no weights yet"),
    ],
)
def test_what_is_no_run_is_said_to_be_none(tmp_path: Path, text: str | None, sentence: str) -> None:
    if text is not None:
        (tmp_path / HEAD).write_text(text)
        with pytest.raises(CheckpointError, match="holds a run already"):
            check_new(tmp_path)
    with pytest.raises(CheckpointError, match=sentence):
        dnf.load(tmp_path)
    (tmp_path / LOCK).touch()
    if text is None:
        assert read_head(tmp_path) is None


def test_a_folder_of_other_things_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(CheckpointError, match=r"it holds 'thesis\.tex'"):
        check_new(tmp_path)
    assert FILE not in os.listdir(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[1]",
        b'{"iteration": 1}',
        b'{"iteration": 0, "loss": 1}',
        b'{"iteration": 1, "loss": NaN}',
        b'{"iteration": 1, "loss": "x"}',
        b'{"iteration": 1e999, "loss": 1}',
        b'{"iteration": 3, "loss": 1, "event": "end"}',
    ],
)
def test_lines_that_tell_of_no_iteration(line: bytes) -> None:
    assert report_of(read_line(line) or {}) is None


def test_what_is_wrong_in_a_line_is_left_out_of_it() -> None:
    values: Sequence[object] = (None, "x", [1], {}, -1e400)
    for value in values:
        found = report_of({"iteration": 2, "loss": 1.5, "marks": value, "steps": 3})
        assert found is not None and found.marks == () and found.steps == 3
    line = line_bytes({"a": float("nan"), "b": [float("inf"), 1 / 3]})
    assert json.loads(line) == {"a": None, "b": [None, 0.333333333]}

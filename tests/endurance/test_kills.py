"""200 kills at random moments of training with autosaves and saves, and of exports: all that was acknowledged is there.

A process is forked once torch is here, so that a kill costs no import. ``DNF_ENDURANCE_KILLS`` is how many, of each
half.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from dnf_studio.config import Config
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.storage import provenance
from dnf_studio.core.storage.autosave import Autosave, newest_autosave
from dnf_studio.core.storage.checkpoint import read_checkpoint
from dnf_studio.core.storage.export_plan import ExportPlan
from dnf_studio.core.storage.journal import unfinished_export
from dnf_studio.core.storage.samples import export_samples
from dnf_studio.core.training.run import Run
from dnf_studio.core.training.state import RunState
from tests.endurance.test_signals import used

KILLS = int(os.environ.get("DNF_ENDURANCE_KILLS", 100))
CONFIG = Config.create({
    "data": "moons", "sde": {"steps": 6}, "network": {"layers": 1, "channels": 16},
    "training": {"batch": 64, "iterations": 100_000, "device": "cpu"},
})  # fmt: skip
SAMPLES = 200_000


def _go_on(file: Path) -> Run:
    """The run as `train --resume` would go on with it: of its autosave where that is newer."""
    kept = newest_autosave(file)
    run = Run(CONFIG)
    if kept is not None:
        run.load(RunState.of_checkpoint(kept[1]))
    elif file.exists():
        run.load(RunState.of_checkpoint(read_checkpoint(file)))
    return run


def _train(file: Path, told: Connection) -> None:
    run, kept = _go_on(file), Autosave(file)
    told.send(run.iteration)
    for report in run:
        if report.iteration % 2:
            kept.keep(run.state().checkpoint())
            told.send(report.iteration)
        elif report.iteration % 6 == 0:
            run.save(file)
            told.send(report.iteration)


def _export(file: Path, told: Connection) -> None:
    run, plan = Run(CONFIG), ExportPlan(SAMPLES, SampleSettings(steps=6))
    left = unfinished_export(file)
    told.send(0 if left is None else left.rows)
    for now in export_samples(run.flow, file, plan, keep=lambda: True, resume=left):
        told.send(now.done)


def killed(work: Callable[[Path, Connection], None], file: Path, seconds: float) -> tuple[list[int], bool]:
    """Begin `work` in another process and kill it so many seconds of the processor after its first word; what it told,
    and whether it had ended by itself, which has to be well."""
    context = get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(file, there))
    process.start()
    there.close()
    told = [here.recv()]
    until = used(process.pid or 0) + seconds
    while process.is_alive() and used(process.pid or 0) < until:
        time.sleep(0.002)
    process.kill()
    try:
        while True:
            told.append(here.recv())
    except EOFError:
        process.join()
    assert process.exitcode in (0, -9), process.exitcode
    return told, process.exitcode == 0


@pytest.mark.endurance
@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_no_state_that_was_kept_or_saved_is_lost(tmp_path: Path) -> None:
    file, chance = tmp_path / "run.safetensors", random.Random(1)
    last, words = 0, 0
    for number in range(KILLS):
        told, _ = killed(_train, file, chance.uniform(0.0, 1.0))
        where = f"kill {number} after {told[-1]}"
        # Whoever begins goes on from what was acknowledged before, or from what came after it unheard
        assert told[0] >= last, where
        if file.exists():
            assert RunState.of_checkpoint(read_checkpoint(file)).iteration >= 6, where
        last, words = max(last, told[-1]), words + len(told)
        assert _go_on(file).iteration >= last, where
    print(f"\n{KILLS} kills, {words} states acknowledged, iteration {last}")
    assert sorted(one.name for one in tmp_path.iterdir() if not one.name.startswith(".")) == sorted(
        {one.name for one in tmp_path.glob("run.*")}
    )
    assert len(list(tmp_path.iterdir())) <= 3 + 1, "partial files of killed processes go with the next one"


@pytest.mark.endurance
@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_an_export_ends_as_one_that_nobody_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Day(datetime):
        @classmethod
        def now(cls, _zone: object = None) -> datetime:
            return datetime(2026, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(provenance, "datetime", Day)
    chance, whole, kills, ends = random.Random(2), tmp_path / "whole.h5", 0, 0
    plan = ExportPlan(SAMPLES, SampleSettings(steps=6))
    for _ in export_samples(Run(CONFIG).flow, whole, plan):
        pass
    file = tmp_path / "part.h5"
    while kills < KILLS:
        told, ended = killed(_export, file, chance.uniform(0.0, 1.5))
        if ended:
            assert file.read_bytes() == whole.read_bytes()
            file.unlink()
            ends += 1
            continue
        kills += 1
        if not file.exists():
            left = unfinished_export(file)
            # What was told of is in the file, or is drawn anew: a row is kept once its block is on the disk
            assert left is None or 0 < left.rows <= SAMPLES, told
        else:
            # Killed after it was in its place, before its last word
            assert file.read_bytes() == whole.read_bytes()
            file.unlink()
    print(f"\n{kills} kills, {ends} exports that came to their end, each equal to the byte")
    assert len([one for one in tmp_path.iterdir() if one.name != "whole.h5"]) <= 3

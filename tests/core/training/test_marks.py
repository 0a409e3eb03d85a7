"""What changed during a run is told with the next report, kept in its checkpoint, and taken up again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dnf_studio.config import Config
from dnf_studio.core.training.record import STAGE, History, Mark, Marks
from dnf_studio.core.training.run import Run

TINY = Config().changed(
    {
        "data": "moons",
        "sde.steps": 4,
        "network.channels": 8,
        "network.layers": 1,
        "training.batch": 20,
        "training.iterations": 12,
    }
)


def test_a_change_is_told_once_with_what_it_was_before() -> None:
    run = Run(TINY)
    reports = iter(run)
    assert next(reports).marks == ()
    run.apply({"sde.steps": 9})
    run.apply({"sde.steps": 6, "training.iterations": 12})
    mark = Mark(1, "sde.steps", 4, 6)
    assert next(reports).marks == (mark,)
    assert next(reports).marks == ()
    assert run.marks.all == (mark,)


def test_a_change_that_is_taken_back_before_it_acts_leaves_no_mark() -> None:
    run = Run(TINY)
    reports = iter(run)
    next(reports)
    run.apply({"sde.steps": 9})
    run.apply({"sde.steps": 4})
    assert next(reports).marks == () and run.marks.all == ()


def test_stages_of_progressive_training_are_marks() -> None:
    run = Run(TINY.changed({"sde.steps": 12}))
    found = [mark for report in run for mark in report.marks]
    assert found == [Mark(6, STAGE, 4, 8), Mark(9, STAGE, 8, 12)]


def test_a_new_n_is_one_mark_though_the_stage_moves_with_it() -> None:
    run = Run(TINY.changed({"sde.steps": 12}))
    reports = iter(run)
    next(reports)
    run.apply({"sde.steps": 24})
    assert next(reports).marks == (Mark(1, "sde.steps", 12, 24),)
    run.apply({"training.progressive": False})
    assert next(reports).marks == (Mark(2, "training.progressive", True, False), Mark(2, STAGE, 8, 24))


def test_a_resumed_run_keeps_its_marks_and_adds_to_them(tmp_path: Path) -> None:
    run = Run(TINY.changed({"sde.steps": 12}))
    for report in run:
        if report.iteration == 2:
            run.apply({"training.learning_rate": 0.001})
        if report.iteration == 6:
            break
    run.save(tmp_path / "run.safetensors")
    resumed = Run.resume(tmp_path / "run.safetensors", {"training.iterations": 24})
    assert resumed.marks.all[0] == Mark(2, "training.learning_rate", 0.012, 0.001)
    assert next(iter(resumed)).marks == (Mark(6, "training.iterations", 12, 24),)
    list(resumed)
    assert [mark for mark in resumed.marks.all if mark.name == STAGE] == [Mark(12, STAGE, 4, 8), Mark(18, STAGE, 8, 12)]


def test_marks_survive_json_and_stay_bounded() -> None:
    marks = Marks()
    for k in range(1500):
        marks.change(k, TINY.changed({"sde.steps": 4 + k % 2}), TINY.changed({"sde.steps": 5 - k % 2}))
    marks.step(1500, 5)
    again = Marks.from_dict(json.loads(json.dumps(marks.as_dict())))
    assert again.all == marks.all and len(again.all) == 1000
    assert again.step(1600, 7) == (Mark(1600, STAGE, 5, 7),)


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        {},
        {"marks": 3, "steps": 2},
        {"marks": [[1]], "steps": 2},
        {"marks": [[1, "n", {}, 2]]},
        {"marks": [[float("inf"), "n", 1, 2]], "steps": 2},
    ],
)
def test_anything_else_has_no_marks(values: object) -> None:
    assert Marks.from_dict(values).all == ()


@pytest.mark.parametrize(
    "values",
    [
        None,
        [[1, 2.5]],
        {"stride": 1, "iterations": [1, 2], "losses": [1.0], "open": []},
        {"stride": 1, "iterations": [2, 1], "losses": [1.0, 2.0], "open": []},
        {"stride": 1, "iterations": [1], "losses": [float("nan")], "open": []},
        {"stride": 1, "iterations": [1], "losses": [10**400], "open": []},
        {"stride": 1, "iterations": ["1"], "losses": [1.0], "open": []},
    ],
)
def test_a_history_that_is_none_is_read_as_empty(values: object) -> None:
    assert History.read(values).losses == []


def test_a_history_is_read_as_it_was() -> None:
    history = History()
    for k in range(1, 3000):
        history.add(k, 1 / k)
    assert History.read(history.as_dict()).losses == history.losses

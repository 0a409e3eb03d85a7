"""The studies of the Lab one at a time, without a window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from pytestqt.qtbot import QtBot

from dnf_studio.errors import Check, SettingError
from dnf_studio.gui.features.lab.runner import KEPT, LabRunner
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.studio import Studio
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.workers.lab import Study, StudyContext

GO = Event()
"""Studies wait for it before each of their results."""


@dataclass(frozen=True)
class Counting(Study):
    """Three numbers; the error of a study that knows one comes before its last."""

    error: Exception | None = None

    def total(self, context: StudyContext) -> int:
        return 3

    def run(self, context: StudyContext, have: int, check: Check) -> Iterator[object]:
        for number in range(have, 3):
            while not GO.wait(0.01):
                check()
            if number == 2 and self.error is not None:
                raise self.error
            yield number, context.threads


@pytest.fixture
def told() -> list[BaseException]:
    return []


@pytest.fixture
def runner(qtbot: QtBot, told: list[BaseException]) -> Iterator[LabRunner]:
    GO.set()
    studio = Studio(Session())
    yield LabRunner(cast(Any, SimpleNamespace(studio=studio, tell=told.append, parent=None)))
    studio.close()


def context(threads: int | None = None) -> StudyContext:
    return StudyContext(cast(Any, None), torch.zeros(0, 2), None, threads)


def whole(runner: LabRunner, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: runner.running is None, timeout=20_000)


def test_a_study_is_computed_once(runner: LabRunner, qtbot: QtBot) -> None:
    study = Counting(1, None)
    assert runner.total(study) == 1 and not runner.complete(study)
    runner.ask(study, context())
    assert runner.running == study and runner.total(study) == 3
    whole(runner, qtbot)
    assert runner.results(study) == [(0, None), (1, None), (2, None)] and runner.complete(study)
    runner.ask(Counting(1, None), context())
    assert runner.running is None


def test_another_study_ends_the_one_before_which_goes_on_where_it_was(runner: LabRunner, qtbot: QtBot) -> None:
    first, second = Counting(1, None), Counting(2, None)
    GO.clear()
    runner.ask(first, context())
    runner._results[first].append("earlier")
    runner.ask(second, context())
    assert runner.running == second and runner.results(first) == ["earlier"]
    GO.set()
    whole(runner, qtbot)
    assert runner.complete(second) and not runner.complete(first)
    runner.ask(first, context())
    whole(runner, qtbot)
    assert runner.results(first) == ["earlier", (1, None), (2, None)]


def test_what_was_found_before_a_cancel_stays(runner: LabRunner) -> None:
    study = Counting(1, None)
    GO.clear()
    runner.ask(study, context())
    runner._results[study].append("earlier")
    runner.cancel()
    assert runner.running is None and runner.results(study) == ["earlier"] and not runner.complete(study)


def test_while_a_model_trains_one_thread_goes_on(runner: LabRunner, qtbot: QtBot) -> None:
    study = Counting(1, None)
    GO.clear()
    runner.ask(study, context())
    runner._studio.training.phase_changed.emit(Phase.RUNNING)
    assert runner.running == study
    GO.set()
    whole(runner, qtbot)
    assert runner.results(study) == [(0, 1), (1, 1), (2, 1)]


def test_an_error_is_a_sentence_and_a_defect_is_told(
    runner: LabRunner, told: list[BaseException], qtbot: QtBot
) -> None:
    said: list[str] = []
    runner.failed.connect(said.append)
    defect = KeyError("a defect of ours")
    for error in (SettingError("No."), defect):
        runner.ask(Counting(1, error), context())
        whole(runner, qtbot)
    assert said == ["", "No.", ""] and told == [defect]
    assert len(runner.results(Counting(1, defect))) == 2


def test_only_the_newest_studies_are_kept(runner: LabRunner, qtbot: QtBot) -> None:
    for weights in range(KEPT + 1):
        runner.ask(Counting(weights, None), context())
    whole(runner, qtbot)
    assert len(runner._results) == KEPT and runner.results(Counting(0, None)) == []


def test_without_a_model_there_is_no_ground(runner: LabRunner) -> None:
    assert runner.context() is None

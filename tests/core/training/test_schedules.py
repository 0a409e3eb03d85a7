"""Learning rate and number of steps over a run."""

from __future__ import annotations

from itertools import islice

import pytest

from dnf_studio.config import Config, TrainingConfig
from dnf_studio.core.training.run import Run
from dnf_studio.core.training.schedules import learning_rate, remaining_steps, training_steps

HUNDRED = TrainingConfig(iterations=100, learning_rate=0.5)


def rates(decay: str, iterations: int = 100) -> list[float]:
    training = TrainingConfig.model_validate({"decay": decay, "iterations": iterations, "learning_rate": 0.5})
    return [learning_rate(training, iteration, 0.0) for iteration in range(iterations)]


@pytest.mark.parametrize("decay", ["cosine", "step", "constant"])
def test_the_rate_climbs_first(decay: str) -> None:
    first = rates(decay)[:30]
    assert first == sorted(first)
    assert first[0] == pytest.approx(0.5 / 30)


def test_how_each_decay_ends() -> None:
    assert rates("constant")[30:] == [0.5] * 70
    assert rates("step", 401)[400] == pytest.approx(0.5 * 0.95**2)
    cosine = rates("cosine")
    assert cosine[50] == pytest.approx(0.25, rel=2e-3)
    assert cosine[99] < 0.002


def test_a_run_counted_in_seconds_decays_by_seconds() -> None:
    training = TrainingConfig(seconds=10, iterations=5, learning_rate=0.5)
    assert learning_rate(training, 1000, 5.0) == pytest.approx(0.25, rel=2e-3)
    assert learning_rate(training, 1000, 30.0) == pytest.approx(0.0005)


def test_a_progressive_run_begins_with_a_third_of_the_steps() -> None:
    steps = [training_steps(HUNDRED, 30, iteration, 0.0) for iteration in range(100)]
    assert steps == [10] * 50 + [20] * 25 + [30] * 25
    assert training_steps(TrainingConfig(seconds=10), 100, 0, 4.9) == 33
    assert training_steps(TrainingConfig(seconds=10), 100, 0, 7.5) == 100


def test_few_steps_or_a_plain_run_have_one_stage() -> None:
    assert training_steps(HUNDRED, 11, 0, 0.0) == 11
    assert training_steps(HUNDRED.model_copy(update={"progressive": False}), 30, 0, 0.0) == 30


def test_a_run_follows_the_plan_and_its_model_keeps_its_own_grid() -> None:
    config = Config.create(
        {"sde": {"steps": 12}, "network": {"channels": 8}, "training": {"iterations": 10, "batch": 16}}
    )
    run = Run(config, threads=1)
    reports = list(islice(run, 10))
    assert [report.steps for report in reports] == [4] * 5 + [8] * 3 + [12] * 2
    assert [len(report.disagreement) for report in reports] == [4] * 5 + [8] * 3 + [12] * 2
    assert len(run.flow.timestamps) == 13


def test_what_is_left_counts_the_steps_of_each_stage() -> None:
    for iteration in (0, 49, 50, 80, 99, 100, 130):
        left = sum(training_steps(HUNDRED, 30, k, 0.0) for k in range(iteration, 100))
        assert remaining_steps(HUNDRED, 30, iteration) == left

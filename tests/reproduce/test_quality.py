"""Curves of quality by training time, made up so that the answers are known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from dnf_studio.reproduce.plan import QUICK, Cell
from dnf_studio.reproduce.quality import is_due, marks_of, mean_curve, seconds_needed, told_of, training_claim
from dnf_studio.reproduce.results import Quality

TIMES = (10.0, 20.0, 40.0, 80.0)


def line(model: str, distances: tuple[float | None, ...], data: str = "rings", seed: int = 0) -> list[Quality]:
    return [Quality(data, model, seed, at, 10, value) for at, value in zip(TIMES, distances, strict=True)]


def test_samples_are_due_when_a_share_of_the_time_is_passed_and_no_more() -> None:
    cell = Cell("rings", "diffflow", 0)
    assert QUICK.seconds == 10.0
    known: list[Quality] = []
    told = []
    for tenths in range(0, 108, 3):
        if is_due(QUICK, cell, tenths / 10, known):
            told.append(tenths / 10)
            known.append(Quality("rings", "diffflow", 0, tenths / 10, 10, 0.1))
    assert told == [1.5, 2.7, 5.1, 10.2]
    assert not is_due(QUICK, cell, 10.5, known)


def test_places_that_were_passed_together_are_one_and_others_have_none() -> None:
    cell = Cell("rings", "diffusion", 1)
    other = [Quality("rings", "diffusion", 0, 10.0, 50, 0.1)]
    assert is_due(QUICK, cell, 6.0, other)
    assert not is_due(QUICK, cell, 6.5, [Quality("rings", "diffusion", 1, 6.0, 50, None)])
    assert is_due(QUICK, Cell("rings", "flow", 0), 10.0, [])
    assert not is_due(QUICK, Cell("wine", "diffflow", 0), 10.0, [])


def test_both_are_compared_at_the_worse_of_the_two_ends() -> None:
    better = line("diffflow", (0.4, 0.2, 0.1, 0.05))
    worse = line("diffusion", (0.8, 0.6, 0.4, 0.2))
    assert seconds_needed(better + worse, "rings", 0) == pytest.approx((20.0, 80.0))
    assert seconds_needed(better, "rings", 0) is None
    assert seconds_needed(better + worse, "rings", 1) is None


def claims_of(factors: tuple[float, ...]) -> list[Quality]:
    """Seeds in which DiffFlow takes that many times as long: half, as long or twice."""
    shift = {0.5: (0.4, 0.2, 0.1, 0.05), 1.0: (0.8, 0.4, 0.2, 0.1), 2.0: (1.6, 0.8, 0.4, 0.2)}
    found = []
    for seed, factor in enumerate(factors):
        found += line("diffusion", (0.8, 0.4, 0.2, 0.1), seed=seed) + line("diffflow", shift[factor], seed=seed)
    return found


@pytest.mark.parametrize(
    ("factors", "answer"),
    [
        ((2.0, 2.0, 2.0), "holds"),
        ((0.5, 0.5, 0.5), "does not hold"),
        ((0.5, 2.0, 1.0), "not resolved here"),
        ((2.0,), "not resolved here"),
        ((), "not resolved here"),
    ],
)
def test_the_claim_is_decided_by_ratios(factors: tuple[float, ...], answer: str) -> None:
    claim = training_claim(claims_of(factors))
    assert claim.answer == answer
    mean = math.exp(sum(map(math.log, factors)) / len(factors)) if factors else None
    assert (f"{mean:.2g} times" if mean else "not measured") in claim.because


def test_words_say_what_was_not_reached_and_what_at_once() -> None:
    found = line("diffflow", (0.15, 0.12, 0.1, 0.05)) + line("diffusion", (0.8, 0.6, 0.4, 0.2))
    text = told_of(found, "rings")
    assert "as near as the diffusion model in the end, DiffFlow took at most 10 s;" in text
    assert "as near as DiffFlow in the end, the diffusion model took more than its 80 s (not reached)." in text
    slower = line("diffflow", (0.6, 0.4, 0.2, 0.1)) + line("diffusion", (0.8, 0.6, 0.4, 0.2))
    assert "DiffFlow took 40 s;" in told_of(slower, "rings")
    assert told_of(found, "tree") == ""


def test_where_neither_is_told_apart_from_the_data_there_is_nothing_to_be_reached() -> None:
    found = line("diffflow", (0.15, 0.12, 0.01, 0.001)) + line("diffusion", (0.8, 0.6, 0.01, -0.002))
    at_the_data = [replace(one, told_apart=abs(one.distance or 0) > 0.005) for one in found]
    assert seconds_needed(found, "rings", 0) is not None and seconds_needed(at_the_data, "rings", 0) is None
    assert "neither is told apart" in told_of(at_the_data, "rings")


def test_the_mean_is_over_seeds_that_are_whole() -> None:
    found = line("diffflow", (0.4, 0.2, 0.1, 0.05)) + line("diffflow", (0.2, 0.2, 0.1, 0.15), seed=1)
    found += line("diffflow", (9.0, None, None, None), seed=2)
    assert mean_curve(found, "rings", "diffflow") == [
        (at, pytest.approx(value)) for at, value in zip(TIMES, (0.3, 0.2, 0.1, 0.1), strict=True)
    ]
    assert mean_curve(found, "rings", "diffusion") == []


def test_marks_have_intervals_over_seeds_by_either_cost() -> None:
    found = [
        Quality("rings", "flow", seed, at, 10, 0.1, True, [1e-2, 1.2e-2, 0.8e-2], int(at * 1000))
        for seed in range(2)
        for at in (10.0, 20.0)
    ]
    found.append(Quality("rings", "flow", 2, 10.0, 10, None))
    marks = marks_of(found, "rings", "flow", multiply_adds=True)
    assert [one.x for one in marks] == [10_000, 20_000] and all(one.apart for one in marks)
    assert marks[0].y == pytest.approx(0.1) and marks[0].low is not None and 0.08 < marks[0].low < 0.1
    assert [one.x for one in marks_of(found, "rings", "flow", multiply_adds=False)] == [10.0, 20.0]
    assert marks_of(found, "tree", "flow", multiply_adds=True) == []

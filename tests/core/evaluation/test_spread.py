"""Parts of a measurement are each measured once, by whichever rank, and found by all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from dnf_studio.core import ranks as speaking
from dnf_studio.core.evaluation import excess_rows, parts
from dnf_studio.core.evaluation.evaluate import evaluate
from dnf_studio.core.evaluation.spread import Part, measured, shares
from dnf_studio.core.ranks import ALONE, RankError, Ranks
from dnf_studio.errors import check_interrupt
from tests.core.evaluation.test_evaluate import Gaussian
from tests.problems import ExactFlow, to_standard_normal
from tests.ranks import as_ranks


def test_who_has_least_to_do_takes_the_longest_that_is_left() -> None:
    costs = {"a": 3.0, "b": 5.0, "c": 30.0, "d": 10.0, "e": 20.0}
    assert shares(costs, 1) == [["c", "e", "d", "b", "a"]]
    assert shares(costs, 2) == [["c", "b"], ["e", "d", "a"]]
    assert shares(costs, 3) == [["c"], ["e"], ["d", "b", "a"]]
    assert shares({}, 2) == [[], []]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_part_is_measured_once(count: int) -> None:
    done: list[str] = []

    def part(name: str) -> Part[Any]:
        def measure() -> complex:
            done.append(name)
            return complex(len(name), 0.1)

        return Part(measure, 1.0, lambda found: [found.real, found.imag], lambda values: complex(*values))

    names = ["a", "bb", "ccc"]
    found = as_ranks(count, lambda here: measured({name: part(name) for name in names}, here, lambda _: None))
    assert found == [{name: complex(len(name), 0.1) for name in names}] * count and sorted(done) == names


def slow(seconds: float) -> Callable[[], None]:
    def work() -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            check_interrupt()
            time.sleep(0.01)

    return work


def test_who_is_at_work_is_waited_for_and_who_is_not_is_told_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaking, "SAID_EVERY", 0.02)
    parts = {"short": Part(slow(0.0), 1.0), "long": Part(slow(0.6), 2.0)}
    assert (
        as_ranks(2, lambda here: measured(parts, here, lambda _: None), patience=0.2)
        == [{"short": None, "long": None}] * 2
    )

    def work(here: Ranks) -> str:
        if not here.writes:
            return ""
        with pytest.raises(RankError) as told:
            measured(parts, here, lambda _: None)
        return str(told.value)

    assert as_ranks(2, work, patience=0.1)[0].startswith("Rank 1 of 2 did not answer for 0.1 s")


def test_ranks_find_the_numbers_of_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Likelihoods, samples, bounds and excess, by one process and by two ranks."""
    monkeypatch.setattr(excess_rows, "NEIGHBOUR_POINTS", 200)
    monkeypatch.setattr(excess_rows, "ODE_POINTS", 20)
    monkeypatch.setattr(parts, "affordable_points", lambda _flow, points=500: min(points, 500))
    monkeypatch.setattr("dnf_studio.core.evaluation.likelihoods.BOUND_POINTS", 200)
    monkeypatch.setattr("dnf_studio.core.evaluation.likelihoods.ODE_POINTS", 50)
    flow = ExactFlow(to_standard_normal(), 4)

    def found(here: Ranks) -> dict[str, object]:
        with torch.no_grad():
            return evaluate(flow, Gaussian(), (2, 4), points=100, seeds=5, paths=2, ranks=here).as_dict()

    alone = found(ALONE)
    assert as_ranks(2, found) == [alone, alone]
    assert None not in (alone["nll_bound"], alone["nll_ode"], alone["excess_by_step"])

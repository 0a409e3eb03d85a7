"""Claims held against made-up numbers whose answers are known."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dnf_studio.reproduce.results import Measured
from dnf_studio.reproduce.verdicts import best_distance, claims, interval, steps_at_equal_quality

SETS = ("rings", "four-rings", "tree", "carpet", "checkerboard", "2spirals")


def row(steps: int, distance: float | None, outside: float | None = 0.01) -> dict[str, Any]:
    return {
        "steps": steps,
        "nfe": 2 * steps,
        "sliced_wasserstein": distance,
        "floor": 0.005,
        "outside": outside,
        "beyond_4": 0.0,
    }


def measured(
    data: str, model: str, seed: int, distance: float, outside: float = 0.01, seconds: float = 10.0
) -> Measured:
    rows = [row(n, distance, outside) for n in (5, 10, 50, 100)]
    values: dict[str, Any] = {
        "iterations": 100,
        "seconds": seconds,
        "batch": 100,
        "parameters": 1,
        "nll_bound": 2.0,
        "nll_ode": 1.85,
        "entropy": 1.8,
        "by_solver": {"sde": rows},
    }
    return Measured(data, model, seed, **values)


def of_all(diffflow: float, diffusion: float, seeds: int = 3, sets: tuple[str, ...] = SETS) -> list[Measured]:
    wobble = (0.0, 0.001, -0.001)
    return [
        one
        for data in sets
        for seed in range(seeds)
        for one in (
            measured(data, "diffflow", seed, diffflow + wobble[seed], 0.01 + wobble[seed], seconds=30.0 + seed),
            measured(data, "diffusion", seed, diffusion - wobble[seed], 0.05),
            measured(data, "flow", seed, 0.1, 0.2 + wobble[seed]),
        )
    ]


def answers(found: list[Measured]) -> list[str]:
    return [claim.answer for claim in claims(found)]


def test_all_hold() -> None:
    assert answers(of_all(0.01, 0.05)) == ["holds"] * 7


def test_as_many_steps_are_compared_with_as_many() -> None:
    found = [
        Measured(**(vars(one) | {"by_solver": {"sde": [row(5, near), row(50, 0.001), row(100, 0.001)]}}))
        for data in SETS
        for seed in range(3)
        for model, near in (("diffflow", 0.02 + 0.001 * seed), ("diffusion", 0.06))
        for one in (measured(data, model, seed, 0.5),)
    ]
    few, *_ = claims(found)
    assert few.answer == "holds" and "with as many" in few.claim


def test_more_steps_and_other_numbers_do_not() -> None:
    found = answers(of_all(0.05, 0.01))
    assert found[:3] == ["does not hold"] * 3


def test_one_seed_resolves_nothing() -> None:
    assert set(answers(of_all(0.01, 0.05, seeds=1))) == {"not resolved here"}


def test_nothing_measured_resolves_nothing() -> None:
    assert set(answers([])) == {"not resolved here"}


def test_five_of_six_are_enough_for_fifty_steps_and_four_are_not() -> None:
    five = of_all(0.01, 0.05, sets=SETS[:5]) + of_all(0.05, 0.01, sets=SETS[5:])
    four = of_all(0.01, 0.05, sets=SETS[:4]) + of_all(0.05, 0.01, sets=SETS[4:])
    assert answers(five)[1:3] == ["holds", "holds"]
    assert answers(four)[1:3] == ["does not hold", "holds"]


def test_what_is_within_chance_is_not_resolved() -> None:
    found = of_all(0.03, 0.03)
    assert answers(found)[:3] == ["not resolved here"] * 3


def test_the_best_solver_counts_and_one_that_exploded_does_not() -> None:
    one = measured("rings", "diffusion", 0, 0.2)
    both = Measured(
        **(vars(one) | {"by_solver": {"ddim": [row(10, None)], "heun": [row(10, 0.3)], "ode": [row(10, 0.1)]}})
    )
    assert best_distance(both, 10) == 0.1 and best_distance(both, 20) is None


def test_intervals_are_those_of_student() -> None:
    found = interval([1.0, 2.0, 3.0])
    assert found == pytest.approx((2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)), abs=1e-5)
    assert interval([1.0]) is None


def test_steps_at_equal_quality() -> None:
    line = [(10, 0.4), (40, 0.1)]
    assert steps_at_equal_quality(0.4, line) == 10
    assert steps_at_equal_quality(0.25, line) == pytest.approx(20)
    assert steps_at_equal_quality(0.05, line) is None
    assert steps_at_equal_quality(0.1, [(10, 0.1)]) == 10

"""Claims held against made-up numbers whose answers are known."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from dnf_studio.reproduce.distances import best_by_evaluations, best_solver, pooled, standing
from dnf_studio.reproduce.report import lowest_nll
from dnf_studio.reproduce.results import Measured
from dnf_studio.reproduce.verdicts import claims, interval, steps_at_equal_quality

SETS = ("rings", "four-rings", "tree", "carpet", "checkerboard", "2spirals")


def row(steps: int, distance: float | None, outside: float | None = 0.01) -> dict[str, Any]:
    return {
        "steps": steps,
        "nfe": 2 * steps,
        "sliced_wasserstein": distance,
        "squares": None if distance is None else [share * abs(distance) * distance for share in (0.98, 1.0, 1.02)],
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
        "nll_ode_error": 0.02,
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


def test_the_networks_of_what_is_compared_are_said_to_differ() -> None:
    sharper = claims(of_all(0.01, 0.05))[3]
    assert sharper.because.endswith("the flow's network has no random features of its input, DiffFlow's 32.")


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
    assert best_solver([both], 10) == "ode" and best_solver([both], 20) is None
    found = standing([both], 10)
    assert found is not None and found.value == pytest.approx(0.1) and standing([both], 20) is None
    better = replace(both, seed=1, by_solver={"heun": [row(10, 0.01)], "ode": [row(10, 0.1)]})
    assert best_solver([both, better], 10) == "ode", "in mean over seeds"


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


def test_a_distance_is_told_apart_or_equal_or_unresolved() -> None:
    apart, equal, unresolved = (
        pooled({seed: [middle + spread * k for k in (-1, 0, 1)] for seed in range(3)})
        for middle, spread in ((1e-4, 1e-5), (0.0, 1e-5), (0.0, 1e-4))
    )
    assert apart is not None and equal is not None and unresolved is not None
    assert (apart.word, equal.word, unresolved.word) == ("told apart", "equal", "unresolved")
    assert apart.value == pytest.approx(0.01) and apart.low < 0.01 < apart.high
    assert equal.low < 0 < equal.high < 0.005 < unresolved.high
    assert pooled({}) is None
    wide = pooled({0: [1e-4] * 3, 1: [9e-4] * 3, 2: [4e-4] * 3})
    assert wide is not None and (wide.low, wide.high) == pytest.approx((0.01, 0.03)), "seeds are drawn anew, too"


def test_there_is_no_rank_among_what_is_not_told_apart_from_the_data() -> None:
    """Each seed has the same small difference, but both may be at the data."""
    found = []
    for one in of_all(0.001, 0.002):
        rows = [r | {"squares": [r["squares"][1] + k * 1e-4 for k in (-1, 0, 1)]} for r in one.by_solver["sde"]]
        found.append(replace(one, by_solver={"sde": rows}))
    few, *_ = claims(found)
    assert few.answer == "not resolved here" and "equal" not in few.because and "unresolved" in few.because
    best = best_by_evaluations([one for one in found if (one.data, one.model) == ("rings", "diffflow")])
    assert [nfe for nfe, _ in best] == [10, 20, 100, 200]


def test_the_lowest_nll_of_the_ode_is_named_with_its_errors() -> None:
    def seeds(model: str, values: tuple[float, ...]) -> list[Measured]:
        return [replace(measured("rings", model, seed, 0.1), nll_ode=nll) for seed, nll in enumerate(values)]

    names = {"diffflow": "DiffFlow", "diffusion": "diffusion", "flow": "flow"}
    own = seeds("diffflow", (-0.66, -0.67, -0.65))
    told = lowest_nll({"diffflow": own, "diffusion": seeds("diffusion", (-0.71, -0.72, -0.70)), "flow": []}, names)
    assert told.startswith("The lowest NLL of the ODE is that of diffusion, 0.050 nats below DiffFlow, 95% from +0.050")
    assert "diffusion −0.710 ± 0.006, DiffFlow −0.660 ± 0.006" in told
    close = lowest_nll({"diffflow": own, "diffusion": seeds("diffusion", (-0.71, -0.61, -0.67))}, names)
    assert "which is not resolved here" in close
    assert lowest_nll({"diffflow": own[:1]}, names) == "NLL of the ODE: DiffFlow -0.660 ± 0.020."
    assert lowest_nll({}, names) == ""

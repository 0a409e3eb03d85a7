"""Claims held against made-up numbers whose answers are known."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from dnf_studio.core.evaluation.distances import pooled, word_of
from dnf_studio.reproduce.distances import chosen, curve, floor_of, place_at, ways
from dnf_studio.reproduce.learned import learned_claims
from dnf_studio.reproduce.report import lowest_nll
from dnf_studio.reproduce.results import Measured
from dnf_studio.reproduce.verdicts import claims, interval, steps_at_equal_quality

SETS = ("rings", "four-rings", "tree", "carpet", "checkerboard", "2spirals")


def row(steps: int, distance: float | None, outside: float | None = 0.01) -> dict[str, Any]:
    return {
        "steps": steps,
        "nfe": 2 * steps,
        "multiply_adds": 2000 * steps,
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
        "validation": {"sde": rows},
    }
    return Measured(data, model, seed, **values)


def by_solver(one: Measured, rows: dict[str, list[dict[str, Any]]]) -> Measured:
    """The same with these rows, by which solvers are chosen too."""
    return replace(one, by_solver=rows, validation=rows)


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


GOALS = 2
"""Claims about goals, which come first."""
STEPS = (5, 10, 50, 100)


def answers(found: list[Measured]) -> list[str]:
    return [claim.answer for claim in claims(found, STEPS)[GOALS:]]


def test_all_hold() -> None:
    assert answers(of_all(0.01, 0.05)) == ["holds"] * 7
    assert len(claims(of_all(0.01, 0.05), STEPS[:3])) == GOALS + 6, "100 steps are not in that plan"


def test_as_many_steps_are_compared_with_as_many() -> None:
    found = [
        by_solver(one, {"sde": [row(5, near), row(50, 0.001), row(100, 0.001)]})
        for data in SETS
        for seed in range(3)
        for model, near in (("diffflow", 0.02 + 0.001 * seed), ("diffusion", 0.06))
        for one in (measured(data, model, seed, 0.5),)
    ]
    few = claims(found)[GOALS]
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


def test_the_solver_is_chosen_by_other_draws_than_those_it_is_judged_by() -> None:
    one = measured("rings", "diffusion", 0, 0.2)
    seen = {"ddim": [row(10, None)], "heun": [row(10, 0.3)], "ode": [row(10, 0.1)]}
    fresh = {"heun": [row(10, 0.01)], "ode": [row(10, 0.2)]}
    both = replace(one, validation=seen, by_solver=fresh)
    assert chosen(seen, 10) == ("ode", 10) and chosen(seen, 20) is None and chosen(seen, evaluations=19) is None
    found = place_at([both], 10)
    assert found is not None and found.pooled.value == pytest.approx(0.2) and found.solvers == ("ode",)
    assert place_at([both], 20) is None
    other = replace(both, seed=1, validation={"heun": [row(10, 0.01)]})
    pair = place_at([both, other], 10)
    assert pair is not None and pair.solvers == ("ode", "heun"), "each trained model has its own"
    assert place_at([both, replace(both, seed=2, by_solver={})], 10) is None, "of all seeds or of none"


def test_what_is_measured_is_the_best_at_each_n_and_within_each_cost() -> None:
    slow = [row(n, d) | {"nfe": 4 * n} for n, d in ((5, 0.02), (10, 0.01))]
    quick = [row(n, d) for n, d in ((5, 0.06), (10, 0.03))]
    found = ways({"slow": slow, "quick": quick, "broken": [row(5, None)]})
    # Of 10 evaluations at N = 5 and 20 at N = 10, as the goals have them, only the quick one has so few
    assert found == {("slow", 5): 0.02, ("slow", 10): 0.01, ("quick", 5): 0.06, ("quick", 10): 0.03}
    assert ways({"quick": [row(20, 0.03), row(50, 0.04)]}) == {("quick", 20): 0.03, ("quick", 50): 0.04}
    assert ways({}) == {}


def lattice(near: dict[int, float], seed: int = 0, model: str = "diffflow", data: str = "rings") -> Measured:
    return by_solver(measured(data, model, seed, 0.1), {"sde": [row(n, d) for n, d in near.items()]})


def test_steps_to_the_floor_are_the_least_that_are_equal() -> None:
    found = [lattice({5: 0.02, 7: 0.006, 10: 0.004, 14: 0.003, 20: 0.006}, seed) for seed in range(3)]
    steps, evaluations, cost = (floor_of(found, axis) for axis in ("steps", "evaluations", "multiply_adds"))
    assert steps is not None and (steps.steps, steps.pooled.word) == (10, "equal")
    assert evaluations is not None and evaluations.at("evaluations") == 20
    assert cost is not None and cost.at("multiply_adds") == 20_000
    assert floor_of([*found[:1], lattice({5: 0.02}, 3)], "steps") is None
    # More evaluations than serve add no point to the curve: 20 steps are farther than 14
    assert [place.steps for place in curve(found, "evaluations")] == [5, 7, 10, 14]
    assert [place.steps for place in curve(found, "steps")] == [5, 7, 10, 14, 20]


def test_goals_are_met_only_by_what_is_equal() -> None:
    def answers_at(five: float, ten: float, seeds: int = 3) -> list[str]:
        found = [lattice({5: five, 10: ten}, seed, data=data) for data in SETS for seed in range(seeds)]
        return [claim.answer for claim in claims(found)[:GOALS]]

    assert answers_at(0.004, 0.003) == ["holds", "holds"]
    assert answers_at(0.02, 0.003) == ["does not hold", "holds"]
    assert answers_at(0.004, 0.003, seeds=1) == ["not resolved here"] * 2
    at_five, at_ten = claims([lattice({5: 0.004, 10: 0.004}, seed) for seed in range(2)])[:GOALS]
    assert claims([], (), SETS)[0].claim.count("at least 4 of 6") == 1
    assert "at least 1 of 1" in at_five.claim and "20 network evaluations" in at_ten.claim and at_ten.answer == "holds"


def test_a_learned_forward_process_is_held_against_a_frozen_one() -> None:
    wobble = (1.0, 1.03, 0.97)

    def pairs(frozen: dict[int, float], seeds: int = 3) -> list[Measured]:
        learned = {5: 0.04, 10: 0.02, 20: 0.01}
        return [
            lattice({n: d * wobble[seed] for n, d in line.items()}, seed, model, data)
            for data in SETS
            for seed in range(seeds)
            for model, line in (("diffflow", learned), ("frozen", frozen))
        ]

    fewer, at_five, at_ten, within_ten, within_twenty, likelier = learned_claims(
        pairs({5: 0.08, 10: 0.04, 20: 0.02}), SETS
    )
    assert {one.answer for one in (fewer, at_five, at_ten, within_ten, within_twenty)} == {"holds"}
    assert "2.00 (2.00 to 2.00) in geometric mean" in fewer.because and likelier.answer == "not resolved here"
    assert learned_claims(pairs({5: 0.02, 10: 0.01, 20: 0.01}), SETS)[0].answer == "does not hold"
    assert learned_claims(pairs({5: 0.0401, 10: 0.02, 20: 0.01}), SETS)[0].answer == "does not hold", (
        "saves next to nothing"
    )
    assert learned_claims(pairs({5: 0.08, 10: 0.04, 20: 0.02}, seeds=1), SETS)[0].answer == "not resolved here"
    assert {one.answer for one in learned_claims([lattice({5: 0.04})], SETS)} == {"not resolved here"}
    half = [one for one in pairs({5: 0.08, 10: 0.04, 20: 0.02}) if one.data in SETS[:2]]
    assert learned_claims(half, SETS)[1].answer == "not resolved here", "sets of the plan that are not measured count"
    cheap = [
        by_solver(one, {"sde": [{**found, "nfe": found["steps"]} for found in one.by_solver["sde"]]})
        if one.model == "frozen"
        else one
        for one in pairs({5: 0.08, 10: 0.03, 20: 0.01})
    ]
    _, at_five, _, within_ten, *_ = learned_claims(cheap, SETS)
    assert (at_five.answer, within_ten.answer) == ("holds", "does not hold"), (
        "10 frozen steps cost what 5 learned ones do"
    )


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
    assert (word_of(0.001, 0.005), word_of(0.001, 0.006), word_of(-0.001, 0.006)) == (
        "equal", "told apart", "unresolved"
    )  # fmt: skip
    wide = pooled({0: [1e-4] * 3, 1: [9e-4] * 3, 2: [4e-4] * 3})
    assert wide is not None and (wide.low, wide.high) == pytest.approx((0.01, 0.03)), "seeds are drawn anew, too"


def test_there_is_no_rank_among_what_is_not_told_apart_from_the_data() -> None:
    """Each seed has the same small difference, but both may be at the data."""
    found = []
    for one in of_all(0.001, 0.002):
        rows = [r | {"squares": [r["squares"][1] + k * 1e-4 for k in (-1, 0, 1)]} for r in one.by_solver["sde"]]
        found.append(by_solver(one, {"sde": rows}))
    few = claims(found)[GOALS]
    assert few.answer == "not resolved here" and "equal" not in few.because and "unresolved" in few.because
    best = curve([one for one in found if (one.data, one.model) == ("rings", "diffflow")], "evaluations")
    assert best[0].evaluations == 10


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

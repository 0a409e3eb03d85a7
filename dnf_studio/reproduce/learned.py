"""Whether it helps to learn the forward process: the same model with one that is learned and one that is frozen."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dnf_studio.core.evaluation.distances import EQUAL, pooled, signed_root
from dnf_studio.reproduce.distances import squares_at
from dnf_studio.reproduce.results import Measured
from dnf_studio.reproduce.verdicts import (
    FEW,
    FEWEST,
    Claim,
    answer_of,
    answer_of_many,
    interval,
    of_model,
    paired,
    rank,
    signed,
    steps_at_equal_quality,
    told_place,
)

FROZEN = "frozen"
"""The arm whose forward process is not learned."""
SAVED = 1.1
"""A saving of less than this factor is none."""


def learned_claims(measured: Sequence[Measured], names: Sequence[str]) -> tuple[Claim, ...]:
    """The same model with a forward process that is learned and one that is frozen, on the sets `names` of a plan."""
    ratios = {name: _steps_saved(measured, name) for name in names}
    by_seed = [
        float(np.mean(logs))
        for seed in sorted({seed for own in ratios.values() for seed in own})
        if (logs := [own[seed] for own in ratios.values() if seed in own])
    ]
    found, answer = interval(by_seed), answer_of(by_seed)
    if found is not None and found[1] < math.log(SAVED):
        answer = "does not hold"
    each = ", ".join(f"{name} {_factor(list(own.values()))}" for name, own in ratios.items())
    fewer = Claim(
        "A learned forward process needs fewer steps than the same model with a frozen one.",
        answer,
        f"The frozen one's N over the learned one's, at which each first is as near as the worse of the two gets, or "
        f"{EQUAL:g}: {_factor(by_seed)} in geometric mean over sets, paired by seed; below {SAVED:g} with certainty "
        f"counts as no. By set: {each}.",
    )
    nearer = (
        *(_learned_nearer(measured, names, f"With {n} steps", n, 2 * n) for n in (FEWEST, FEW)),
        # A learned step asks two networks and a frozen one only one: as many steps are not as dear
        *(_learned_nearer(measured, names, f"Within {2 * n} network evaluations", None, 2 * n) for n in (FEWEST, FEW)),
    )
    return fewer, *nearer, _learned_likelier(measured, names)


def _steps_saved(measured: Sequence[Measured], data: str) -> dict[int, float]:
    """By seed, ln of the frozen model's N over the learned one's at equal quality."""
    learned, frozen = of_model(measured, data, "diffflow"), of_model(measured, data, FROZEN)
    found = {}
    for seed in sorted(learned.keys() & frozen.keys()):
        lines = [_line(one) for one in (learned[seed], frozen[seed])]
        if not all(lines):
            continue
        both = max(EQUAL, *(min(distance for _, distance in line) for line in lines))
        own, other = (steps_at_equal_quality(both, line) for line in lines)
        if own is not None and other is not None:
            found[seed] = math.log(other / own)
    return found


def _line(one: Measured) -> list[tuple[float, float]]:
    """Distances by N of one model."""
    numbers = sorted({row["steps"] for rows in one.validation.values() for row in rows})
    squares = ((n, squares_at([one], n)) for n in numbers)
    return [(float(n), signed_root(float(np.mean(found[one.seed])))) for n, found in squares if found]


def _factor(logs: Sequence[float]) -> str:
    """A geometric mean with its interval."""
    if not logs:
        return "unknown"
    found = interval(logs)
    ends = "" if found is None else f" ({math.exp(found[0]):.2f} to {math.exp(found[1]):.2f})"
    return f"{math.exp(float(np.mean(logs))):.2f}{ends}"


def _learned_nearer(
    measured: Sequence[Measured], names: Sequence[str], words: str, steps: int | None, evaluations: int
) -> Claim:
    """Which is nearer with `steps` steps, or any number of them, and at most so many evaluations; `words` say which."""
    answers, found = {}, []
    for name in names:
        own, other = (
            squares_at(list(of_model(measured, name, model).values()), steps, evaluations)
            for model in ("diffflow", FROZEN)
        )
        answers[name] = rank(own, other)
        found.append(f"{name} {told_place(pooled(own))} against {told_place(pooled(other))}")
    needed = math.ceil(len(names) / 2)
    return Claim(
        f"{words} a learned forward process comes nearer to the data than a frozen one on at least {needed} "
        f"of {len(names)} sets.",
        answer_of_many(answers, needed),
        f"Distances with {'any N and ' if steps is None else ''}at most {evaluations} network evaluations, each with "
        f"its 95% interval: {', '.join(found)}.",
    )


def _learned_likelier(measured: Sequence[Measured], names: Sequence[str]) -> Claim:
    gaps = {
        name: paired(measured, name, ("diffflow", FROZEN), (lambda one: one.nll_ode, lambda one: one.nll_ode))
        for name in names
    }
    needed = math.ceil(len(names) / 2)
    return Claim(
        f"A learned forward process gives a lower NLL of the ODE than a frozen one on at least {needed} of "
        f"{len(names)} sets.",
        answer_of_many({name: answer_of(found) for name, found in gaps.items()}, needed),
        f"The frozen one's less the learned one's, nats: {', '.join(f'{n} {signed(gap)}' for n, gap in gaps.items())}.",
    )

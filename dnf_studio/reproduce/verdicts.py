"""Claims held against the numbers: each holds, does not hold, or is not resolved here.

A difference counts where the 95% interval of the mean over training seeds, in pairs, leaves out zero
(Student's t; method.md, section 15). With one seed there is no interval and nothing is resolved. Distances are compared
by their squares, and where neither model is told apart from the data there is no rank between them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dnf_studio.core.evaluation.distances import EQUAL, Pooled, Shares, pooled
from dnf_studio.reproduce.distances import place_at, squares_at
from dnf_studio.reproduce.results import Measured

Answer = Literal["holds", "does not hold", "not resolved here"]
SHARP = ("rings", "four-rings", "tree", "carpet")
"""Sets whose support has edges or is thin."""
FEWEST, FEW = 5, 10
MANY = (50, 5 / 6), (100, 3 / 6)
"""N of the diffusion model that `FEW` are held against, and on which share of the sets."""
DENSITIES = {"checkerboard": 0.08, "rings": 0.40}
"""How near the ODE's NLL is to come to the entropy, nats, where the set is among those compared."""
GOALS = (FEWEST, 4 / 6), (FEW, 1.0)
"""N with which DiffFlow is to be equal to the data, and on which share of the sets."""


@dataclass(frozen=True)
class Claim:
    """One claim, what came of it, and the numbers behind."""

    claim: str
    answer: Answer
    because: str


def outside_share(measured: Measured, steps: int) -> float | None:
    """The share of samples off the support at N = `steps` with the solver chosen there."""
    found = place_at([measured], steps)
    return None if found is None else found.outside


def interval(differences: Sequence[float]) -> tuple[float, float] | None:
    """The 95% interval of their mean; None of fewer than two."""
    if len(differences) < 2:
        return None
    from scipy.stats import t

    mean, n = float(np.mean(differences)), len(differences)
    half = float(t.ppf(0.975, n - 1)) * float(np.std(differences, ddof=1)) / math.sqrt(n)
    return mean - half, mean + half


def steps_at_equal_quality(reference: float, other: Iterable[tuple[float, float]]) -> float | None:
    """The N at which distances `other` by N first come down to `reference`, on a line in ln N; None where never.

    The same for seconds of training instead of N.
    """
    before: tuple[float, float] | None = None
    for n, distance in sorted(other):
        if distance <= reference:
            if before is None or before[1] <= distance:
                return float(n)
            share = (before[1] - reference) / (before[1] - distance)
            return math.exp(math.log(before[0]) + share * (math.log(n) - math.log(before[0])))
        before = n, distance
    return None


def claims(measured: Sequence[Measured], steps: Sequence[int] = (), sets: Sequence[str] = ()) -> tuple[Claim, ...]:
    """All of them, for as many seeds as were measured; `steps` and `sets` are those of the plan.

    Without `sets` they are of those that something was measured on.
    """
    names = list(sets) or sets_of(measured)
    many = [(n, share) for n, share in MANY if n in steps]
    return (
        *(_at_the_data(measured, names, n, share) for n, share in GOALS),
        _nearer(measured, names, FEWEST, FEWEST, 5 / 6),
        *(_nearer(measured, names, FEW, n, share) for n, share in many),
        _sharper(measured, [name for name in names if name in SHARP]),
        *(_density(measured, name, nats) for name, nats in DENSITIES.items()),
        _dearer(measured),
    )


def of_model(measured: Sequence[Measured], data: str, model: str) -> dict[int, Measured]:
    """Those of one kind of model on one set, by seed."""
    return {one.seed: one for one in measured if (one.data, one.model) == (data, model)}


def paired(
    measured: Sequence[Measured],
    data: str,
    models: tuple[str, str],
    values: tuple[Callable[[Measured], float | None], Callable[[Measured], float | None]],
) -> list[float]:
    """Second less first, seed by seed, where both are known."""
    first, second = (of_model(measured, data, model) for model in models)
    found = []
    for seed in sorted(first.keys() & second.keys()):
        a, b = values[0](first[seed]), values[1](second[seed])
        if a is not None and b is not None:
            found.append(b - a)
    return found


def sets_of(measured: Sequence[Measured]) -> list[str]:
    """The sets that something was measured on."""
    return list(dict.fromkeys(one.data for one in measured))


def answer_of_many(answers: Mapping[str, Answer], needed: int) -> Answer:
    """Whether enough sets say yes, or too many no."""
    yes, no = (sum(answer == kind for answer in answers.values()) for kind in ("holds", "does not hold"))
    if answers and yes >= needed:
        return "holds"
    return "does not hold" if answers and no > len(answers) - needed else "not resolved here"


def answer_of(differences: Sequence[float]) -> Answer:
    """Whether they are above zero beyond chance."""
    found = interval(differences)
    if found is None or found[0] <= 0 <= found[1]:
        return "not resolved here"
    return "holds" if found[0] > 0 else "does not hold"


def _at_the_data(measured: Sequence[Measured], names: Sequence[str], steps: int, share: float) -> Claim:
    """Whether DiffFlow is equal to the data with so many steps of two evaluations."""
    answers: dict[str, Answer] = {}
    words = []
    for name in names:
        own = list(of_model(measured, name, "diffflow").values())
        found = place_at(own, steps, 2 * steps)
        answers[name] = "not resolved here"
        if found is not None and len(own) > 1:
            near = found.pooled
            answers[name] = "holds" if near.high <= EQUAL else "does not hold" if near.low > EQUAL else answers[name]
        words.append(f"{name} {told_place(None if found is None else found.pooled)}")
    needed = math.ceil(share * len(answers))
    return Claim(
        f"Goal: with {steps} steps, {2 * steps} network evaluations, DiffFlow's samples are equal to the data on at "
        f"least {needed} of {len(answers)} sets: the 95% interval of their distance ends at {EQUAL:g} or below.",
        answer_of_many(answers, needed),
        f"Their distance with its interval: {', '.join(words) or 'not measured'}.",
    )


def _nearer(measured: Sequence[Measured], names: Sequence[str], own: int, other: int, share: float) -> Claim:
    """DiffFlow with `own` steps against the diffusion model with `other`, on a share of the sets."""
    answers, words = {}, []
    for name in names:
        first, second = (list(of_model(measured, name, model).values()) for model in ("diffflow", "diffusion"))
        shares = squares_at(first, own), squares_at(second, other)
        answers[name] = rank(*shares)
        words.append(f"{name} {told_place(pooled(shares[0]))} against {told_place(pooled(shares[1]))}")
    needed = math.ceil(share * len(names))
    told = ", ".join(words)
    return Claim(
        f"With {own} steps DiffFlow's samples are nearer to the data than a diffusion model's with "
        f"{'as many' if own == other else other}, each with the solver that its validation draws choose, on at least "
        f"{needed} of {len(names)} sets.",
        answer_of_many(answers, needed),
        f"DiffFlow's distance against the diffusion model's, each with its 95% interval: {told or 'not measured'}.",
    )


def rank(own: Shares, other: Shares) -> Answer:
    """Whether the first is nearer to the data than the second; not resolved where both may be at the data."""
    stands = pooled(own), pooled(other)
    if not any(one is not None and one.word == "told apart" for one in stands):
        return "not resolved here"
    return answer_of([float(np.mean(other[seed]) - np.mean(own[seed])) for seed in sorted(own.keys() & other.keys())])


def told_place(one: Pooled | None) -> str:
    """The distance with its interval and, unless it is told apart from the data, what it is."""
    if one is None:
        return "unknown"
    word = "" if one.word == "told apart" else f", {one.word}"
    return f"{one.value:.4f} ({one.low:.4f} to {one.high:.4f}{word})".replace("-", "−")


def _sharper(measured: Sequence[Measured], names: Sequence[str]) -> Claim:
    at = max((row["steps"] for one in measured for rows in one.by_solver.values() for row in rows), default=0)
    differences = {
        name: paired(
            measured,
            name,
            ("diffflow", "flow"),
            (lambda m: _triple(outside_share(m, at)), lambda m: outside_share(m, at)),
        )
        for name in names
    }
    answers = {name: answer_of(found) for name, found in differences.items()}
    told = ", ".join(
        f"{name} {_mean_outside(measured, name, 'diffflow', at)} against {_mean_outside(measured, name, 'flow', at)}"
        for name in names
    )
    return Claim(
        "Of DiffFlow's samples at most a third as many lie off the support of sharp sets as of the flow's.",
        answer_of_many(answers, len(names)),
        f"Share farther than 0.02 from the support at N = {at}: {told or 'no sharp set was compared'}.",
    )


def _density(measured: Sequence[Measured], name: str, nats: float) -> Claim:
    gaps = [
        one.nll_ode - one.entropy
        for one in of_model(measured, name, "diffflow").values()
        if one.nll_ode is not None and one.entropy is not None
    ]
    found = interval(gaps)
    answer: Answer = "not resolved here"
    if found is not None:
        answer = "holds" if found[1] <= nats else "does not hold" if found[0] > nats else answer
    told = "not measured" if not gaps else f"{np.mean(gaps):.3f} nats"
    return Claim(
        f"The density of DiffFlow's probability flow on {name} is within {nats:g} nats of the exact one.",
        answer,
        f"Its NLL less the entropy: {told}.",
    )


def _dearer(measured: Sequence[Measured]) -> Claim:
    def cost(one: Measured) -> float:
        return one.seconds / one.iterations / one.batch * 1e6

    names = sets_of(measured)
    ratios: dict[int, list[float]] = {}
    for name in names:
        first, second = of_model(measured, name, "diffflow"), of_model(measured, name, "diffusion")
        for seed in first.keys() & second.keys():
            ratios.setdefault(seed, []).append(math.log(cost(first[seed]) / cost(second[seed])))
    means = [float(np.mean(found)) for found in ratios.values()]
    told = f"{math.exp(float(np.mean(means))):.1f} times per point" if means else "not measured"
    return Claim(
        "An iteration of DiffFlow costs more than one of a diffusion model, which is its weak point.",
        answer_of(means),
        f"Time of training: {told}, in geometric mean over the sets. The paper says that training took it six times as "
        "long on such sets.",
    )


def _triple(value: float | None) -> float | None:
    return None if value is None else 3 * value


def _mean_outside(measured: Sequence[Measured], data: str, model: str, steps: int) -> str:
    found = [
        value for one in of_model(measured, data, model).values() if (value := outside_share(one, steps)) is not None
    ]
    return f"{100 * float(np.mean(found)):.3g}%" if found else "unknown"


def signed(found: Sequence[float]) -> str:
    """Their mean and, of two or more, its 95% interval."""
    if not found:
        return "unknown"
    bounds = interval(found)
    spread = "" if bounds is None else f" ({bounds[0]:+.4f} to {bounds[1]:+.4f})"
    return f"{float(np.mean(found)):+.4f}{spread}".replace("-", "−")

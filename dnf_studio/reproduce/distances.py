"""How near each kind of model comes, over its training seeds: by N, by network evaluations, by multiply-adds.

Each model is judged with the solver that was best for it by its validation draws, which share no point with those that
it is judged by (method.md, section 15). `core.evaluation.distances` has the statistics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dnf_studio.core.evaluation.distances import Pooled, Shares, pooled
from dnf_studio.reproduce.results import Measured, Rows

Axis = Literal["steps", "evaluations", "multiply_adds"]
AXES: dict[Axis, str] = {
    "steps": "steps N",
    "evaluations": "network evaluations a sample",
    "multiply_adds": "multiply-adds a sample",
}
GOALS = (5, 10)
"""Numbers of steps that goals are for, with two network evaluations each."""
Way = tuple[str, int]
"""A solver and its N."""


@dataclass(frozen=True)
class Place:
    """How near one kind of model is with so many steps, or with at most so many evaluations, over all of its seeds."""

    pooled: Pooled
    steps: float
    """N, in mean over seeds, as each has the solver and N that were best for it."""
    evaluations: float
    multiply_adds: float
    solvers: tuple[str, ...]
    """That of each seed."""
    outside: float | None
    """Share of samples off the support, in mean."""

    def at(self, axis: Axis) -> float:
        """Where it is on an axis."""
        return float(getattr(self, axis))


def chosen(validation: Rows, steps: int | None = None, evaluations: int | None = None) -> Way | None:
    """The solver and N whose validation distance is least, of those with this N and at most so many evaluations.

    Of equal ones the cheapest; None where there is none whose samples are finite.
    """
    found: list[tuple[float, int, Way]] = [
        (row["sliced_wasserstein"], row["nfe"], (solver, row["steps"]))
        for solver, rows in validation.items()
        for row in rows
        if row["sliced_wasserstein"] is not None
        and steps in (None, row["steps"])
        and (evaluations is None or row["nfe"] <= evaluations)
    ]
    return min(found)[2] if found else None


def ways(validation: Rows) -> dict[Way, float]:
    """What is to be measured: the best at each N, within each number of evaluations, and for the goals.

    With each its validation distance.
    """
    rows = {(solver, row["steps"]): row for solver, own in validation.items() for row in own}
    asked: list[tuple[int | None, int | None]] = [(n, None) for n in sorted({n for _, n in rows})]
    asked += [(None, nfe) for nfe in sorted({row["nfe"] for row in rows.values()})]
    asked += [(n, 2 * n) for n in GOALS]
    found = (chosen(validation, *one) for one in asked)
    return {way: float(rows[way]["sliced_wasserstein"]) for way in dict.fromkeys(found) if way is not None}


def _row(one: Measured, steps: int | None, evaluations: int | None) -> tuple[str, dict[str, Any]] | None:
    way = chosen(one.validation, steps, evaluations)
    if way is None:
        return None
    rows = (row for row in one.by_solver.get(way[0], ()) if row["steps"] == way[1] and row["squares"])
    found = next(rows, None)
    return None if found is None else (way[0], found)


def squares_at(found: Sequence[Measured], steps: int | None = None, evaluations: int | None = None) -> Shares:
    """By seed, the shares in D² with `steps` steps, or at most so many evaluations, and each seed's chosen solver.

    Seeds where that is not known are left out.
    """
    rows = {one.seed: _row(one, steps, evaluations) for one in found}
    return {seed: list(row[1]["squares"]) for seed, row in rows.items() if row is not None}


def place_at(found: Sequence[Measured], steps: int | None = None, evaluations: int | None = None) -> Place | None:
    """The same over all seeds; None unless it is known for each of them."""
    rows = [row for one in found if (row := _row(one, steps, evaluations)) is not None]
    near = pooled(squares_at(found, steps, evaluations))
    if near is None or len(rows) < len(found):
        return None

    def mean(key: str) -> float:
        return float(np.mean([row.get(key) or math.nan for _, row in rows]))

    outside = [row["outside"] for _, row in rows if row["outside"] is not None]
    share = float(np.mean(outside)) if outside else None
    names = tuple(solver for solver, _ in rows)
    return Place(near, mean("steps"), mean("nfe"), mean("multiply_adds"), names, share)


def curve(found: Sequence[Measured], axis: Axis) -> list[Place]:
    """The places along an axis, the least cost first; over a cost that one of any N with no more of it is best at."""
    if axis == "steps":
        numbers = sorted({row["steps"] for one in found for rows in one.validation.values() for row in rows})
        return [place for n in numbers if (place := place_at(found, n)) is not None]
    costs = sorted({row["nfe"] for one in found for rows in one.by_solver.values() for row in rows})
    places = [place for cost in costs if (place := place_at(found, evaluations=cost)) is not None]
    # More evaluations than are of use change nothing
    return [place for k, place in enumerate(places) if k == 0 or place != places[k - 1]]


def floor_of(found: Sequence[Measured], axis: Axis) -> Place | None:
    """Where a kind of model first is *equal* to the data: its steps to the floor; None where it never is."""
    return next((place for place in curve(found, axis) if place.pooled.word == "equal"), None)

"""Distances to the data over training seeds and draws, and whether there is a rank among them (method.md, section 15).

Each model, training seed, N and draw has references of its own. The squared distances are averaged and
bootstrapped over both, the signed root is taken last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dnf_studio.core.evaluation.distances import signed_root
from dnf_studio.reproduce.results import Measured

__all__ = ["EQUAL", "Pooled", "Shares", "best_by_evaluations", "best_solver", "pooled", "squares_at", "standing"]

EQUAL = 0.005
"""A distance whose interval ends below is as good as none."""
RESAMPLES = 4000
Word = Literal["told apart", "equal", "unresolved"]
Shares = dict[int, list[float]]
"""The shares in D² of the draws, by training seed."""


@dataclass(frozen=True)
class Pooled:
    """A distance of one kind of model over its training seeds and draws: signed roots of D² and of its interval."""

    value: float
    low: float
    high: float

    @property
    def word(self) -> Word:
        """Told apart from the data; or equal to it, up to `EQUAL`; or neither. Only the first has a rank."""
        if self.low > 0:
            return "told apart"
        return "equal" if self.high <= EQUAL else "unresolved"


def pooled(shares: Shares) -> Pooled | None:
    """Mean and 95% interval of D², seeds drawn anew with their draws; None without seeds.

    Of few seeds such an interval is rather short: comparisons of models use Student's t over seeds instead.
    """
    if not shares:
        return None
    rows, source = list(shares.values()), np.random.default_rng(0)
    # A mean over draws for each place that a seed may be drawn to
    means = [np.asarray(row)[source.integers(0, len(row), (RESAMPLES, len(rows), len(row)))].mean(-1) for row in rows]
    seeds = source.integers(0, len(rows), (RESAMPLES, len(rows)))
    drawn = np.stack(means)[seeds, np.arange(RESAMPLES)[:, None], np.arange(len(rows))].mean(1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    value = float(np.mean([np.mean(row) for row in rows]))
    return Pooled(signed_root(value), signed_root(float(low)), signed_root(float(high)))


def best_solver(found: Sequence[Measured], steps: int) -> str | None:
    """The solver whose D² at N = `steps` is least in mean over seeds, of those finite for all; None of none."""
    means = {}
    for solver in dict.fromkeys(name for one in found for name in one.by_solver):
        known = squares_at(found, steps, solver)
        if known and len(known) == len(found):
            means[solver] = float(np.mean([np.mean(row) for row in known.values()]))
    return min(means, key=means.__getitem__, default=None)


def squares_at(found: Sequence[Measured], steps: int, solver: str | None = None) -> Shares:
    """The shares in D² at N = `steps` by `solver`, unless given the best one; nothing where that is not known."""
    name = best_solver(found, steps) if solver is None else solver
    return {
        one.seed: list(row["squares"])
        for one in found
        for row in one.by_solver.get(name or "", ())
        if row["steps"] == steps and row["squares"]
    }


def standing(found: Sequence[Measured], steps: int) -> Pooled | None:
    """The distance at N = `steps` with the best solver."""
    return pooled(squares_at(found, steps))


def best_by_evaluations(found: Sequence[Measured]) -> list[tuple[float, Pooled]]:
    """The best distance of any solver with at most so many network evaluations, for each number there is."""
    best: Pooled | None = None
    line = []
    by_nfe: dict[int, set[tuple[str, int]]] = {}
    for solver, row in _rows(found):
        by_nfe.setdefault(row["nfe"], set()).add((solver, row["steps"]))
    for nfe, ways in sorted(by_nfe.items()):
        here = [pooled(squares_at(found, steps, solver)) for solver, steps in sorted(ways)]
        best = min((one for one in (best, *here) if one is not None), key=lambda one: one.value, default=None)
        if best is not None:
            line.append((float(nfe), best))
    return line


def _rows(found: Sequence[Measured]) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in found:
        for solver, rows in one.by_solver.items():
            for row in rows:
                yield solver, row

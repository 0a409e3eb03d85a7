"""Forward against backward, marginal by marginal: how far apart the two clouds are at every step.

If both processes are each other's reverse, x_i has the same law in both at every node i. The sliced
Wasserstein-2 distance between their points says where that fails, in the units of the points. Two
finite sets of one law are not at distance 0 either: the floor says what to expect of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.evaluation.distances import Projections, directions, squared_distance
from dnf_studio.errors import Check, DataError

FEWEST = 4
"""Points without which there are no two halves to compare."""
LINES, SPLITS = 32, 8
"""Directions for the distance, and splits for the floor, which share them out among themselves. Half of the directions
that compare samples change the distances of 2,000 points in the plane by under 1% and take half the time."""
Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Marginals:
    """Distances between both processes (N+1,), float64, row i at t_i; NaN where too few points are finite."""

    distance: NDArray[np.float64]
    """Sliced Wasserstein-2 distance of the P forward points to the P backward points, not debiased."""
    floor: NDArray[np.float64]
    """What two sets of P points of one law differ by, on average."""
    highest: NDArray[np.float64]
    """The largest of eight such differences: chance alone makes more at one step in ten or so."""


def compare_marginals(forward: Array, backward: Array, check: Check | None = None) -> Marginals:
    """Distance and floor at every node of two sets of paths (N+1, P, D), row i of both at t_i.

    The floor is resampled: a random half of each process together against the other two halves, P
    points against P points, for eight splits. Where both laws are equal these are two independent
    sets of that law, of the very size of the sets compared, so nothing is extrapolated to another
    number of points, as from halves of one process alone; where they differ, both sets still hold as
    many points of each. One split would be as uncertain as the distance itself. The splits are the
    same at every step, so that the floor changes as little from step to step as the points do. A
    point that is not finite in one process is left out of both.

    `check` is called before every step and raises to leave. Raises `DataError` for other shapes.
    """
    if forward.ndim != 3 or forward.shape != backward.shape or not all(forward.shape):
        raise DataError(
            "Marginals are compared between two sets of paths of one shape (N+1, P, D), "
            f"not {forward.shape} and {backward.shape}."
        )
    if forward.shape[1] < FEWEST:
        raise DataError(f"At least {FEWEST} points are needed to compare marginals, not {forward.shape[1]}.")
    found = np.full((3, len(forward)), np.nan)
    for i, (a, b) in enumerate(zip(forward, backward, strict=True)):
        if check is not None:
            check()
        kept = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
        if not kept.all():
            a, b = a[kept], b[kept]
        if len(a) >= FEWEST:
            with np.errstate(over="ignore", invalid="ignore"):
                found[:, i] = _compare(a, b)
    return Marginals(*np.sqrt(found))


def _compare(a: Array, b: Array) -> tuple[float, float, float]:
    """SWD² of `a` (P, D) and `b`, and mean and maximum of that of the splits."""
    lines, pool = directions(a.shape[1], LINES), np.concatenate([a, b])
    between = squared_distance(Projections(a, lines), Projections(b, lines))
    within = []
    for k, halves in enumerate(_splits(len(a))):
        some = lines[k::SPLITS] if len(lines) > SPLITS else lines
        one, other = (Projections(pool[half], some) for half in halves)
        within.append(squared_distance(one, other))
    return between, sum(within) / len(within), max(within)


@lru_cache(maxsize=8)
def _splits(count: int) -> NDArray[np.int64]:
    """Rows of 2 · `count` pooled points, (SPLITS, 2, n): in each half half of the first `count` and of the others."""
    random, half = np.random.default_rng(0), count // 2
    orders = [[random.permutation(count)[: 2 * half] + start for start in (0, count)] for _ in range(SPLITS)]
    return np.stack([np.stack(pair, axis=1).reshape(2, -1) for pair in orders])

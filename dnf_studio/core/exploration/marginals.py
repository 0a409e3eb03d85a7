"""Clouds of points: principal components, and forward against backward marginals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.evaluation.distances import Projections, directions, squared_distance
from dnf_studio.errors import Check, DataError

__all__ = ["FEWEST", "Marginals", "Plane", "PrincipalComponents", "compare_marginals", "principal_components"]

FEWEST = 4
"""Points without which there are no two halves to compare."""
LINES, SPLITS = 32, 8
"""Directions for the distance, and splits for the floor, which share them out among themselves. Half of the directions
that compare samples change the distances of 2,000 points in the plane by under 1% and take half the time."""
Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Marginals:
    """All (N+1,), float64, row i at t_i; NaN at a step where too few points are finite."""

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


TIE = 1e-6


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """Directions of greatest variance of one set of points, in its units."""

    mean: NDArray[np.float64]
    """(D,)"""
    axes: NDArray[np.float64]
    """(K, D), orthonormal rows, the greatest variance first."""
    explained: NDArray[np.float64]
    """(K,) share of the whole variance, 0 … 1; all 0 where the points are one point."""

    def project(self, points: NDArray[Any]) -> Array:
        """Coordinates of `points` (…, D) along the axes: (…, K) float32."""
        axes = self.axes.astype(np.float32)
        # What is not finite stays so in its own row; a far point may overflow
        with np.errstate(over="ignore", invalid="ignore"):
            projected: Array = np.asarray(points, np.float32) @ axes.T - np.float32(self.mean @ self.axes.T)
        return projected


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane through D-dimensional space and coordinates on it: origin + u axes[0] + v axes[1]."""

    origin: NDArray[np.float64]
    """(D,)"""
    axes: NDArray[np.float64]
    """(2, D), orthonormal rows."""

    @classmethod
    def of_pair(cls, a: int, b: int, mean: NDArray[np.float64]) -> Plane:
        """The components `a` and `b`, which are not the same, with all others as in `mean` (D,)."""
        axes = np.eye(len(mean))[[a, b]]
        return cls(mean * (1 - axes.sum(axis=0)), axes)

    @classmethod
    def of_principal(cls, principal: PrincipalComponents) -> Plane:
        """The first two principal components through the mean."""
        return cls(principal.mean, principal.axes[:2])

    def place(self, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
        """The places (…, D) of the coordinates u and v (…)."""
        placed: NDArray[np.float64] = self.origin + u[..., None] * self.axes[0] + v[..., None] * self.axes[1]
        return placed


def principal_components(points: NDArray[Any], count: int = 2) -> PrincipalComponents:
    """The first `count` principal components, or as many as there are dimensions, of `points` (P, D).

    Each axis has the sign that makes its greatest entry positive (the first of those as great), so
    the same points always give the same axes. Points that are not finite do not count. Directions
    without variance are still orthonormal.
    """
    data = np.asarray(points, np.float64)
    data = data[np.isfinite(data).all(axis=1)]
    dim = data.shape[1]
    count = min(count, dim)
    mean = data.mean(axis=0) if len(data) else np.zeros(dim)
    centred = data - mean
    # Rows of zeros change no direction, but give as many as are asked for of fewer points
    missing = max(0, count - len(centred))
    _, lengths, axes = np.linalg.svd(np.vstack([centred, np.zeros((missing, dim))]), full_matrices=False)
    variances = lengths**2
    total = float(variances.sum())
    explained = variances[:count] / total if total > 0 else np.zeros(count)
    return PrincipalComponents(mean, axes[:count] * _signs(axes[:count])[:, None], explained)


def _signs(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K,) of 1 and −1."""
    sizes = np.abs(axes)
    first = np.argmax(sizes >= sizes.max(axis=1, keepdims=True) * (1 - TIE), axis=1)
    return np.where(axes[np.arange(len(axes)), first] < 0, -1.0, 1.0)

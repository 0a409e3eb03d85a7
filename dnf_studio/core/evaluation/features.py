"""How far samples are from real rows in the features of a fixed classifier: what FID is for photographs.

The squared Fréchet distance of two sets in features is that of Gaussians with their means and covariances,
|μ − ν|² + tr(A + B − 2 (A B)^½) (Dowson and Landau 1982, Journal of Multivariate Analysis 12, 450). Of sets of n and m
rows of one law it is about c/n + c/m instead of 0 (Chong and Forsyth 2020, arXiv:1911.07023). What two halves of a set
differ by says what c is, so that c/n and c/m are taken off, which leaves what is of second order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
GROUPS = 10
"""Groups of rows that the jackknife leaves out one by one."""
HALVINGS = 8
"""Ways to cut the groups into halves, over which what these differ by is averaged: the same whichever is left out."""


@dataclass(frozen=True)
class FeatureDistance:
    """The squared Fréchet distance of samples to real rows in features of unit variance in all."""

    value: float
    """Debiased, so that it is 0 in the mean for samples of the data's law; negative by chance."""
    error: float
    """Its standard error, by a jackknife over groups of real rows and of samples; near 0 rather too large."""
    floor: float
    """What as many other real rows would differ by, not debiased."""


def feature_distance(samples: Rows, real: Rows) -> FeatureDistance:
    """The distance of features `samples` (m, F) to `real` (n, F) of held-out rows; n and m at least twice `GROUPS`."""
    own, other = (np.array_split(np.random.default_rng(0).permutation(rows), GROUPS) for rows in (samples, real))
    value, floor = _debiased(own, other, range(GROUPS))
    left = [_debiased(own, other, [k for k in range(GROUPS) if k != gone])[0] for gone in range(GROUPS)]
    error = math.sqrt((GROUPS - 1) / GROUPS * float(np.square(np.array(left) - np.mean(left)).sum()))
    return FeatureDistance(value, error, floor)


def _debiased(samples: Sequence[Rows], real: Sequence[Rows], groups: Sequence[int]) -> tuple[float, float]:
    """The debiased distance by these groups of rows, and what as many other real rows would differ by."""
    sides = [[rows[k] for k in groups] for rows in (samples, real)]
    between, within = (_of_one_set(rows, groups) for rows in (samples, real))
    return squared_frechet(*map(np.concatenate, sides)) - between - within, 2 * within


def _of_one_set(rows: Sequence[Rows], groups: Sequence[int]) -> float:
    """c/n of these groups of rows, n in all, in the mean over ways to cut them into two parts."""
    source, found = np.random.default_rng(0), []
    for _ in range(HALVINGS):
        first = set(source.permutation(GROUPS)[: GROUPS // 2].tolist())
        parts = [np.concatenate([rows[k] for k in groups if (k in first) == side]) for side in (True, False)]
        share = 1 / (sum(map(len, parts)) * sum(1 / len(part) for part in parts))
        found.append(share * squared_frechet(*parts))
    return float(np.mean(found))


def squared_frechet(a: Rows, b: Rows) -> float:
    """The squared Fréchet distance of two sets (n, F) and (m, F), by their means and covariances."""
    covariances = [np.atleast_2d(np.cov(rows.T)) for rows in (a, b)]
    values, vectors = np.linalg.eigh(covariances[0])
    root = vectors * np.sqrt(values.clip(0.0)) @ vectors.T
    mixed = np.linalg.eigvalsh(root @ covariances[1] @ root)
    apart = float(np.square(a.mean(0) - b.mean(0)).sum())
    return apart + float(np.trace(covariances[0] + covariances[1])) - 2 * float(np.sqrt(mixed.clip(0.0)).sum())

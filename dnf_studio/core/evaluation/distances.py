"""Sliced Wasserstein-2 distances between equally many points, as METHOD 8 compares samples.

Written out rather than taken from POT: its `sliced_wasserstein_distance` draws random directions
where METHOD 8 fixes equally spaced angles, and sorts both sets at every call where a set of fresh
points is compared several times. On a line a sort of each set is the whole optimal transport.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.parallel import BlockPool, worker_threads

__all__ = ["DIRECTIONS", "Projections", "debiased", "directions", "squared_distance"]

DIRECTIONS = 64
DIRECTION_SEED = 0
GROUP = 1 << 18
"""Projected numbers taken in one go: a line at a time of a large set, all lines of a small one."""
Array = NDArray[np.float32]


@cache
def directions(dim: int, count: int = DIRECTIONS) -> Array:
    """Unit vectors (K, D): the line itself in 1-D, `count` equally spaced angles of a half turn in 2-D.

    Beyond, `count` uniform directions of a fixed seed. A half turn is all there is: opposite
    directions give the same distance.
    """
    if dim == 1:
        rows = np.ones((1, 1))
    elif dim == 2:
        angles = np.arange(count) * (math.pi / count)
        rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    else:
        rows = np.random.default_rng(DIRECTION_SEED).standard_normal((count, dim))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Array = rows.astype(np.float32)
    unit.flags.writeable = False
    return unit


class Projections:
    """A set of points projected on each direction and sorted: `values` (K, n), float32.

    The directions are those of METHOD 8 unless others are given, (K, D).
    """

    def __init__(self, points: Array, along: Array | None = None, threads: int | None = None) -> None:
        lines = directions(points.shape[1]) if along is None else along
        columns = np.ascontiguousarray(points.T, dtype=np.float32)
        self.values = np.empty((len(lines), len(points)), np.float32)

        def project(part: slice) -> None:
            rows = self.values[part]
            np.matmul(lines[part], columns, out=rows)
            rows.sort(axis=1)

        groups = _groups(self.values)
        with BlockPool(min(len(groups), worker_threads() if threads is None else threads)) as pool:
            pool.map(project, groups)


def squared_distance(a: Projections, b: Projections) -> float:
    """SWD²: the mean over directions of W₂² between two sets of equally many projected points."""
    if a.values.shape != b.values.shape:
        raise ValueError(f"projections of shapes {a.values.shape} and {b.values.shape} cannot be compared")
    parts = (np.square(a.values[part] - b.values[part]).sum(dtype=np.float64) for part in _groups(a.values))
    return float(sum(parts)) / a.values.size


def _groups(values: Array) -> list[slice]:
    """The rows of `values` in groups of at most `GROUP` numbers, at least one row each."""
    rows = max(1, GROUP // max(1, values.shape[1]))
    return [slice(k, k + rows) for k in range(0, len(values), rows)]


def debiased(model: Sequence[float], floor: Sequence[float]) -> tuple[float, float]:
    """The debiased distance and its floor from squared distances, in the units of the points.

    D² = mean SWD²(model, data) − mean SWD²(data, data). Returned are √max(D², 0) and
    √mean SWD²(data, data), which is what two draws of the data differ by.
    """
    between, within = float(np.mean(model)), float(np.mean(floor))
    return math.sqrt(max(between - within, 0.0)), math.sqrt(within)

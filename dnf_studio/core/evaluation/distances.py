"""Sliced Wasserstein-2 distances between equally many points, as METHOD 8 compares samples.

Written out rather than taken from POT: its `sliced_wasserstein_distance` draws random directions
where METHOD 8 fixes equally spaced angles, and sorts both sets at every call where a set of fresh
points is compared several times. On a line a sort of each set is the whole optimal transport.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.parallel import BlockPool, worker_threads

__all__ = ["DIRECTIONS", "Projections", "debiased", "directions", "squared_distance"]

DIRECTIONS = 64
DIRECTION_SEED = 0
Array = NDArray[np.float32]


def directions(dim: int, count: int = DIRECTIONS) -> Array:
    """Unit vectors (K, D): the line itself in 1-D, `count` equally spaced angles of a half turn in 2-D.

    Beyond, `count` uniform directions of a fixed seed. A half turn is all there is: opposite
    directions give the same distance.
    """
    if dim == 1:
        return np.ones((1, 1), np.float32)
    if dim == 2:
        angles = np.arange(count) * (math.pi / count)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    rows = np.random.default_rng(DIRECTION_SEED).standard_normal((count, dim))
    unit: Array = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


class Projections:
    """A set of points projected on each direction and sorted: `values` (K, n), float32."""

    def __init__(self, points: Array) -> None:
        lines = directions(points.shape[1])
        columns = np.ascontiguousarray(points.T, dtype=np.float32)
        self.values = np.empty((len(lines), len(points)), np.float32)

        def project(k: int) -> None:
            row = self.values[k]
            np.matmul(lines[k], columns, out=row)
            row.sort()

        with BlockPool(worker_threads()) as pool:
            pool.map(project, range(len(lines)))


def squared_distance(a: Projections, b: Projections) -> float:
    """SWD²: the mean over directions of W₂² between two sets of equally many projected points."""
    if a.values.shape != b.values.shape:
        raise ValueError(f"projections of shapes {a.values.shape} and {b.values.shape} cannot be compared")
    rows = (float(np.square(p - q).mean(dtype=np.float64)) for p, q in zip(a.values, b.values, strict=True))
    return sum(rows) / len(a.values)


def debiased(model: Sequence[float], floor: Sequence[float]) -> tuple[float, float]:
    """The debiased distance and its floor from squared distances, in the units of the points.

    D² = mean SWD²(model, data) − mean SWD²(data, data). Returned are √max(D², 0) and
    √mean SWD²(data, data), which is what two draws of the data differ by.
    """
    between, within = float(np.mean(model)), float(np.mean(floor))
    return math.sqrt(max(between - within, 0.0)), math.sqrt(within)

"""Principal components: two axes that show most of data with many components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TIE = 1e-6
ONE_THREAD = 2**18
"""Multiply-adds of a product of matrices that OpenBLAS still does in one thread."""
Array = NDArray[np.float32]


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
        axes = self.axes.astype(np.float32).T
        rows = np.asarray(points, np.float32).reshape(-1, len(axes))
        projected, each = np.empty((len(rows), axes.shape[1]), np.float32), max(1, ONE_THREAD // max(1, axes.size))
        # What is not finite stays so in its own row; a far point may overflow
        with np.errstate(over="ignore", invalid="ignore"):
            # Some rows at a time: the window would wait for the other threads while models are sampled on all cores
            for first in range(0, len(rows), each):
                np.matmul(rows[first : first + each], axes, out=projected[first : first + each])
            projected -= np.float32(self.mean @ self.axes.T)
        return projected.reshape(*np.shape(points)[:-1], axes.shape[1])


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
    """Factors 1 and −1, (K,), that turn the axes the same way each time."""
    sizes = np.abs(axes)
    first = np.argmax(sizes >= sizes.max(axis=1, keepdims=True) * (1 - TIE), axis=1)
    return np.where(axes[np.arange(len(axes)), first] < 0, -1.0, 1.0)

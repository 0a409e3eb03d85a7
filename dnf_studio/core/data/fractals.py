"""The two fractal sets of the paper, generated exactly: a branching tree and the Sierpinski carpet.

Formulas and entropies are in method.md, section 13.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data import densities
from dnf_studio.core.data.planar import Toy2D, normal, uniform

CELLS = torch.tensor([(i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1)], dtype=torch.float64)
"""Columns and rows of the eight thirds that a carpet keeps at every depth."""
CHUNK = 16_384
"""Points compared with every branch at once."""
ROUNDING = 1e-6
"""Points drawn at a rim may round across it in float32: the density is the same that far out."""
SUPPORT_SIGMAS = 3.0
TREE_ENTROPY = -0.7653
"""Nats, data units."""


class Carpet(Toy2D):
    """Uniform on the Sierpinski carpet of `depth`: the unit square without the open middle ninth of every square left.

    Of area (8/9)^depth, so of entropy depth · ln(8/9); each axis has the variance (3/32)(1 − 9^−depth) + 9^−depth/12.
    """

    def __init__(self, name: str, title: str, depth: int) -> None:
        self.depth = depth
        variance = 3 / 32 * (1 - 9.0**-depth) + 9.0**-depth / 12
        super().__init__(name, title, (0.5, 0.5), (variance, variance), depth * math.log(8 / 9))

    def generate(self, count: int, generator: torch.Generator) -> Tensor:
        points = torch.rand(count, 2, generator=generator, dtype=torch.float64)
        for _ in range(self.depth):
            points = points.add_(CELLS[torch.randint(8, (count,), generator=generator)]).div_(3)
        return points

    def _log_density(self, x: Tensor) -> Tensor:
        inside = torch.from_numpy(self._gap(x.cpu().numpy()) <= ROUNDING).to(x.device)
        density = torch.full_like(x[:, 0], self.depth * math.log(9 / 8)).masked_fill(~inside, -math.inf)
        return density.masked_fill(x.isnan().any(1), math.nan)

    def _distance(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        scale = self.standardisation.scale[0]
        return self._gap(z * scale + 0.5) / scale

    def _gap(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance (n,) to the carpet, data units: to the square from outside, to the rim of the hole a point is in.

        A rim belongs to the carpet whatever its depth: the squares beside it lose their middles only.
        """
        gap = densities.box_distance(x, np.zeros(2), np.ones(2))
        place, size = x.copy(), 1.0
        for _ in range(self.depth):
            place, size = place * 3, size / 3
            digit = np.floor(place)
            place = place - digit
            hole = (gap == 0) & (digit == 1).all(1) & (x > 0).all(1) & (x < 1).all(1)
            gap = np.where(hole, np.minimum(place, 1 - place).min(1) * size, gap)
        return gap


class Tree(Toy2D):
    """A tree whose trunk, of length 1, divides again and again into two, blurred isotropically by σ.

    A branch is `RATIO` as long as the one it grows from and turned by ±`ANGLE`; points are uniform along all branches.
    """

    RATIO, ANGLE, LEVELS, SIGMA = 0.7, math.radians(30), 7, 0.005

    def __init__(self) -> None:
        self.starts, self.ends = self._branches()
        along = self.ends - self.starts
        self.lengths = np.hypot(along[:, 0], along[:, 1])
        self.weights = self.lengths / self.lengths.sum()
        middle = (self.starts + self.ends) / 2
        mean = self.weights @ middle
        variance = self.weights @ (middle**2 + along**2 / 12) - mean**2 + self.SIGMA**2
        super().__init__("tree", "Fractal tree", mean.tolist(), variance.tolist(), TREE_ENTROPY)

    @classmethod
    def _branches(cls) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Both ends of every branch, each (2^LEVELS − 1, 2), trunk first."""
        starts, angles, length = np.zeros((1, 2)), np.array([math.pi / 2]), 1.0
        first, last = [], []
        for _ in range(cls.LEVELS):
            ends = starts + length * np.stack([np.cos(angles), np.sin(angles)], 1)
            first.append(starts)
            last.append(ends)
            starts, length = np.repeat(ends, 2, axis=0), length * cls.RATIO
            angles = (angles[:, None] + np.array([cls.ANGLE, -cls.ANGLE])).ravel()
        return np.concatenate(first), np.concatenate(last)

    def generate(self, count: int, generator: torch.Generator) -> Tensor:
        branch = torch.searchsorted(torch.from_numpy(np.cumsum(self.weights)), uniform(count, generator))
        branch = branch.clamp_(max=len(self.weights) - 1)
        start, end = torch.from_numpy(self.starts)[branch], torch.from_numpy(self.ends)[branch]
        points = start + uniform(count, generator)[:, None] * (end - start)
        return normal(count, generator).mul_(self.SIGMA).add_(points)

    def _log_density(self, x: Tensor) -> Tensor:
        weights = torch.from_numpy(self.weights).to(x)
        parts = [torch.logsumexp(self._log_parts(rows) + weights.log(), 1) for rows in torch.split(x, CHUNK)]
        return torch.cat(parts)

    def _log_parts(self, x: Tensor) -> Tensor:
        """Log density of each blurred branch at `x` (n, 2), (n, branches)."""
        along, across = self._own(x)
        lengths = torch.from_numpy(self.lengths).to(x)
        ends = torch.stack([along / self.SIGMA, (along - lengths) / self.SIGMA])
        # The longer way to the nearer end first: a difference of tails instead of one of ones
        ends = torch.where(along > lengths / 2, -ends.flip(0), ends)
        high, low = (torch.special.log_ndtr(end) for end in ends)
        share = high + torch.log1p(-torch.exp((low - high).clamp(max=-1e-300)))
        # A Gaussian of the plane, less its part along the branch
        across_too = densities.log_gaussian(across**2, self.SIGMA) + 0.5 * math.log(2 * math.pi * self.SIGMA**2)
        density: Tensor = across_too + share - lengths.log()
        return density

    def _own(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Coordinates of `x` (n, 2) along each branch from its start and across it, each (n, branches)."""
        starts, ends = (torch.from_numpy(rows).to(x) for rows in (self.starts, self.ends))
        unit = (ends - starts) / torch.from_numpy(self.lengths).to(x)[:, None]
        away = x[:, None] - starts
        return (away * unit).sum(-1), away[..., 1] * unit[:, 0] - away[..., 0] * unit[:, 1]

    def _distance(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        scale, mean = np.array(self.standardisation.scale), np.array(self.standardisation.mean)
        starts, ends = (self.starts - mean) / scale, (self.ends - mean) / scale
        parts = [_segment_distance(z[k : k + CHUNK], starts, ends) for k in range(0, max(1, len(z)), CHUNK)]
        nearest: NDArray[np.float64] = np.concatenate(parts)
        beyond: NDArray[np.float64] = np.maximum(nearest - SUPPORT_SIGMAS * self.SIGMA / scale.min(), 0.0)
        return beyond


def _segment_distance(
    points: NDArray[np.float64], starts: NDArray[np.float64], ends: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance of `points` (n, 2) to the nearest of the segments (K, 2) to (K, 2)."""
    step = ends - starts
    away = points[:, None] - starts
    way = np.clip((away * step).sum(-1) / (step * step).sum(-1), 0, 1)
    foot = away - way[..., None] * step
    nearest: NDArray[np.float64] = np.hypot(foot[..., 0], foot[..., 1]).min(1)
    return nearest


FRACTAL_SETS: tuple[Toy2D, ...] = (
    Tree(),
    Carpet("carpet", "Sierpinski carpet", 2),
    Carpet("carpet-fine", "Sierpinski carpet, fine", 4),
)

"""The bound of the chain that a solver draws samples by, on fresh points: a bound belongs to a sampler (METHOD 11)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.fresh import fresh_points
from dnf_studio.core.models.two_sdes import TwoSDEs
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sampling.likelihood import BOUND_DRAWS, bound_nll
from dnf_studio.core.sde.flexible import draw_grid
from dnf_studio.core.sde.grid import TimeGrid

__all__ = ["ChainBounds"]

DRAWN_GRIDS = 16


@dataclass(frozen=True)
class ChainBounds:
    """That of one model and solver, the model's own where none is named, on the points of one data set."""

    flow: TwoSDEs
    dataset: Dataset
    solver: str | None = None
    pool: BlockPool | None = None

    def values(self, points: int, seed: int = 0, grid: TimeGrid | None = None) -> Tensor:
        """One bound a point, (≤ points,), nats; of several noise draws where the data has fewer points."""
        x = fresh_points(self.flow, self.dataset, points, seed)
        draws = min(BOUND_DRAWS, max(1, points // len(x)))
        return bound_nll(self.flow, x, draws, seed=seed, grid=grid, pool=self.pool, solver=self.solver)

    def flexible(self, points: int) -> float | None:
        """The mean over drawn grids, with so many points in all; None of a model of one grid, and where not finite."""
        config, total = self.flow.config, 0.0
        if not config.training.flexible_grid:
            return None
        generator = torch.Generator().manual_seed(0)
        for k in range(DRAWN_GRIDS):
            grid = draw_grid(config.sde, generator, self.flow.grid().steps).to(self.flow.timestamps)
            total += float(self.values(points // DRAWN_GRIDS, k, grid).cpu().double().mean())
        return total / DRAWN_GRIDS if math.isfinite(total) else None

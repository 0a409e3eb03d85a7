"""The bound of the chain that a solver draws samples by, and the least that any such chain can come to.

A bound belongs to a sampler (method.md, section 9).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.fresh import fresh_points, is_identity, units_of
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sampling.likelihood import BOUND_DRAWS, bound_nll
from dnf_studio.core.sde.grid import TimeGrid, draw_grid

DRAWN_GRIDS = 16


@dataclass(frozen=True)
class ChainBounds:
    """Bounds by the chain of one model and solver, the model's own where none is named, on points of one data set."""

    flow: GenerativeModel
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
            drawn = draw_grid(config.sde, generator, self.flow.grid().steps).to(self.flow.timestamps)
            grid = self.flow.with_deviations(drawn)
            total += float(self.values(points // DRAWN_GRIDS, k, grid).cpu().double().mean())
        return total / DRAWN_GRIDS if math.isfinite(total) else None


def entropy_of(flow: GenerativeModel, dataset: Dataset) -> float | None:
    """The data's entropy in the model's units; None where it is not known, or not of a model's logits."""
    if dataset.entropy is None or flow.standardisation.logit is not None:
        return None
    if is_identity(flow.standardisation):
        return dataset.entropy
    return dataset.entropy + dataset.standardisation.log_scale - flow.standardisation.log_scale


def attainable_of(
    flow: GenerativeModel, dataset: Dataset, grid: TimeGrid | None = None, solver: str | None = None
) -> float | None:
    """The least NLL, nats of model units, of a chain whose last step adds noise of deviation r_0 g_1 √Δ_0 to any mean.

    The entropy where the data is nowhere thinner than that; None where the thickness is not known
    (`Dataset.blur_excess`), where the solver is no chain, of a model trained on drawn grids, whose last steps differ,
    and of one whose r_0 is still to be fitted. At the model's own grid or `grid`.
    """
    entropy, nodes = entropy_of(flow, dataset), grid or flow.grid()
    unfitted = flow.config.sde.backward_deviation != "g" and nodes.fitted is None
    if entropy is None or flow.config.training.flexible_grid or unfitted:
        return None
    blur = flow.last_spread(nodes, solver)
    excess = None if blur is None else dataset.blur_excess(blur, units_of(flow, dataset).scale)
    return None if excess is None else entropy + excess

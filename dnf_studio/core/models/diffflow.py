"""The diffusion normalizing flow: a drift and a score network that share the state."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from dnf_studio.core.models.two_sdes import TwoSDEs
from dnf_studio.core.networks.base import FieldNetwork
from dnf_studio.core.networks.build import make_kernel, network_fields
from dnf_studio.core.sampling.model import FieldWithDivergence
from dnf_studio.core.sde.grid import TimeGrid, formula_at
from dnf_studio.core.sde.paths import Field

__all__ = ["DiffFlow"]


class DiffFlow(TwoSDEs):
    """Two SDEs trained together: dx = f dt + g dw and dx = [f − g² s] dt + g dw̄ (8, 9).

    Both f and s are networks.

    Reference: Zhang and Chen, "Diffusion Normalizing Flow", NeurIPS 2021, arXiv:2110.07579.
    """

    kind = "diffflow"
    networks = "drift", "score"
    other_nodes = True
    drift: FieldNetwork
    score: FieldNetwork

    def fields(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        return network_fields(self.drift, self.score, grid.condition, hidden)

    def fields_with_divergence(
        self, grid: TimeGrid, hidden: torch.dtype | None = None
    ) -> tuple[FieldWithDivergence, FieldWithDivergence]:
        drift, score = (make_kernel(net, net.embed_time(grid.condition), hidden) for net in (self.drift, self.score))
        return (
            lambda i, x, signs=None: drift.with_divergence(x, i, signs),
            lambda i, x, signs=None: score.with_divergence(x, i, signs),
        )

    def velocity(self) -> Callable[[Tensor, Tensor], Tensor]:
        """f − ½ g² s, with g and the networks' time input as in `grid_at`."""

        def velocity(time: Tensor, x: Tensor) -> Tensor:
            now = self.grid_at([float(time)])
            moment, g = now.condition[0].to(x), float(now.g[0])
            value: Tensor = self.drift(x, moment) - 0.5 * g**2 * self.score(x, moment)
            return value

        return velocity

    def grid_at(self, times: Sequence[float]) -> TimeGrid:
        """The grid at other times: between the nodes of training, g and the networks' time input are linear in t.

        Where the settings have one of them bend with t, both are what the settings say.
        """
        sde = self.config.sde
        if self.formula_grid and (sde.linear == "log" or sde.condition == "node"):
            return formula_at(sde, torch.tensor(times, dtype=torch.float64)).to(self.timestamps)
        nodes, at = self.grid(), np.asarray(times, np.float64)
        t, *others = (values.detach().cpu().double().numpy() for values in (nodes.t, nodes.g, nodes.condition))
        found = [torch.from_numpy(values) for values in (at, *(np.interp(at, t, other) for other in others))]
        return TimeGrid(*(values.to(nodes.t) for values in found))

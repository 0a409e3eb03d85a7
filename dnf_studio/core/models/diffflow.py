"""The diffusion normalizing flow: a drift and a score network that share the state."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from dnf_studio.core.models.base import FieldWithDivergence
from dnf_studio.core.models.field_kernel import make_kernel, network_fields
from dnf_studio.core.models.two_sdes import TwoSDEs
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field

__all__ = ["DiffFlow"]


class DiffFlow(TwoSDEs):
    """Two SDEs trained together: dx = f dt + g dw and dx = [f − g² s] dt + g dw̄ (8, 9).

    Both f and s are networks.

    Reference: Zhang and Chen, "Diffusion Normalizing Flow", NeurIPS 2021, arXiv:2110.07579.
    """

    networks = 2

    def make_networks(self) -> None:
        self.drift = self.new_network()
        self.score = self.new_network()

    def fields(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        return network_fields(self.drift, self.score, grid.condition, hidden)

    def fields_with_divergence(
        self, grid: TimeGrid, hidden: torch.dtype | None = None
    ) -> tuple[FieldWithDivergence, FieldWithDivergence]:
        drift, score = (make_kernel(net, net.embed_time(grid.condition), hidden) for net in (self.drift, self.score))
        return lambda i, x: drift.with_divergence(x, i), lambda i, x: score.with_divergence(x, i)

    def velocity(self) -> Callable[[Tensor, Tensor], Tensor]:
        """f − ½ g² s; between nodes g and the networks' time input are linear in t."""
        nodes = self.grid()
        t, g, condition = (values.detach().cpu().double().numpy() for values in (nodes.t, nodes.g, nodes.condition))

        def velocity(time: Tensor, x: Tensor) -> Tensor:
            now = float(time)
            moment = x.new_tensor(float(np.interp(now, t, condition)))
            weight = 0.5 * float(np.interp(now, t, g)) ** 2
            value: Tensor = self.drift(x, moment) - weight * self.score(x, moment)
            return value

        return velocity

    def training_loss(self, x0: Tensor, noise: Tensor) -> Tensor:
        """The mean bound of METHOD 2, nats, of a batch (B, D) in model units and its forward noise (N, B, D)."""
        from dnf_studio.core.training.objective import mean_bound

        return mean_bound(self, x0, noise)

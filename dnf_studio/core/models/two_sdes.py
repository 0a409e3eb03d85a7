"""Two SDEs between data and noise that share their fields, and the diffusion normalizing flow, their plain case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from dnf_studio.core.models.base import GenerativeModel, check_noise, check_points
from dnf_studio.core.networks.base import FieldNetwork
from dnf_studio.core.networks.build import make_kernel, network_fields
from dnf_studio.core.sampling.model import FieldWithDivergence
from dnf_studio.core.sde import paths
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field, Sampler
from dnf_studio.core.sde.sample_settings import LastStep, check_last_step, check_level
from dnf_studio.core.sde.solvers import Solver, solvers_for
from dnf_studio.core.sde.solvers.sde import backward_path

__all__ = ["DiffFlow", "TwoSDEs"]


class TwoSDEs(GenerativeModel):
    """A forward and a backward SDE with drift f and score s.

    Reference: Zhang and Chen, "Diffusion Normalizing Flow", NeurIPS 2021, arXiv:2110.07579, whose
    equation numbers these are.
    """

    solvers: ClassVar[tuple[Solver, ...]] = solvers_for("fields")

    def encoder(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> Sampler:
        """Steps of (11)."""
        drift = self.fields(grid, hidden)[0]
        return lambda x0, noise: paths.forward_states(drift, grid, x0, noise)

    def forward_path(self, x0: Tensor, noise: Tensor | None = None, grid: TimeGrid | None = None) -> Tensor:
        nodes = grid or self.grid()
        check_points(x0, self)
        eps = _drawn(nodes, x0) if noise is None else check_noise(noise, nodes, x0)
        return paths.forward_path(self.fields(nodes)[0], nodes, x0, eps)

    def backward_path(
        self,
        z: Tensor,
        noise: Tensor | None = None,
        lam: float = 1.0,
        last: LastStep = "noise",
        grid: TimeGrid | None = None,
    ) -> Tensor:
        nodes = grid or self.grid()
        check_points(z, self)
        check_level(lam)
        check_last_step(last)
        eps = _drawn(nodes, z) if noise is None else check_noise(noise, nodes, z)
        return backward_path(*self.fields(nodes), nodes, z, eps, lam, last)


def _drawn(grid: TimeGrid, x: Tensor) -> Tensor:
    return torch.randn((grid.steps, *x.shape), dtype=x.dtype, device=x.device)


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
        """f − ½ g² s; between nodes g and the networks' time input are linear in t."""

        def velocity(time: Tensor, x: Tensor) -> Tensor:
            now = self.grid_at([float(time)])
            moment, g = now.condition[0].to(x), float(now.g[0])
            value: Tensor = self.drift(x, moment) - 0.5 * g**2 * self.score(x, moment)
            return value

        return velocity

    def grid_at(self, times: Sequence[float]) -> TimeGrid:
        """Between the nodes of training, g and the networks' time input are linear in t."""
        nodes, at = self.grid(), np.asarray(times, np.float64)
        t, *others = (values.detach().cpu().double().numpy() for values in (nodes.t, nodes.g, nodes.condition))
        found = [torch.from_numpy(values) for values in (at, *(np.interp(at, t, other) for other in others))]
        return TimeGrid(*(values.to(nodes.t) for values in found))

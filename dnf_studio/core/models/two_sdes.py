"""Two SDEs between data and noise that share their fields: what a diffusion normalizing flow and a diffusion model are.

dx = f dt + g dw leads forward and dx = [f − g² s] dt + g dw̄ backward (8, 9). The two kinds of model
differ in where f and s come from and in how they are trained; paths, samplers, likelihoods and all
that the studio explores stand on `fields` alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dnf_studio.core.models.base import GenerativeModel, check_noise, check_points
from dnf_studio.core.sde import paths
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Sampler
from dnf_studio.core.sde.sample_settings import check_last_step, check_level
from dnf_studio.core.sde.solvers import FITTED, LastStep, SolversFor
from dnf_studio.core.sde.solvers.sde import backward_path


class TwoSDEs(GenerativeModel):
    """A forward and a backward SDE with drift f and score s.

    Reference: Zhang and Chen, "Diffusion Normalizing Flow", NeurIPS 2021, arXiv:2110.07579, whose
    equation numbers these are.
    """

    solvers = SolversFor("fields")
    fitted = FITTED

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

"""Two SDEs between data and noise that share their fields: what a diffusion normalizing flow and a diffusion model are.

dx = f dt + g dw leads forward and dx = [f − g² s] dt + g dw̄ backward (8, 9). The two kinds of model
differ in where f and s come from and in how they are trained; paths, samplers, likelihoods and all
that the studio explores stand on `fields` alone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from dnf_studio.core.models.base import (
    GenerativeModel,
    LogProbMethod,
    check_noise,
    check_points,
)
from dnf_studio.core.models.probability_flow import ProbabilityFlow
from dnf_studio.core.sde import paths
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Sampler
from dnf_studio.core.sde.sample_settings import LastStep, check_last_step, check_level
from dnf_studio.core.sde.solvers import Chain, Solver, solvers_for
from dnf_studio.core.sde.solvers.sde import backward_path

__all__ = ["TwoSDEs"]


class TwoSDEs(GenerativeModel):
    """A forward and a backward SDE with drift f and score s.

    Reference: Zhang and Chen, "Diffusion Normalizing Flow", NeurIPS 2021, arXiv:2110.07579, whose
    equation numbers these are.
    """

    solvers: ClassVar[tuple[Solver, ...]] = solvers_for("fields")

    @abstractmethod
    def grid_at(self, times: Sequence[float]) -> TimeGrid:
        """Times anywhere between t_0 and t_N, in any order, with g and the networks' time input there."""

    def probability_flow(self, times: Sequence[float]) -> ProbabilityFlow:
        """dx/dt = f − ½ g² s at these times, by the fast kernels; nothing goes back through it."""
        grid = self.grid_at(times)
        drift, score = self.fields_with_divergence(grid)
        weight = (0.5 * grid.g.square()).tolist()

        def rate(k: int, x: Tensor, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            (f, div_f), (s, div_s) = drift(k, x, signs), score(k, x, signs)
            return f - weight[k] * s, div_f - weight[k] * div_s

        return ProbabilityFlow(tuple(map(float, times)), (1.0,) * len(times), rate)

    def chain_bound(self, chain: Chain, x0: Tensor, noise: Tensor, grid: TimeGrid) -> Tensor:
        """The bound (B,) on −log p of points x0 (B, D) under the N steps of `chain`, for forward noise (N, B, D)."""
        path, terms = self.chain_terms(chain, x0, noise, grid)
        return paths.minus_log_prior(path[-1]) + terms.sum(0)

    def chain_terms(self, chain: Chain, x0: Tensor, noise: Tensor, grid: TimeGrid) -> tuple[Tensor, Tensor]:
        """The forward paths (N+1, B, D) of x0 (B, D) and what each step of `chain` adds to the bound (N, B), nats.

        All steps have their noise. Samples by ``last="mean"`` leave out that of the last one: they are means of that
        chain's last Gaussian, sharper than the chain by it, and have no density of their own that is known.
        """
        return chain.terms(self, x0, noise, grid)

    def last_spread(self, grid: TimeGrid, solver: str | None = None) -> float | None:
        """Standard deviation r of the noise of the last step's Gaussian, model units.

        The chain's density is a mixture of N(μ, r² I), so nothing thinner can be told apart. None of a solver whose
        steps are no chain.
        """
        chain = self.checked_solver(solver).chain
        return None if chain is None else chain.spread(self, grid)

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

    def log_prob(self, x: Tensor, method: LogProbMethod = "ode") -> Tensor:
        from dnf_studio.core.sampling.likelihood import log_prob

        return log_prob(self, x, method)


def _drawn(grid: TimeGrid, x: Tensor) -> Tensor:
    return torch.randn((grid.steps, *x.shape), dtype=x.dtype, device=x.device)

"""The diffusion model: a frozen affine drift, and a network that learns the noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from dnf_studio.core.models.two_sdes import TwoSDEs
from dnf_studio.core.networks.base import FieldNetwork
from dnf_studio.core.networks.build import make_kernel, network_field
from dnf_studio.core.sampling.model import FieldWithDivergence, ProbabilityFlow
from dnf_studio.core.sde.grid import Levels, TimeGrid, diffusion_at, formula_at, levels_at
from dnf_studio.core.sde.paths import Field
from dnf_studio.core.sde.solvers import SolversFor


class Diffusion(TwoSDEs):
    """The variance-preserving SDE dx = −½ β x dt + √β dw and the reverse of it by a learned score.

    `noise` predicts ε of x_t = a(t) x_0 + σ(t) ε, so that s = −ε̂/σ. It is trained by denoising score
    matching, ε-weighted: E ‖ε̂(a x_0 + σ ε, t) − ε‖² / D. Between t_0 and T the marginals of the
    forward SDE are exact (`sde.grid.levels_at`); its paths and the solvers ``sde`` and ``ode``
    are Euler-Maruyama steps as those of every other pair of SDEs, ``ancestral``, ``ddim``,
    ``heun`` and ``dpmpp-2m`` step by the exact marginals.

    References: Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020,
    arXiv:2006.11239, equation 14; Song et al., ICLR 2021, arXiv:2011.13456, equation 7.
    """

    kind = "diffusion"
    networks = ("noise",)
    noise: FieldNetwork
    solvers = SolversFor("marginals", "fields")

    def fields(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        noise = self.noise_field(grid, hidden)
        sigma = levels_at(self.config.sde, grid.t).noise
        return lambda i, x: x * (-0.5 * grid.g[i] ** 2), lambda i, x: noise(i, x) / -sigma[i]

    def fields_with_divergence(
        self, grid: TimeGrid, hidden: torch.dtype | None = None
    ) -> tuple[FieldWithDivergence, FieldWithDivergence]:
        kernel = make_kernel(self.noise, self.noise.embed_time(grid.condition), hidden)
        sigma = levels_at(self.config.sde, grid.t).noise

        def drift(i: int, x: Tensor, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            rate = -0.5 * grid.g[i] ** 2
            return x * rate, (rate * self.dim).expand(len(x))

        def score(i: int, x: Tensor, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            value, divergence = kernel.with_divergence(x, i, signs)
            return value / -sigma[i], divergence / -sigma[i]

        return drift, score

    def grid_at(self, times: Sequence[float]) -> TimeGrid:
        """β is known at every t, and the network takes t itself."""
        return formula_at(self.config.sde, torch.tensor(times, dtype=torch.float64)).to(self.timestamps)

    def probability_flow(self, times: Sequence[float]) -> ProbabilityFlow:
        """d(x/a)/dt = ε̂ dς/dt with ς = σ/a, whose square is e^B − 1: smooth where dx/dt is stiff.

        Reference: Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models",
        NeurIPS 2022, arXiv:2206.00364, equation 4 with s(t) = a.
        """
        t = torch.tensor(times, dtype=torch.float64)
        signal, sigma = levels_at(self.config.sde, t)
        ratio = sigma / signal
        speed = (diffusion_at(self.config.sde, t).square() * (1 + ratio.square()) / (2 * ratio)).tolist()
        scale = tuple(signal.tolist())
        kernel = make_kernel(self.noise, self.noise.embed_time(t.to(self.timestamps)))

        def rate(k: int, y: Tensor, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            noise, divergence = kernel.with_divergence(y * scale[k], k, signs)
            return noise * speed[k], divergence * (speed[k] * scale[k])

        return ProbabilityFlow(tuple(map(float, times)), scale, rate)

    def noise_field(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> Field:
        """ε̂ at the nodes of `grid`, with `hidden` as in `fields`."""
        return network_field(self.noise, grid.condition, hidden)

    def levels(self, times: Tensor) -> Levels:
        """a and σ at `times` (K,), float64: float32 would cancel their differences where steps are short."""
        return levels_at(self.config.sde, times.detach().cpu().double())

    def velocity(self) -> Callable[[Tensor, Tensor], Tensor]:
        """−½ β x + ½ β ε̂/σ, with β and σ exact at every t."""
        sde = self.config.sde

        def velocity(time: Tensor, x: Tensor) -> Tensor:
            now = torch.tensor(float(time), dtype=torch.float64)
            rate = 0.5 * float(diffusion_at(sde, now)) ** 2
            value: Tensor = self.noise(x, now.to(x)) * (rate / float(levels_at(sde, now).noise)) - x * rate
            return value

        return velocity

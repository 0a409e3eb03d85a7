"""A diffusion model of a person's own network, whatever it predicts and in whatever convention of noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.models.two_sdes import TwoSDEs
from dnf_studio.core.models.wrapped.base import UNKNOWN, WrappedModel, tensor_of
from dnf_studio.core.models.wrapped.called import Called
from dnf_studio.core.models.wrapped.levels import Discrete, NoisePath
from dnf_studio.core.networks.build import make_kernel, network_field
from dnf_studio.core.sampling.model import FieldWithDivergence, ProbabilityFlow
from dnf_studio.core.sde.grid import KARRAS, Levels, TimeGrid
from dnf_studio.core.sde.paths import Field
from dnf_studio.core.sde.solvers import SolversFor

LONG = 1e5
"""From t_N/t_0 so great on the ODE is solved in √t."""
Predicts = Literal["score", "noise", "data"]
"""What a network says of x = a x_0 + σ ε: ∇ ln p, E[ε | x] or E[x_0 | x]."""


class WrappedDiffusion(WrappedModel, TwoSDEs):
    """x = a(t) x_0 + σ(t) ε with a network that predicts score, noise or data, carried as `levels` says.

    All of it rests on ε̂ = E[ε | x]: the score is −ε̂/σ̃, the drift −½ ρ g² x.
    """

    kind = "diffusion"
    networks = ("noise",)
    noise: Called
    solvers = SolversFor("marginals", "fields")

    def __init__(
        self, called: Called, path: NoisePath, predicts: Predicts, sde: dict[str, object], units: Standardisation
    ) -> None:
        """`sde` are the settings of the time grid, whose N and kind are the model's own."""
        ends = {"t_start": path.start, "t_end": path.end}
        config = Config.create({"data": UNKNOWN, "model": "diffusion", "sde": {**sde, **ends}})
        placeholder = TimeGrid(*(3 * [torch.linspace(path.start, path.end, 2)]))
        super().__init__(called.dim, config, units, placeholder)
        self.formula_grid = not isinstance(path, Discrete)
        self.path, self.predicts, self.noise = path, predicts, called
        self.root_time = path.end > LONG * path.start > 0
        own = self.between(placeholder, config.sde.steps) if isinstance(path, Discrete) else None
        self.set_grid(self.grid_at(own) if own is not None else self.grid(config.sde.steps, config.sde.grid))

    def grid_at(self, times: Sequence[float]) -> TimeGrid:
        """All of it is known at every t."""
        t = tensor_of(times)
        return TimeGrid(t, self.path.diffusion(t), self.path.told(t)).to(self.timestamps)

    def between(self, own: TimeGrid, steps: int) -> list[float]:
        """As many of the discrete steps as can be had, evenly."""
        if not isinstance(self.path, Discrete) or steps >= len(self.path.times):
            return super().between(own, steps)
        at = np.linspace(0, len(self.path.times) - 1, steps + 1).round().astype(int)
        times: list[float] = self.path.times[at].tolist()
        return times

    def level_times(self, kind: str, steps: int) -> list[float]:
        """Equal steps in ln r, or in r^(1/ρ) with ρ = 7."""
        first, last = self.path.ratio(tensor_of([self.path.start, self.path.end])).tolist()
        way = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
        if kind == "log-snr":
            ratios = first * (last / first) ** way
        else:
            low, high = first ** (1 / KARRAS), last ** (1 / KARRAS)
            ratios = (low + (high - low) * way) ** KARRAS
        times: list[float] = self.path.time(ratios).tolist()
        return [self.path.start, *times[1:-1], self.path.end]

    def levels(self, times: Tensor) -> Levels:
        """ã and σ̃ at `times` (K,), float64."""
        return self.path.levels(times.detach().cpu().double())

    def _weights(self, times: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """For times (K,): what leads to the network's own state, and c, k of ε̂ = c (what it says + k times the state).

        The sum comes first: at little noise a denoiser says nearly its state, and their difference is exact.
        """
        t = times.detach().cpu().double()
        signal, ratio, zoom = self.path.signal(t), self.path.ratio(t), self.path.zoom(t)
        nothing = torch.zeros_like(t)
        if self.predicts == "noise":
            found = zoom, torch.ones_like(t), nothing
        elif self.predicts == "score":
            found = zoom, -signal * ratio, nothing
        else:
            found = zoom, -1 / ratio, -1 / signal
        zoom, of_value, of_state = (one.to(times) for one in found)
        return zoom, of_value, of_state

    def noise_field(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> Field:
        """ε̂ at the nodes of `grid`."""
        said = network_field(self.noise, grid.condition, hidden)
        zoom, of_value, of_state = self._weights(grid.t)

        def noise(i: int, x: Tensor) -> Tensor:
            own = x * zoom[i]
            value = said(i, own)
            return (value + own * of_state[i] if self.predicts == "data" else value) * of_value[i]

        return noise

    def _measured_noise(self, t: Tensor, told: Tensor, hidden: torch.dtype | None = None) -> FieldWithDivergence:
        """ε̂ and its divergence at times (K,) that the network is told as `told`."""
        kernel = make_kernel(self.noise, self.noise.embed_time(told), hidden)
        zoom, of_value, of_state = self._weights(t)

        def noise(i: int, x: Tensor, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            own = x * zoom[i]
            value, divergence = kernel.with_divergence(own, i, signs)
            whole = (value + own * of_state[i]) * of_value[i]
            return whole, (divergence + self.dim * of_state[i]) * (of_value[i] * zoom[i])

        return noise

    def fields(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        noise, sigma = self.noise_field(grid, hidden), self.levels(grid.t).noise.to(grid.t)
        rate = -0.5 * self.path.rho * grid.g.square()
        return lambda i, x: x * rate[i], lambda i, x: noise(i, x) / -sigma[i]

    def fields_with_divergence(
        self, grid: TimeGrid, hidden: torch.dtype | None = None
    ) -> tuple[FieldWithDivergence, FieldWithDivergence]:
        noise, sigma = self._measured_noise(grid.t, grid.condition, hidden), self.levels(grid.t).noise.to(grid.t)
        rate = -0.5 * self.path.rho * grid.g.square()

        def drift(i: int, x: Tensor, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            return x * rate[i], (rate[i] * self.dim).expand(len(x))

        def score(i: int, x: Tensor, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            value, divergence = noise(i, x, signs)
            return value / -sigma[i], divergence / -sigma[i]

        return drift, score

    def probability_flow(self, times: Sequence[float]) -> ProbabilityFlow:
        """d(x/ã)/dt = ε̂ dr/dt: smooth where dx/dt is stiff.

        Reference: Karras et al., NeurIPS 2022, arXiv:2206.00364, equation 4 with s(t) = ã.
        """
        t = tensor_of(times)
        speed = (self.path.growth(t) / (2 * self.path.ratio(t))).tolist()
        scale = tuple(self.path.levels(t).signal.tolist())
        noise = self._measured_noise(t.to(self.timestamps), self.path.told(t).to(self.timestamps))

        def rate(k: int, y: Tensor, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            value, divergence = noise(k, y * scale[k], signs)
            return value * speed[k], divergence * (speed[k] * scale[k])

        return ProbabilityFlow(tuple(map(float, times)), scale, rate)

    def velocity(self) -> Callable[[Tensor, Tensor], Tensor]:
        """−½ ρ g² x + ½ g² ε̂/σ̃, exact at every t but for ε̂."""

        def velocity(time: Tensor, x: Tensor) -> Tensor:
            now = tensor_of([float(time)])
            half = 0.5 * float(self.path.diffusion(now)) ** 2
            zoom, of_value, of_state = (one.to(x) for one in self._weights(now))
            own = x * zoom
            noise = (self.noise(own, self.path.told(now).to(x)) + own * of_state) * of_value
            value: Tensor = noise * (half / float(self.path.levels(now).noise)) - x * (half * self.path.rho)
            return value

        return velocity

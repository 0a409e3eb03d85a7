"""The network of the reference program, with its parameter names, and Fourier features of x (method.md, section 12)."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dnf_studio.core.networks.base import FieldNetwork

FEATURE_SCALES = (0.1, 1.0)
FEATURE_GAIN = 0.3
"""First weights of the features beside those of x: few waves at first, so that the coarse shape comes first."""
NOISE_REACH = 3.0
"""Where features end at least, each way along each axis: beyond it lies one of 400 components of the noise.

So few points would leave waves as they happen to be, and backward steps threw samples of far latents away."""


class FourierMLP(FieldNetwork):
    """A multilayer perceptron of x whose first layer is shifted by an embedding of t.

    ``layers(input_embed(x) + timestep_embed([sin(ω t + φ), cos(ω t + φ)]))`` with exact (erf) GELU.
    The embedding depends on t only: `embed_time` computes it once a node, `body` takes it.

    With F `features` the input is [x, sin(2π B y), cos(2π B y)], which lets a small network be sharp where the
    data is. The rows of B (F, D) are normal, each of a scale of its own: equally spaced in the logarithm over
    `FEATURE_SCALES`, in turns per unit of x, so that coarse shape is not given up for sharpness. B is the same in
    every network of the same F and D, so files do not hold it. y is x within the box `reach`, outside the nearest
    point of it, so that far away only x itself counts; `cover` makes the box hold the data.

    Reference: Tancik et al., "Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional
    Domains", NeurIPS 2020, arXiv:2006.10739.
    """

    timestep_coeff: Tensor
    input_frequencies: Tensor
    """2π B (F, D), radians per unit of x; empty without features."""
    reach: Tensor
    """Lower and upper ends (2, D) of the box beyond which features do not change."""

    def __init__(self, dim: int, layers: int = 3, channels: int = 128, features: int = 0) -> None:
        super().__init__()
        self.dim, self.features = dim, features
        self.register_buffer("timestep_coeff", torch.linspace(0.1, 100, channels, device="cpu")[None])
        self.timestep_phase = nn.Parameter(torch.randn(1, channels, device="cpu"))
        self.input_embed = nn.Linear(dim + 2 * features, channels)
        self.timestep_embed = nn.Sequential(nn.Linear(2 * channels, channels), nn.GELU(), nn.Linear(channels, channels))
        hidden = [nn.Sequential(nn.Linear(channels, channels), nn.GELU()) for _ in range(layers)]
        self.layers = nn.Sequential(nn.GELU(), *hidden, nn.Linear(channels, dim))
        self.register_buffer("input_frequencies", _frequencies(features, dim), persistent=False)
        self.register_buffer("reach", torch.tensor([[-NOISE_REACH] * dim, [NOISE_REACH] * dim]), bool(features))
        if features:
            self._scale_first_weights()

    def _scale_first_weights(self) -> None:
        """The part of x begins as it does without features, and theirs as `FEATURE_GAIN` says."""
        weight = self.input_embed.weight.data
        weight[:, : self.dim] *= math.sqrt(1 + 2 * self.features / self.dim)
        weight[:, self.dim :] *= FEATURE_GAIN

    def cover(self, points: Tensor) -> None:
        """Let features reach as far as `points` (n, D) do, where that is farther than the noise."""
        if not self.features:
            return
        self.reach[0] = torch.minimum(self.reach[0], points.amin(0))
        self.reach[1] = torch.maximum(self.reach[1], points.amax(0))

    def begin_at_zero(self) -> None:
        """By the last layer alone, so that the others learn as soon as it has left zero."""
        last = self.linears()[-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def lift(self, x: Tensor) -> Tensor:
        """The input (…, D + 2F) of `input_embed` at x (…, D)."""
        if not self.features:
            return x
        angle = F.linear(self.clamped(x), self.input_frequencies)
        return torch.cat([x, angle.sin(), angle.cos()], dim=-1)

    def lift_along(self, lifted: Tensor, directions: Tensor) -> Tensor:
        """The derivative (…, D + 2F) of `lift`, whose value is `lifted`, along directions (…, D)."""
        if not self.features:
            return directions
        sin, cos = lifted[..., self.dim :].chunk(2, dim=-1)
        turn = F.linear(directions * self._within(lifted[..., : self.dim]), self.input_frequencies)
        along = torch.cat([cos * turn, -sin * turn], dim=-1)
        return torch.cat([directions.expand(*along.shape[:-1], self.dim), along], dim=-1)

    def lift_pull(self, x: Tensor, lifted: Tensor, seed: Tensor) -> Tensor:
        """∂/∂x (R, D) of ⟨seed, lift(x)⟩ for seeds (R, D + 2F), from the value `lifted`, in any type, of `lift`."""
        if not self.features:
            return seed.to(x.dtype)
        sin, cos = lifted[:, self.dim :].chunk(2, dim=1)
        of_sin, of_cos = seed[:, self.dim :].chunk(2, dim=1)
        pulled = (of_sin * cos - of_cos * sin).to(x.dtype) @ self.input_frequencies
        return seed[:, : self.dim] + pulled * self._within(x)

    def _within(self, x: Tensor) -> Tensor:
        """Which components of x (…, D) lie within `reach`."""
        return x == self.clamped(x)

    def clamped(self, x: Tensor) -> Tensor:
        """The nearest points of the box `reach` to x, both (…, D)."""
        return x.clamp(self.reach[0], self.reach[1])

    @property
    def other_multiply_adds(self) -> int:
        """The angles of the features, F × D."""
        return self.input_frequencies.numel()

    def linears(self) -> list[nn.Linear]:
        """The linear maps of `layers`: the hidden ones and, last, the output's."""
        hidden, last = list(self.layers)[1:-1], self.layers[-1]
        return [cast(nn.Linear, layer) for layer in (*(cast(nn.Sequential, block)[0] for block in hidden), last)]

    def embed_time(self, t: Tensor) -> Tensor:
        """Embeddings (K, C) of the times t (K,)."""
        angle = t[:, None] * self.timestep_coeff + self.timestep_phase
        embedding: Tensor = self.timestep_embed(torch.cat([angle.sin(), angle.cos()], dim=-1))
        return embedding

    def body(self, x: Tensor, embedding: Tensor) -> Tensor:
        """The field (…, D) at x (…, D) for time embeddings that broadcast as (…, C)."""
        value: Tensor = self.layers(self.input_embed(self.lift(x)) + embedding)
        return value


def _frequencies(features: int, dim: int) -> Tensor:
    """2π B (F, D), from a random stream that numpy has frozen (NEP 19)."""
    low, high = FEATURE_SCALES
    normal = np.random.RandomState(0).standard_normal((features, dim))
    scales = np.geomspace(low, high, max(features, 1))[:features, None]
    return torch.tensor(2 * np.pi * scales * normal, dtype=torch.float32)

"""The network of the reference program, with its parameter names (METHOD 6)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from dnf_studio.core.models.field_network import FieldNetwork

__all__ = ["FourierMLP"]


class FourierMLP(FieldNetwork):
    """A multilayer perceptron of x whose first layer is shifted by an embedding of t.

    ``layers(input_embed(x) + timestep_embed([sin(ω t + φ), cos(ω t + φ)]))`` with exact (erf) GELU.
    The embedding depends on t only: `embed_time` computes it once a node, `body` takes it.
    """

    timestep_coeff: Tensor

    def __init__(self, dim: int, layers: int = 3, channels: int = 128) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("timestep_coeff", torch.linspace(0.1, 100, channels)[None])
        self.timestep_phase = nn.Parameter(torch.randn(1, channels))
        self.input_embed = nn.Linear(dim, channels)
        self.timestep_embed = nn.Sequential(nn.Linear(2 * channels, channels), nn.GELU(), nn.Linear(channels, channels))
        hidden = [nn.Sequential(nn.Linear(channels, channels), nn.GELU()) for _ in range(layers)]
        self.layers = nn.Sequential(nn.GELU(), *hidden, nn.Linear(channels, dim))

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
        value: Tensor = self.layers(self.input_embed(x) + embedding)
        return value

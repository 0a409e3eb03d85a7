"""Networks for tests: small ones, with a field that is not zero everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from dnf_studio.config import Config
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.networks.base import FieldNetwork

N = TypeVar("N", bound=nn.Module)
IMAGE = ImageShape(8, 2, 1, 0, 1)
"""Halved once; D = 16."""


def live(network: N) -> N:
    """`network` with every parameter moved, since a U-Net begins at zero."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return network


def gradients(network: nn.Module) -> dict[str, Tensor]:
    """Copies by the names of the parameters."""
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


def has_gradients(network: nn.Module, expected: Sequence[Tensor], within: float = 1e-14) -> None:
    """Assert that the gradients of the parameters, in their order, are the `expected` ones."""
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-9, atol=within)


def tiny_unets(steps: int, model: str = "diffflow", **settings: object) -> Config:
    """A model of U-Nets with four channels."""
    network = {"kind": "unet", "channels": 4, "layers": 1}
    return Config.create({"model": model, "sde": {"steps": steps, "g_end": 0.7}, "network": network}).changed(settings)


class TanhNetwork(FieldNetwork):
    """A network that the studio does not know: tanh(W x + a sin t) U."""

    def __init__(self, dim: int, width: int = 6) -> None:
        super().__init__()
        self.dim = dim
        self.enter, self.leave = nn.Linear(dim, width), nn.Linear(width, dim, bias=False)
        self.rate = nn.Parameter(torch.ones(width))

    def begin_at_zero(self) -> None:
        nn.init.zeros_(self.leave.weight)

    def embed_time(self, t: Tensor) -> Tensor:
        return (t[:, None] * 40).sin() * self.rate

    def body(self, x: Tensor, embedding: Tensor) -> Tensor:
        out: Tensor = self.leave(torch.tanh(self.enter(x) + embedding))
        return out

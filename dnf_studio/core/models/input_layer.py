"""The first layer of a `FourierMLP` in the type of its hidden layers: what points enter by, there and back."""

from __future__ import annotations

import torch
from torch import Tensor

from dnf_studio.core.models.networks import FourierMLP

__all__ = ["InputLayer"]


class InputLayer:
    """Takes points x (R, D) to their inputs (R, `width`), and what is pulled back from those to x.

    The inputs are `FourierMLP.lift`'s. In a type of two bytes x enters as the sum of two numbers, x rounded and the
    rest, in two columns of the same weights: one of them alone would be off by more than sharp data are thick.
    """

    def __init__(self, network: FourierMLP, hidden: torch.dtype) -> None:
        weight = network.input_embed.weight.detach()
        self.network, self.hidden = network, hidden
        self.split = hidden.itemsize == 2
        twice = [weight[:, : network.dim]] if self.split else []
        self.weight = torch.cat([*twice, weight], 1).to(hidden)
        """(C, `width`)"""
        self.width = self.weight.shape[1]

    def lift(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """The inputs of x, in `out` if it is given."""
        lifted = self.network.lift(x)
        if not self.split:
            return lifted if out is None else out.copy_(lifted)
        rounded = x.to(self.hidden)
        parts = [rounded, (x - rounded).to(self.hidden), lifted[:, self.network.dim :].to(self.hidden)]
        return torch.cat(parts, 1) if out is None else torch.cat(parts, 1, out=out)

    def pull(self, x: Tensor, inputs: Tensor, seed: Tensor) -> Tensor:
        """∂/∂x (R, D) of ⟨seed, inputs⟩ for seeds (R, `width`) at x, whose inputs are known."""
        extra = self.width - self.network.input_embed.in_features
        return self.network.lift_pull(x, inputs[:, extra:], seed[:, extra:])

    def of_weight(self, gradient: Tensor) -> Tensor:
        """The gradient (D + 2F, C) of the network's weight, transposed, from that of `weight`, (`width`, C)."""
        gradient = gradient.to(self.network.input_embed.weight.dtype)
        if not self.split:
            return gradient
        dim = self.network.dim
        return torch.cat([gradient[:dim] + gradient[dim : 2 * dim], gradient[2 * dim :]])

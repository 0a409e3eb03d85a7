"""`FourierMLP` without autograd: its value, and its vector-Jacobian product written out.

The training engine and every loop that needs no gradient stand on `FourierKernel`. It reads the
network's weights once, so it belongs to one set of weights: make a new one after each update.
Hidden layers run in `hidden` (float32, bfloat16 or float64); input, output and all sums over
points stay in the network's own type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dnf_studio.core.models.networks import FourierMLP

__all__ = ["FourierKernel", "Gradients", "Tape"]


class Tape(NamedTuple):
    """What the vector-Jacobian product needs of one evaluation at R points."""

    x: Tensor
    """(R, D)"""
    before: list[Tensor]
    """Values before each GELU, (R, C) each, layers + 1 of them."""
    after: list[Tensor]
    """Values after each GELU."""


@dataclass
class Gradients:
    """Sums of one block's parameter gradients, in the network's type."""

    embedding: Tensor
    """(K, C): gradient of each node's time embedding; its sum over nodes is that of the input bias."""
    input_weight: Tensor
    """(D, C): transposed."""
    weights: list[Tensor] = field(default_factory=list)
    biases: list[Tensor] = field(default_factory=list)


class FourierKernel:
    """The body of one `FourierMLP` at fixed weights, for the time embeddings of K nodes."""

    def __init__(self, network: FourierMLP, embeddings: Tensor, hidden: torch.dtype | None = None) -> None:
        linears = list(network.layers)[1:-1]
        self.dtype = network.input_embed.weight.dtype
        self.hidden = hidden or self.dtype
        self.input_weight = network.input_embed.weight.detach()
        self.input_biases = (embeddings + network.input_embed.bias).detach()
        self.weights = [layer[0].weight.detach().to(self.hidden) for layer in linears]  # type: ignore[index]
        self.biases = [layer[0].bias.detach().to(self.hidden) for layer in linears]  # type: ignore[index]
        last = network.layers[-1]
        self.output_weight: Tensor = last.weight.detach()  # type: ignore[union-attr, operator]
        self.output_bias: Tensor = last.bias.detach()  # type: ignore[union-attr, operator]

    def value(self, x: Tensor, node: int | slice) -> Tensor:
        """The field (…, D) at x (R, D) for one node, or at x (K, R, D) for a slice of K nodes."""
        h = F.gelu(self._input(x, node))
        for weight, bias in zip(self.weights, self.biases, strict=True):
            h = F.gelu(linear(h, weight, bias))
        return F.linear(h.to(self.dtype), self.output_weight, self.output_bias).view_as(x)

    def value_and_tape(self, x: Tensor, node: int | slice) -> tuple[Tensor, Tape]:
        """`value` and what `vjp` needs to go back through it."""
        before = [self._input(x, node)]
        after = [F.gelu(before[0])]
        for weight, bias in zip(self.weights, self.biases, strict=True):
            before.append(linear(after[-1], weight, bias))
            after.append(F.gelu(before[-1]))
        out = F.linear(after[-1].to(self.dtype), self.output_weight, self.output_bias)
        return out.view_as(x), Tape(x, before, after)

    def zero_gradients(self) -> Gradients:
        """Sums at zero, for `vjp` to add to."""
        weights = [*self.weights, self.output_weight]
        biases = [*self.biases, self.output_bias]
        return Gradients(
            torch.zeros_like(self.input_biases),
            torch.zeros_like(self.input_weight.t().contiguous()),
            [torch.zeros_like(w, dtype=self.dtype) for w in weights],
            [torch.zeros_like(b, dtype=self.dtype) for b in biases],
        )

    def vjp(self, tape: Tape, grad: Tensor, node: int | slice, sums: Gradients) -> Tensor:
        """∂/∂x of ⟨grad, value⟩, shaped as x; the parameters' gradients are added to `sums`."""
        flat = grad.reshape(-1, grad.shape[-1])
        last = tape.after[-1].to(self.dtype)
        sums.weights[-1].addmm_(flat.t(), last)
        sums.biases[-1].add_(flat.sum(0))
        back = (flat @ self.output_weight).to(self.hidden)
        for k in range(len(self.weights) - 1, -1, -1):
            back = torch.ops.aten.gelu_backward(back, tape.before[k + 1])
            sums.weights[k].add_(linear(back.t(), tape.after[k].t()))
            sums.biases[k].add_(back.sum(0))
            back = linear(back, self.weights[k].t())
        back = torch.ops.aten.gelu_backward(back, tape.before[0]).to(self.dtype)
        # (D, R) @ (R, C) runs six times as fast as (C, R) @ (R, D)
        sums.input_weight.addmm_(tape.x.reshape(-1, tape.x.shape[-1]).t(), back)
        if isinstance(node, int):
            sums.embedding[node] += back.sum(0)
        else:
            sums.embedding[node] += back.view(tape.x.shape[0], -1, back.shape[-1]).sum(1)
        grad_x: Tensor = back @ self.input_weight
        return grad_x.view_as(tape.x)

    def _input(self, x: Tensor, node: int | slice) -> Tensor:
        """The input layer with the node's embedding as its bias, (rows, C) in the hidden type."""
        if isinstance(node, int):
            return F.linear(x, self.input_weight, self.input_biases[node]).to(self.hidden)
        a = F.linear(x, self.input_weight) + self.input_biases[node][:, None]
        return a.to(self.hidden).flatten(0, 1)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear` by oneDNN where torch's own choice is slower.

    For float32 on a processor torch calls MKL, which on AMD runs at half of oneDNN's speed
    (512×128 by 128×128 on Zen 5: 155 against 75 µs; equal on Intel). Weights are not packed.
    """
    if x.dtype is torch.float32 and x.device.type == "cpu" and _ONEDNN:
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return out
    return F.linear(x, weight, bias)


_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")

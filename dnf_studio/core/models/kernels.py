"""`FourierMLP` without autograd: its value, and its vector-Jacobian product written out.

The training engine and every loop that needs no gradient stand on `FourierKernel`. It reads the
network's weights once, so it belongs to one set of weights: make a new one after each update.
Hidden layers run in `hidden` (float32, bfloat16 or float64); input, output and all sums over
points stay in the network's own type.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dnf_studio.core.models.networks import FourierMLP

__all__ = ["FourierKernel", "Gradients", "Tape"]


@dataclass
class Gradients:
    """Sums over points of the parameters' gradients outside the time embedding, in the network's type."""

    embedding: Tensor
    """(K, C): of each node's time embedding; its sum over nodes is that of the input bias."""
    input_weight: Tensor
    """(D, C): transposed."""
    weights: list[Tensor]
    """Of the hidden layers and the output layer."""
    biases: list[Tensor]


class Tape:
    """What `pull` needs of the evaluations at R points of each of K nodes.

    `open` takes up the points; the memory stays for the next points of the same shape, since
    pages that the system hands out anew cost a quarter of a training step.
    """

    x: Tensor
    """(K, R, D)"""
    seeds: Tensor
    """The gradients that were pulled back, (K, R, D)."""
    before: list[Tensor]
    """Values before each GELU, (K, R, C); `pull` puts their gradients in their place."""
    after: list[Tensor]
    """Values after each GELU, (K, R, C)."""

    def __init__(self) -> None:
        self._buffers: list[Tensor] = []

    def open(self, kernel: FourierKernel, x: Tensor) -> Tape:
        """Make room for `kernel` at the points x (K, R, D)."""
        layers, size = len(kernel.weights) + 1, x.shape[0] * x.shape[1] * kernel.channels
        fits = self._buffers and self._buffers[0].numel() >= size and self._buffers[0].dtype == kernel.hidden
        if not fits or len(self._buffers) != 2 * layers or self._buffers[0].device != x.device:
            self._buffers = [x.new_empty(size, dtype=kernel.hidden) for _ in range(2 * layers)]
        shaped = [buffer[:size].view(*x.shape[:2], kernel.channels) for buffer in self._buffers]
        self.x, self.seeds = x, torch.empty_like(x)
        self.before, self.after = shaped[:layers], shaped[layers:]
        return self


class FourierKernel:
    """The body of one `FourierMLP` at fixed weights, for the time embeddings (K, C) of K nodes."""

    def __init__(self, network: FourierMLP, embeddings: Tensor, hidden: torch.dtype | None = None) -> None:
        linears = network.linears()
        self.dtype = network.input_embed.weight.dtype
        self.hidden = hidden or self.dtype
        self.channels = embeddings.shape[1]
        self.input_weight = network.input_embed.weight.detach()
        self.input_biases = (embeddings + network.input_embed.bias).detach()
        self.weights = [layer.weight.detach().to(self.hidden) for layer in linears[:-1]]
        self.biases = [layer.bias.detach().to(self.hidden) for layer in linears[:-1]]
        self.output_weight, self.output_bias = linears[-1].weight.detach(), linears[-1].bias.detach()

    def value(self, x: Tensor, node: int) -> Tensor:
        """The field (R, D) at x (R, D) for one node."""
        h = F.gelu(F.linear(x, self.input_weight, self.input_biases[node]).to(self.hidden))
        for weight, bias in zip(self.weights, self.biases, strict=True):
            h = F.gelu(linear(h, weight, bias))
        return F.linear(h.to(self.dtype), self.output_weight, self.output_bias)

    def record(self, tape: Tape, at: int, node: int) -> Tensor:
        """`value` at the tape's points `at`, kept for `pull`."""
        a = F.linear(tape.x[at], self.input_weight, self.input_biases[node])
        return self._record(tape, at, a)

    def record_all(self, tape: Tape, nodes: slice) -> Tensor:
        """The field (K, R, D) at all the tape's points, one of `nodes` for each, kept for `pull`."""
        a = F.linear(tape.x, self.input_weight) + self.input_biases[nodes][:, None]
        return self._record(tape, slice(None), a)

    def _record(self, tape: Tape, at: int | slice, a: Tensor) -> Tensor:
        before, after = [b[at] for b in tape.before], [b[at] for b in tape.after]
        before[0].copy_(a)
        torch.ops.aten.gelu.out(before[0], out=after[0])
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True), start=1):
            linear_out(after[k - 1], weight, bias, before[k])
            torch.ops.aten.gelu.out(before[k], out=after[k])
        return F.linear(after[-1].to(self.dtype), self.output_weight, self.output_bias)

    def pull(self, tape: Tape, at: int | slice, seed: Tensor) -> Tensor:
        """∂/∂x of ⟨seed, value⟩ at the points `at` of the tape, once for each point."""
        tape.seeds[at] = seed
        back = (seed @ self.output_weight).to(self.hidden)
        for k in range(len(self.weights), -1, -1):
            a = tape.before[k][at]
            torch.ops.aten.gelu_backward.grad_input(back, a, grad_input=a)
            if k > 0:
                back = linear(a, self.weights[k - 1].t())
        grad: Tensor = a.to(self.dtype) @ self.input_weight
        return grad

    def zero_gradients(self) -> Gradients:
        """Sums at zero, for `collect` to add to."""

        def zeros(like: list[Tensor]) -> list[Tensor]:
            return [torch.zeros_like(v, dtype=self.dtype) for v in like]

        return Gradients(
            torch.zeros_like(self.input_biases),
            torch.zeros_like(self.input_weight.t().contiguous()),
            zeros([*self.weights, self.output_weight]),
            zeros([*self.biases, self.output_bias]),
        )

    def collect(self, tape: Tape, nodes: slice, sums: Gradients) -> None:
        """Add the parameters' gradients of a tape that `pull` has gone through, whose nodes are `nodes`."""
        for k in range(len(self.weights)):
            back, h = tape.before[k + 1].flatten(0, 1), tape.after[k].flatten(0, 1)
            sums.weights[k] += linear(back.t(), h.t())
            sums.biases[k] += back.sum(0)
        seeds, back = tape.seeds.flatten(0, 1), tape.before[0].to(self.dtype)
        sums.weights[-1].addmm_(seeds.t(), tape.after[-1].flatten(0, 1).to(self.dtype))
        sums.biases[-1] += seeds.sum(0)
        sums.embedding[nodes] += back.sum(1)
        # (D, rows) @ (rows, C) runs six times as fast as (C, rows) @ (rows, D)
        sums.input_weight.addmm_(tape.x.flatten(0, 1).t(), back.flatten(0, 1))


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear` of one matrix by oneDNN where torch's own choice is slower.

    For float32 on a processor torch calls MKL, which on AMD runs at half of oneDNN's speed
    (512×128 by 128×128 on Zen 5: 155 against 75 µs).
    """
    if _by_onednn(x):
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return out
    return F.linear(x, weight, bias)


def linear_out(x: Tensor, weight: Tensor, bias: Tensor, out: Tensor) -> None:
    """`linear` written into `out`; x is (…, C)."""
    if _by_onednn(x):
        out.copy_(linear(x, weight, bias))
    else:
        torch.addmm(bias, x.flatten(0, -2), weight.t(), out=out.flatten(0, -2))


def _by_onednn(x: Tensor) -> bool:
    return _ONEDNN and x.dtype is torch.float32 and x.device.type == "cpu"


_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(  # type: ignore[no-untyped-call]
    torch.ops.mkldnn, "_linear_pointwise"
)

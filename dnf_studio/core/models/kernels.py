"""`FourierMLP` without autograd: its value, and its vector-Jacobian product written out.

The training engine and every loop that needs no gradient stand on `FourierKernel`. It reads the
network's weights once, so it belongs to one set of weights: make a new one after each update.
The first layer and the hidden ones run in `hidden` (float32, bfloat16 or float64), there and back, and what one
tape's points sum to is rounded to it; points, output and the sums over tapes stay in the network's own type.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dnf_studio.core.models.input_layer import InputLayer
from dnf_studio.core.models.networks import FourierMLP
from dnf_studio.core.models.onednn import linear, linear_gelu, linear_out
from dnf_studio.core.models.room import Room

__all__ = ["FourierKernel", "Gradients", "Rows", "Tape", "value_and_trace"]

BLOCK_ROWS = 2560
CHUNK_ROWS = 2560
CHUNK_ROWS_ELSEWHERE = 1 << 16
"""On a device that is not the processor, whose caches do not bound a chunk."""
CHUNK_NODES = 2


@dataclass
class Gradients:
    """Sums over points of the parameters' gradients outside the time embedding, in the network's type."""

    embedding: Tensor
    """(K, C): of the time embedding of each node; its sum over nodes is that of the input bias."""
    input_weight: Tensor
    """(D + 2F, C): transposed."""
    weights: list[Tensor]
    """Of the hidden layers and the output layer."""
    biases: list[Tensor]


@dataclass(slots=True)
class Rows:
    """What `FourierKernel.pull` needs of the evaluations at R points."""

    x: Tensor
    """(R, D)"""
    inputs: Tensor
    """Those of the `InputLayer`, (R, `width`)."""
    seed: Tensor
    """The gradients that were pulled back, (R, D), in the type of the hidden layers."""
    back: Tensor
    """Room for what is pulled back, (R, C)."""
    wide: Tensor
    """Room for the values of the last hidden layer in the network's type, (R, C)."""
    before: list[Tensor]
    """Values before each GELU, (R, C); `pull` puts their gradients in their place."""
    after: list[Tensor]
    """Values after each GELU, (R, C)."""


class Tape:
    """The evaluations at R points of each of K nodes.

    `open` takes up the points; the memory stays for the next points of the same shape, since
    pages that the system hands out anew cost a quarter of a training step.
    """

    all: Rows
    """Every row of every node, K·R of them."""

    def __init__(self) -> None:
        self._buffers: list[Tensor] = []
        self._wide = torch.empty(0)

    def open(self, kernel: FourierKernel, x: Tensor) -> Tape:
        """Make room for `kernel` at the points x (K, R, D)."""
        layers, self.shape = len(kernel.weights) + 1, (x.shape[0], x.shape[1])
        rows = x.shape[0] * x.shape[1]
        widths = [*[kernel.channels] * (2 * layers + 1), kernel.input.width]
        if not self._fits(x, kernel.hidden, [rows * width for width in widths]):
            self._buffers = [x.new_empty(rows * width, dtype=kernel.hidden) for width in widths]
            self._wide = self._buffers[0] if kernel.hidden == x.dtype else x.new_empty(rows * kernel.channels)
        *shaped, wide = (
            buffer[: rows * width].view(rows, width)
            for buffer, width in zip((*self._buffers, self._wide), (*widths, kernel.channels), strict=True)
        )
        back, before, after, inputs = shaped[0], shaped[1 : 1 + layers], shaped[1 + layers : -1], shaped[-1]
        flat = x.reshape(rows, -1)
        self.all = Rows(flat, inputs, torch.empty_like(flat, dtype=kernel.hidden), back, wide, before, after)
        return self

    def _fits(self, x: Tensor, hidden: torch.dtype, sizes: list[int]) -> bool:
        held = [buffer.numel() for buffer in self._buffers]
        if len(held) != len(sizes) or any(have < needed for have, needed in zip(held, sizes, strict=True)):
            return False
        return (self._wide.dtype, self._wide.device, self._buffers[0].dtype) == (x.dtype, x.device, hidden)

    def nodes(self) -> list[Rows]:
        """The rows of each node; all have the same rooms, so that these stay in the cache."""

        def split(values: Tensor) -> tuple[Tensor, ...]:
            return values.view(*self.shape, -1).unbind(0)

        own, (count, rows) = self.all, self.shape
        rooms = ([room[:rows]] * count for room in (own.back, own.wide))
        single = (*(split(values) for values in (own.x, own.inputs, own.seed)), *rooms)
        layers = (map(list, zip(*map(split, values), strict=True)) for values in (own.before, own.after))
        return [Rows(*values) for values in zip(*single, *layers, strict=True)]


class FourierKernel:
    """The body of one `FourierMLP` at fixed weights, for the time embeddings (K, C) of K nodes."""

    def __init__(self, network: FourierMLP, embeddings: Tensor, hidden: torch.dtype | None = None) -> None:
        linears = network.linears()
        self.dtype = network.input_embed.weight.dtype
        self.hidden = hidden or self.dtype
        self.channels = embeddings.shape[1]
        self.network, self.input = network, InputLayer(network, self.hidden)
        self.input_biases = (embeddings + network.input_embed.bias).detach().to(self.hidden)
        self.weights = [layer.weight.detach().to(self.hidden) for layer in linears[:-1]]
        self.biases = [layer.bias.detach().to(self.hidden) for layer in linears[:-1]]
        self.output_weight, self.output_bias = linears[-1].weight.detach(), linears[-1].bias.detach()
        self.output_back = self.output_weight.to(self.hidden)

    @property
    def room(self) -> Room:
        """A chunk is the work of a few steps, so that no thread waits long for another."""
        chunk = CHUNK_ROWS if self.output_weight.device.type == "cpu" else CHUNK_ROWS_ELSEWHERE
        return Room(BLOCK_ROWS, chunk=chunk, chunk_nodes=CHUNK_NODES)

    def value(self, x: Tensor, node: int) -> Tensor:
        """The field (R, D) at x (R, D) for one node."""
        h = linear_gelu(self.input.shared_lift(x), self.input.weight, self.input_biases[node])
        for weight, bias in zip(self.weights, self.biases, strict=True):
            h = linear_gelu(h, weight, bias)
        return F.linear(h.to(self.dtype), self.output_weight, self.output_bias)

    def with_divergence(self, x: Tensor, node: int, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`value` (R, D) and its divergence (R,): derivatives along each axis or `signs` go forward beside it."""
        a = linear(self.input.lift(x), self.input.weight, self.input_biases[node])
        axes = torch.eye(x.shape[1]).to(x)[:, None] if signs is None else signs[None]
        along = self.network.lift_along(self.network.lift(x), axes)
        along = F.linear(along, self.network.input_embed.weight.detach()).to(self.hidden)
        rows = torch.cat([F.gelu(a)[None], _slope(a) * along])
        for weight, bias in zip(self.weights, self.biases, strict=True):
            out = linear(rows.flatten(0, 1), weight).view(rows.shape)
            a = out[0].add_(bias)
            torch.mul(out[1:], _slope(a), out=rows[1:])
            rows[0] = F.gelu(a)
        last = rows.to(self.dtype)
        value = F.linear(last[0], self.output_weight, self.output_bias)
        if signs is not None:
            return value, (F.linear(last[1], self.output_weight) * signs).sum(1)
        traces = [last[1 + d] @ self.output_weight[d] for d in range(x.shape[1])]
        return value, torch.stack(traces).sum(0)

    def open(self, x: Tensor, tape: Tape | None = None) -> Tape:
        """Room for the points x (K, R, D), in the memory of `tape` if there is one."""
        return (tape or Tape()).open(self, x)

    def record(self, rows: Rows, node: int) -> Tensor:
        """`value` at the rows of one node, kept for `pull`."""
        linear_out(self.input.lift(rows.x, rows.inputs), self.input.weight, self.input_biases[node], rows.before[0])
        return self._record(rows)

    def record_all(self, tape: Tape, nodes: slice, beside: Tape | None = None) -> Tensor:
        """The field (K, R, D) at all the tape's points, one of `nodes` for each, kept for `pull`.

        `beside` has the same points last: where both kernels share their inputs, these are those.
        """
        rows, before = tape.all, tape.all.before[0].view(*tape.shape, -1)
        if beside is not None and self.input.shares:
            rows.inputs = beside.all.inputs[-len(rows.x) :]
        else:
            self.input.lift(rows.x, rows.inputs)
        linear_out(rows.inputs, self.input.weight, None, rows.before[0])
        before += self.input_biases[nodes][:, None]
        return self._record(rows).view(*tape.shape, -1)

    def record_each(self, tape: Tape, nodes: slice) -> None:
        """Record all the tape's points to be pulled node by node."""
        self.record_all(tape, nodes)

    def _record(self, rows: Rows) -> Tensor:
        before, after = rows.before, rows.after
        torch.ops.aten.gelu.out(before[0], out=after[0])
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True), start=1):
            linear_out(after[k - 1], weight, bias, before[k])
            torch.ops.aten.gelu.out(before[k], out=after[k])
        return F.linear(self._widened(after[-1], rows), self.output_weight, self.output_bias)

    def _widened(self, values: Tensor, rows: Rows) -> Tensor:
        """`values` (R, C) in the network's type, until the next call."""
        return values if values.dtype == self.dtype else rows.wide.copy_(values)

    def pull(self, rows: Rows, seed: Tensor) -> Tensor:
        """∂/∂x (R, D) of ⟨seed, value⟩ at recorded rows, once for each of them."""
        back = torch.mm(rows.seed.copy_(seed), self.output_back, out=rows.back)
        for k in range(len(self.weights), -1, -1):
            a = rows.before[k]
            torch.ops.aten.gelu_backward.grad_input(back, a, grad_input=a)
            if k > 0:
                linear_out(a, self.weights[k - 1].t(), None, back)
        return self.input.pull(rows.x, rows.inputs, linear(a, self.input.weight.t()))

    def zero_gradients(self) -> Gradients:
        """Sums over the kernel's nodes at zero, for `add`."""

        def zeros(like: list[Tensor]) -> list[Tensor]:
            return [torch.zeros_like(v, dtype=self.dtype) for v in like]

        return Gradients(
            torch.zeros_like(self.input_biases, dtype=self.dtype),
            self.output_weight.new_zeros(self.network.input_embed.in_features, self.channels),
            zeros([*self.weights, self.output_weight]),
            zeros([*self.biases, self.output_bias]),
        )

    def collect(self, tape: Tape) -> Gradients:
        """The parameters' gradients of a tape that `pull` has gone through."""
        rows, layers = tape.all, range(len(self.weights))
        weights = [linear(rows.before[k + 1].t(), rows.after[k].t()).to(self.dtype) for k in layers]
        weights.append(torch.mm(rows.seed.t(), rows.after[-1]).to(self.dtype))
        # Summed in single precision, rounded at the end: asked for in another type, torch makes a copy of all first
        biases = [values.sum(0).to(self.dtype) for values in (*rows.before[1:], rows.seed)]
        embedding = rows.before[0].view(*tape.shape, -1).sum(1).to(self.dtype)
        # (D, rows) @ (rows, C) runs six times as fast as (C, rows) @ (rows, D) for few D
        input_weight = self.input.of_weight(linear(rows.inputs.t(), rows.before[0].t()))
        return Gradients(embedding, input_weight, weights, biases)

    def add(self, part: Gradients, nodes: slice, sums: Gradients) -> None:
        """Add what `collect` found of a tape whose nodes are `nodes`."""
        sums.embedding[nodes] += part.embedding
        sums.input_weight += part.input_weight
        torch._foreach_add_([*sums.weights, *sums.biases], [*part.weights, *part.biases])

    def assign(self, network: FourierMLP, blocks: list[Gradients]) -> Tensor:
        """Put the sum of the blocks' gradients into `network`; returns those of the time embeddings, (K, C)."""

        def total(parts: list[Tensor]) -> Tensor:
            return parts[0] if len(parts) == 1 else torch.stack(parts).sum(0)

        network.input_embed.weight.grad = total([b.input_weight for b in blocks]).t().contiguous()
        embeddings = total([b.embedding for b in blocks])
        network.input_embed.bias.grad = embeddings.sum(0)
        for k, layer in enumerate(network.linears()):
            layer.weight.grad = total([b.weights[k] for b in blocks])
            layer.bias.grad = total([b.biases[k] for b in blocks])
        return embeddings


def value_and_trace(network: FourierMLP, x: Tensor, embedding: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """The field (B, D) at x (B, D) and Σ_k v_kᵀ J v_k (B,), v_k the rows of `directions` (K, 1 or B, D).

    Unit vectors give the divergence. The derivatives go forward beside the value, so that what trains
    on both needs first derivatives only, by autograd.
    """
    linears = network.linears()
    inputs = network.lift(x)
    a = network.input_embed(inputs) + embedding
    along = F.linear(network.lift_along(inputs, directions), network.input_embed.weight) * _slope(a)
    for layer in linears[:-1]:
        a = layer(F.gelu(a))
        along = F.linear(along, layer.weight) * _slope(a)
    trace = (F.linear(along, linears[-1].weight) * directions).sum((0, 2))
    return linears[-1](F.gelu(a)), trace


def _slope(a: Tensor) -> Tensor:
    """The derivative of GELU."""
    slope: Tensor = torch.ops.aten.gelu_backward(torch.ones_like(a), a)
    return slope

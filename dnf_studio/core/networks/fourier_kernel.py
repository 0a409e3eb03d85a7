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

from dnf_studio.core.networks.base import BlockSizes, Gradients
from dnf_studio.core.networks.fourier_mlp import FourierMLP
from dnf_studio.core.networks.layers import InputLayer, linear, linear_gelu, linear_out

BLOCK_ROWS = 2560
CHUNK_ROWS = 2560
CHUNK_ROWS_ELSEWHERE = 1 << 16
"""Rows of a chunk on a device that is not the processor, whose caches do not bound a chunk."""
CHUNK_NODES = 2


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
    def sizes(self) -> BlockSizes:
        """A chunk is the work of a few steps, so that no thread waits long for another."""
        chunk = CHUNK_ROWS if self.output_weight.device.type == "cpu" else CHUNK_ROWS_ELSEWHERE
        return BlockSizes(BLOCK_ROWS, chunk=chunk, chunk_nodes=CHUNK_NODES)

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

    def open(self, x: Tensor, memory: list[Tensor]) -> FourierTape:
        """A tape for the points x (K, R, D), in the tensors of `memory` if they are large enough."""
        return FourierTape(self, x, memory)

    def zero_gradients(self) -> Gradients:
        """Sums over the kernel's nodes at zero, the parameters' as `FourierTape.collect` has them."""
        weights, biases = [*self.weights, self.output_weight], [*self.biases, self.output_bias]
        return Gradients(
            torch.zeros_like(self.input_biases, dtype=self.dtype),
            [
                self.output_weight.new_zeros(self.network.input_embed.in_features, self.channels),
                *(torch.zeros_like(values, dtype=self.dtype) for values in (*weights, *biases)),
            ],
        )

    def assign(self, total: Gradients) -> None:
        """Put the sums over all points into the network, but for those of the time embeddings."""
        first, linears = self.network.input_embed, self.network.linears()
        input_weight, *others = total.parameters
        first.weight.grad = input_weight.t().contiguous()
        first.bias.grad = total.embedding.sum(0)
        parameters = [*(layer.weight for layer in linears), *(layer.bias for layer in linears)]
        for parameter, gradient in zip(parameters, others, strict=True):
            parameter.grad = gradient


class FourierTape:
    """The evaluations at R points of each of K nodes, x (K, R, D).

    Its tensors stay in `memory` for the next points of the same shape, since pages that the system hands out anew
    cost a quarter of a training step.
    """

    def __init__(self, kernel: FourierKernel, x: Tensor, memory: list[Tensor]) -> None:
        self.kernel = kernel
        layers, self.shape = len(kernel.weights) + 1, (x.shape[0], x.shape[1])
        rows = x.shape[0] * x.shape[1]
        widths = [*[kernel.channels] * (2 * layers + 1), kernel.input.width]
        if not _fits(memory, x, kernel.hidden, [rows * width for width in widths]):
            buffers = [x.new_empty(rows * width, dtype=kernel.hidden) for width in widths]
            memory[:] = *buffers, buffers[0] if kernel.hidden == x.dtype else x.new_empty(rows * kernel.channels)
        *shaped, wide = (
            buffer[: rows * width].view(rows, width)
            for buffer, width in zip(memory, (*widths, kernel.channels), strict=True)
        )
        back, before, after, inputs = shaped[0], shaped[1 : 1 + layers], shaped[1 + layers : -1], shaped[-1]
        flat = x.reshape(rows, -1)
        seed = torch.empty_like(flat, dtype=kernel.hidden)
        self._all = _Rows(kernel, flat, inputs, seed, back, wide, before, after)

    @property
    def inputs(self) -> Tensor:
        """The inputs of the `InputLayer` at all points, (K·R, `width`)."""
        return self._all.inputs

    def nodes(self) -> list[_Rows]:
        """The rows of each node; what `pull` writes to is the same of all, so that it stays in the cache."""

        def split(values: Tensor) -> tuple[Tensor, ...]:
            return values.view(*self.shape, -1).unbind(0)

        own, (count, rows) = self._all, self.shape
        shared = ([buffer[:rows]] * count for buffer in (own.back, own.wide))
        single = (*(split(values) for values in (own.x, own.inputs, own.seed)), *shared)
        layers = (map(list, zip(*map(split, values), strict=True)) for values in (own.before, own.after))
        return [_Rows(self.kernel, *values) for values in zip(*single, *layers, strict=True)]

    def record_each(self, nodes: slice) -> None:
        """Evaluate all points, to be pulled node by node."""
        self.record_all(nodes)

    def record_all(self, nodes: slice, inputs: Tensor | None = None) -> Tensor:
        """The field (K, R, D) at all points, one of `nodes` for each of the tape's, kept for `pull`.

        `inputs` are those of another tape with the same points last: where both kernels share them, none are made.
        """
        kernel, rows = self.kernel, self._all
        before = rows.before[0].view(*self.shape, -1)
        if inputs is not None and kernel.input.shares:
            rows.inputs = inputs[-len(rows.x) :]
        else:
            kernel.input.lift(rows.x, rows.inputs)
        linear_out(rows.inputs, kernel.input.weight, None, rows.before[0])
        before += kernel.input_biases[nodes][:, None]
        return rows.layers().view(*self.shape, -1)

    def pull(self, seed: Tensor) -> Tensor:
        """∂/∂x (K·R, D) of ⟨seed, field⟩ at all points at once."""
        return self._all.pull(seed)

    def collect(self) -> Gradients:
        """The gradients after all has been pulled.

        The parameters' are that of the first layer's weight, transposed, (D + 2F, C), then the weights of the others,
        then their biases. The sum over nodes of the embedding's is that of the first layer's bias.
        """
        kernel, rows, layers = self.kernel, self._all, range(len(self.kernel.weights))
        weights = [linear(rows.before[k + 1].t(), rows.after[k].t()).to(kernel.dtype) for k in layers]
        weights.append(torch.mm(rows.seed.t(), rows.after[-1]).to(kernel.dtype))
        # Summed in single precision, rounded at the end: asked for in another type, torch makes a copy of all first
        biases = [values.sum(0).to(kernel.dtype) for values in (*rows.before[1:], rows.seed)]
        embedding = rows.before[0].view(*self.shape, -1).sum(1).to(kernel.dtype)
        # (D, rows) @ (rows, C) runs six times as fast as (C, rows) @ (rows, D) for few D
        input_weight = kernel.input.of_weight(linear(rows.inputs.t(), rows.before[0].t()))
        return Gradients(embedding, [input_weight, *weights, *biases])


@dataclass(slots=True)
class _Rows:
    """The evaluations at R points, of one node of a tape or of all."""

    kernel: FourierKernel
    x: Tensor
    """(R, D)"""
    inputs: Tensor
    """The inputs of the `InputLayer`, (R, `width`)."""
    seed: Tensor
    """The gradients that were pulled back, (R, D), in the type of the hidden layers."""
    back: Tensor
    """For what is pulled back, (R, C)."""
    wide: Tensor
    """For the values of the last hidden layer in the network's type, (R, C)."""
    before: list[Tensor]
    """Values before each GELU, (R, C); `pull` puts their gradients in their place."""
    after: list[Tensor]
    """Values after each GELU, (R, C)."""

    def record(self, node: int) -> Tensor:
        """The field (R, D) at the points, which are one node's, kept for `pull`."""
        first = self.kernel.input
        linear_out(first.lift(self.x, self.inputs), first.weight, self.kernel.input_biases[node], self.before[0])
        return self.layers()

    def layers(self) -> Tensor:
        """The field (R, D) from what is before the first GELU."""
        kernel, before, after = self.kernel, self.before, self.after
        torch.ops.aten.gelu.out(before[0], out=after[0])
        for k, (weight, bias) in enumerate(zip(kernel.weights, kernel.biases, strict=True), start=1):
            linear_out(after[k - 1], weight, bias, before[k])
            torch.ops.aten.gelu.out(before[k], out=after[k])
        last = after[-1] if after[-1].dtype == kernel.dtype else self.wide.copy_(after[-1])
        return F.linear(last, kernel.output_weight, kernel.output_bias)

    def pull(self, seed: Tensor) -> Tensor:
        """∂/∂x (R, D) of ⟨seed, field⟩ after the field was recorded."""
        kernel = self.kernel
        back = torch.mm(self.seed.copy_(seed), kernel.output_back, out=self.back)
        for k in range(len(kernel.weights), -1, -1):
            a = self.before[k]
            torch.ops.aten.gelu_backward.grad_input(back, a, grad_input=a)
            if k > 0:
                linear_out(a, kernel.weights[k - 1].t(), None, back)
        return kernel.input.pull(self.x, self.inputs, linear(a, kernel.input.weight.t()))


def _fits(memory: list[Tensor], x: Tensor, hidden: torch.dtype, sizes: list[int]) -> bool:
    """Whether tensors of the `hidden` type and so many elements are there, with one of the type of `x` behind them."""
    if len(memory) != len(sizes) + 1:
        return False
    *held, wide = memory
    if any(buffer.numel() < needed for buffer, needed in zip(held, sizes, strict=True)):
        return False
    return (wide.dtype, wide.device, held[0].dtype) == (x.dtype, x.device, hidden)


def value_and_derivative(
    network: FourierMLP, x: Tensor, embedding: Tensor, directions: Tensor
) -> tuple[Tensor, Tensor]:
    """The field (B, D) at x (B, D) and its derivatives J v_k (K, B, D) along `directions` v_k (K, 1 or B, D).

    The derivatives go forward beside the value, so that what trains on both needs first derivatives only, by
    autograd.
    """
    linears = network.linears()
    inputs = network.lift(x)
    a = network.input_embed(inputs) + embedding
    along = F.linear(network.lift_along(inputs, directions), network.input_embed.weight) * _slope(a)
    for layer in linears[:-1]:
        a = layer(F.gelu(a))
        along = F.linear(along, layer.weight) * _slope(a)
    return linears[-1](F.gelu(a)), F.linear(along, linears[-1].weight)


def _slope(a: Tensor) -> Tensor:
    """The derivative of GELU."""
    slope: Tensor = torch.ops.aten.gelu_backward(torch.ones_like(a), a)
    return slope

"""Any network as a kernel: its vector-Jacobian products come from autograd, one local graph at a time.

A graph lives from `record` to `pull`, and `sizes` bounds how many points have one at a time, so that
memory grows neither with the steps nor with the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dnf_studio.core.networks.base import BlockSizes, FieldNetwork, Gradients

BLOCK_ROWS = 16
"""Rows in a block on a processor: convolutions of fewer points cost more for each point."""
MOST_BLOCKS = 8
VALUE_ROWS = FieldNetwork.value_rows
"""As most networks have it."""
KEPT_BYTES = {"cpu": 1 << 27}
KEPT_BYTES_ELSEWHERE = 1 << 31
"""Most bytes of autograd graphs of one network that a thread keeps, by device."""


class AutogradKernel:
    """The body of one network at fixed weights, for the time embeddings (K, E) of K nodes.

    With a type of two bytes in `hidden` the network runs under autocast to it.
    """

    def __init__(self, network: FieldNetwork, embeddings: Tensor, hidden: torch.dtype | None = None) -> None:
        self.network, self.embeddings = network, embeddings.detach()
        self.dtype = embeddings.dtype
        self.hidden = hidden or self.dtype
        self.parameters = list(network.parameters())

    @property
    def sizes(self) -> BlockSizes:
        """By the memory that the graph of a point takes."""
        kept = KEPT_BYTES.get(self.embeddings.device.type, KEPT_BYTES_ELSEWHERE)
        rows = max(1, kept // (self.network.kept_numbers * self.dtype.itemsize))
        return BlockSizes(BLOCK_ROWS, MOST_BLOCKS, kept=rows, chunk=rows)

    def value(self, x: Tensor, node: int) -> Tensor:
        """The field (R, D) at x (R, D) for one node."""
        embedding, most = self.embeddings[node], self.network.value_rows
        with torch.no_grad():
            if len(x) <= most:
                return self.evaluate(x, embedding)
            return torch.cat([self.evaluate(rows, embedding) for rows in torch.split(x, most)])

    def with_divergence(self, x: Tensor, node: int, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`value` (R, D) and its divergence (R,): one vector-Jacobian product a dimension, or one with `signs`.

        So many points at a time as `sizes` lets have a graph.
        """
        rows = self.sizes.chunk
        if len(x) > rows:
            own = [None] * len(x) if signs is None else torch.split(signs, rows)
            parts = [self.with_divergence(part, node, s) for part, s in zip(torch.split(x, rows), own, strict=False)]
            values, divergences = zip(*parts, strict=True)
            return torch.cat(values), torch.cat(divergences)
        with torch.inference_mode(False), torch.enable_grad():
            points = x.clone().requires_grad_()
            value = self.evaluate(points, self.embeddings[node].clone())
            if signs is not None:
                (row,) = torch.autograd.grad(value, points, signs.clone())
                return value.detach(), (row * signs).sum(1)
            total = torch.zeros_like(points[:, 0])
            for d in range(points.shape[1]):
                total += torch.autograd.grad(value[:, d].sum(), points, retain_graph=True)[0][:, d]
        return value.detach(), total

    def open(self, x: Tensor, memory: list[Tensor]) -> GraphTape:
        """A tape for the points x (K, R, D); a graph has memory of its own."""
        return GraphTape(self, x)

    def zero_gradients(self) -> Gradients:
        """Sums over the kernel's nodes at zero, the parameters' in the network's order."""
        return Gradients(torch.zeros_like(self.embeddings), [torch.zeros_like(p) for p in self.parameters])

    def assign(self, total: Gradients) -> None:
        """Put the sums over all points into the network, but for those of the time embeddings."""
        for parameter, gradient in zip(self.parameters, total.parameters, strict=True):
            parameter.grad = gradient

    def evaluate(self, x: Tensor, embedding: Tensor) -> Tensor:
        """The field (R, D) at x (R, D) for time embeddings (E,) or (R, E), with a graph where gradients are enabled."""
        with torch.autocast(x.device.type, self.hidden, enabled=self.hidden.itemsize == 2):
            return self.network.body(x, embedding)


class GraphTape:
    """The evaluations at R points of each of K nodes, x (K, R, D), and the sums of what their pulls find."""

    inputs = None

    def __init__(self, kernel: AutogradKernel, x: Tensor) -> None:
        embedding = torch.zeros_like(kernel.embeddings[: len(x)])
        # The gradients of the time embedding's own parameters stay zero
        self._sums = Gradients(embedding, [torch.zeros_like(p) for p in kernel.parameters])
        self._all = _Graph(kernel, x, slice(0, len(x)), self._sums)
        self._nodes = [_Graph(kernel, points, slice(k, k + 1), self._sums) for k, points in enumerate(x)]

    def nodes(self) -> list[_Graph]:
        """The points of each node."""
        return self._nodes

    def record_each(self, nodes: slice) -> None:
        """Evaluate all points, each node with a graph of its own."""
        for graph, node in zip(self._nodes, range(nodes.start, nodes.stop), strict=True):
            graph.record(node)

    def record_all(self, nodes: slice, inputs: Tensor | None = None) -> Tensor:
        """The field (K, R, D) at all points, one of `nodes` for each of the tape's, with one graph."""
        return self._all.record_nodes(nodes)

    def pull(self, seed: Tensor) -> Tensor:
        """∂/∂x (K·R, D) of ⟨seed, field⟩ at all points, through their one graph."""
        return self._all.pull(seed)

    def collect(self) -> Gradients:
        """The gradients after all has been pulled."""
        return self._sums


class _Graph:
    """Points (R, D) of a node or (K, R, D) of several, and the graph of their evaluation until it is pulled."""

    def __init__(self, kernel: AutogradKernel, x: Tensor, places: slice, sums: Gradients) -> None:
        self.kernel, self.x, self.places, self.sums = kernel, x, places, sums
        self.leaves: tuple[Tensor, Tensor] | None = None
        """Points (K·R, D) and time embeddings (K, E)."""
        self.value: Tensor | None = None

    def record(self, node: int) -> Tensor:
        """The field (R, D) at the points, which are one node's, with its graph."""
        return self.record_nodes(slice(node, node + 1))

    def record_nodes(self, nodes: slice) -> Tensor:
        """The field, shaped as the points, for so many nodes as they are of."""
        x, embeddings = self.x.flatten(0, -2), self.kernel.embeddings[nodes]
        with torch.enable_grad():
            # A copy: the states that x is a part of change while its graph lives
            points, shifts = x.detach().clone().requires_grad_(), embeddings.clone().requires_grad_()
            self.leaves = points, shifts
            self.value = self.kernel.evaluate(points, shifts.repeat_interleave(len(x) // len(shifts), 0))
        return self.value.detach().view(self.x.shape)

    def pull(self, seed: Tensor) -> Tensor:
        """∂/∂x (K·R, D) of ⟨seed, field⟩ after the field was recorded, once for each record."""
        assert self.leaves is not None and self.value is not None
        found = torch.autograd.grad(
            self.value, [*self.leaves, *self.kernel.parameters], seed, allow_unused=True, materialize_grads=True
        )
        self.leaves = self.value = None
        self.sums.embedding[self.places] += found[1]
        torch._foreach_add_(self.sums.parameters, found[2:])
        return found[0]

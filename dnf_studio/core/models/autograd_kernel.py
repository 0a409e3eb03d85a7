"""Any network as a kernel: its vector-Jacobian products come from autograd, one local graph at a time.

A graph lives from `record` to `pull`, and `room` bounds how many points have one at a time, so that
memory grows neither with the steps nor with the batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dnf_studio.core.models.field_network import FieldNetwork
from dnf_studio.core.models.room import Room

__all__ = ["VALUE_ROWS", "AutogradKernel", "Graph", "GraphTape", "NetworkGradients"]

BLOCK_ROWS = 16
"""Of a block on a processor: the convolutions of fewer points are slower by the point."""
MOST_BLOCKS = 8
VALUE_ROWS = 64
"""Points evaluated together where nothing is kept, so that no value depends on how many points come after it."""
KEPT_BYTES = {"cpu": 1 << 27}
KEPT_BYTES_ELSEWHERE = 1 << 31
"""Of the graphs that a thread holds of one network, by device."""


@dataclass
class NetworkGradients:
    """Sums over points of the gradients of a network."""

    embedding: Tensor
    """(K, E): of each node's time embedding."""
    parameters: list[Tensor]
    """Of the parameters, in their order; those of the time embedding stay zero."""


class Graph:
    """Points (R, D) of a node or (K, R, D) of several, and the graph of their evaluation until it is pulled."""

    def __init__(self, x: Tensor, places: slice, sums: NetworkGradients) -> None:
        self.x, self.places, self.sums = x, places, sums
        self.leaves: tuple[Tensor, Tensor] | None = None
        """Points (K·R, D) and time embeddings (K, E)."""
        self.value: Tensor | None = None


class GraphTape:
    """The evaluations at R points of each of K nodes, x (K, R, D), and in `sums` what their pulls find."""

    def __init__(self, x: Tensor, sums: NetworkGradients) -> None:
        self.sums = sums
        self.all = Graph(x, slice(0, len(x)), sums)
        self._nodes = [Graph(points, slice(k, k + 1), sums) for k, points in enumerate(x)]

    def nodes(self) -> list[Graph]:
        """The points of each node."""
        return self._nodes


class AutogradKernel:
    """The body of one network at fixed weights, for the time embeddings (K, E) of K nodes.

    With a type of two bytes in `hidden` the network runs under autocast to it.
    """

    def __init__(self, network: FieldNetwork, embeddings: Tensor, hidden: torch.dtype | None = None) -> None:
        self.network, self.embeddings = network, embeddings.detach()
        self.dtype = embeddings.dtype
        self.hidden = hidden or self.dtype
        self._parameters = list(network.parameters())

    @property
    def room(self) -> Room:
        """By the memory that the graph of a point takes."""
        kept = KEPT_BYTES.get(self.embeddings.device.type, KEPT_BYTES_ELSEWHERE)
        rows = max(1, kept // (self.network.kept_numbers * self.dtype.itemsize))
        return Room(BLOCK_ROWS, MOST_BLOCKS, kept=rows, chunk=rows)

    def value(self, x: Tensor, node: int) -> Tensor:
        """The field (R, D) at x (R, D) for one node."""
        embedding = self.embeddings[node]
        with torch.no_grad():
            return torch.cat([self._value(rows, embedding) for rows in torch.split(x, VALUE_ROWS)])

    def with_divergence(self, x: Tensor, node: int, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`value` (R, D) and its divergence (R,): one vector-Jacobian product a dimension, or one with `signs`.

        So many points at a time as `room` lets have a graph.
        """
        rows = self.room.chunk
        if len(x) > rows:
            own = [None] * len(x) if signs is None else torch.split(signs, rows)
            parts = [self.with_divergence(part, node, s) for part, s in zip(torch.split(x, rows), own, strict=False)]
            values, divergences = zip(*parts, strict=True)
            return torch.cat(values), torch.cat(divergences)
        with torch.inference_mode(False), torch.enable_grad():
            points = x.clone().requires_grad_()
            value = self._value(points, self.embeddings[node].clone())
            if signs is not None:
                (row,) = torch.autograd.grad(value, points, signs.clone())
                return value.detach(), (row * signs).sum(1)
            total = torch.zeros_like(points[:, 0])
            for d in range(points.shape[1]):
                total += torch.autograd.grad(value[:, d].sum(), points, retain_graph=True)[0][:, d]
        return value.detach(), total

    def open(self, x: Tensor, tape: GraphTape | None = None) -> GraphTape:
        """Room for the points x (K, R, D); a `tape` from before has nothing to give."""
        embedding = torch.zeros_like(self.embeddings[: len(x)])
        return GraphTape(x, NetworkGradients(embedding, [torch.zeros_like(p) for p in self._parameters]))

    def record(self, rows: Graph, node: int) -> Tensor:
        """`value` at the points of one node, with its graph."""
        return self._record(rows, rows.x, self.embeddings[node : node + 1])

    def record_all(self, tape: GraphTape, nodes: slice, beside: GraphTape | None = None) -> Tensor:
        """The field (K, R, D) at all the tape's points, one of `nodes` for each, with one graph."""
        x = tape.all.x
        return self._record(tape.all, x.flatten(0, 1), self.embeddings[nodes]).view(x.shape)

    def record_each(self, tape: GraphTape, nodes: slice) -> None:
        """Record all the tape's points, each node with a graph of its own."""
        for graph, node in zip(tape.nodes(), range(nodes.start, nodes.stop), strict=True):
            self.record(graph, node)

    def _record(self, rows: Graph, x: Tensor, embeddings: Tensor) -> Tensor:
        with torch.enable_grad():
            # A copy: the states that x is a part of change while its graph lives
            points, shifts = x.detach().clone().requires_grad_(), embeddings.clone().requires_grad_()
            rows.leaves = points, shifts
            rows.value = self._value(points, shifts.repeat_interleave(len(x) // len(shifts), 0))
        return rows.value.detach()

    def pull(self, rows: Graph, seed: Tensor) -> Tensor:
        """∂/∂x (K·R, D) of ⟨seed, value⟩ at recorded points, once for each graph."""
        assert rows.leaves is not None and rows.value is not None
        found = torch.autograd.grad(
            rows.value, [*rows.leaves, *self._parameters], seed, allow_unused=True, materialize_grads=True
        )
        rows.leaves = rows.value = None
        rows.sums.embedding[rows.places] += found[1]
        torch._foreach_add_(rows.sums.parameters, found[2:])
        return found[0]

    def zero_gradients(self) -> NetworkGradients:
        """Sums over the kernel's nodes at zero, for `add`."""
        return NetworkGradients(torch.zeros_like(self.embeddings), [torch.zeros_like(p) for p in self._parameters])

    def collect(self, tape: GraphTape) -> NetworkGradients:
        """The parameters' gradients of a tape that `pull` has gone through."""
        return tape.sums

    def add(self, part: NetworkGradients, nodes: slice, sums: NetworkGradients) -> None:
        """Add what `collect` found of a tape whose nodes are `nodes`."""
        sums.embedding[nodes] += part.embedding
        torch._foreach_add_(sums.parameters, part.parameters)

    def assign(self, network: FieldNetwork, blocks: list[NetworkGradients]) -> Tensor:
        """Put the sum of the blocks' gradients into `network`; returns those of the time embeddings, (K, E)."""
        for k, parameter in enumerate(network.parameters()):
            parameter.grad = torch.stack([block.parameters[k] for block in blocks]).sum(0)
        return torch.stack([block.embedding for block in blocks]).sum(0)

    def _value(self, x: Tensor, embedding: Tensor) -> Tensor:
        with torch.autocast(x.device.type, self.hidden, enabled=self.hidden.itemsize == 2):
            return self.network.body(x, embedding)

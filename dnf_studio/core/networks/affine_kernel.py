"""A linear field, alone or beside a network, as a kernel: the fixed part −½ g² x of a forward drift costs no network.

Rates are those of nodes, so that a field follows whatever grid it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dnf_studio.core.networks.base import BlockSizes, FieldKernel, Gradients, Rows, Tape


class LinearKernel:
    """The field r x at nodes of the rates r (K,); it has no parameters, and is parted as the kernel `beside` it is."""

    def __init__(self, rates: Tensor, beside: FieldKernel) -> None:
        self.rates, self.beside = rates, beside
        self.hidden = beside.hidden

    @property
    def sizes(self) -> BlockSizes:
        """Those of the kernel beside it."""
        return self.beside.sizes

    def value(self, x: Tensor, node: int) -> Tensor:
        """The field (R, D) at x (R, D) for one node."""
        return x * self.rates[node]

    def with_divergence(self, x: Tensor, node: int, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`value` (R, D) and its divergence (R,), exact whatever the signs."""
        return self.value(x, node), (self.rates[node] * x.shape[1]).expand(len(x))

    def open(self, x: Tensor, memory: list[Tensor]) -> LinearTape:
        """A tape for the points x (K, R, D), which needs no memory."""
        return LinearTape([LinearRows(self.rates, points) for points in x])

    def zero_gradients(self) -> Gradients:
        """None: (K, 0) of embeddings, and of no parameters."""
        return Gradients(self.rates.new_zeros(len(self.rates), 0), [])

    def assign(self, total: Gradients) -> None:
        """There is nothing to put anywhere."""


@dataclass
class LinearRows:
    """The points x (R, D) of one node."""

    rates: Tensor
    x: Tensor
    node: int = 0
    """The one that was recorded last."""

    def record(self, node: int) -> Tensor:
        """The field (R, D) there."""
        self.node = node
        return self.x * self.rates[node]

    def pull(self, seed: Tensor) -> Tensor:
        """∂/∂x (R, D) of ⟨seed, field⟩."""
        return seed * self.rates[self.node]


class LinearTape:
    """Points of K nodes, each with `LinearRows` of its own."""

    inputs = None

    def __init__(self, rows: list[LinearRows]) -> None:
        self._rows = rows

    def nodes(self) -> Sequence[LinearRows]:
        """The points of each node."""
        return self._rows

    def record_each(self, nodes: slice) -> None:
        """Evaluate all points, one of `nodes` for each of the tape's."""
        self.record_all(nodes)

    def record_all(self, nodes: slice, inputs: Tensor | None = None) -> Tensor:
        """The field (K, R, D) at all points."""
        places = range(nodes.start, nodes.stop)
        return torch.stack([rows.record(node) for rows, node in zip(self._rows, places, strict=True)])

    def pull(self, seed: Tensor) -> Tensor:
        """∂/∂x (K·R, D) of ⟨seed, field⟩ for a seed (K·R, D)."""
        parts = seed.chunk(len(self._rows))
        return torch.cat([rows.pull(part) for rows, part in zip(self._rows, parts, strict=True)])

    def collect(self) -> Gradients:
        """None."""
        return Gradients(self._rows[0].rates.new_zeros(len(self._rows), 0), [])


class ResidualKernel:
    """The field r x + n(x) of rates r (K,) at the kernel's nodes and the network n of a kernel."""

    def __init__(self, rates: Tensor, network: FieldKernel) -> None:
        self.linear, self.network = LinearKernel(rates, network), network
        self.hidden = network.hidden

    @property
    def sizes(self) -> BlockSizes:
        """Those of the network."""
        return self.network.sizes

    def value(self, x: Tensor, node: int) -> Tensor:
        """The field (R, D) at x (R, D) for one node."""
        return self.network.value(x, node) + self.linear.value(x, node)

    def with_divergence(self, x: Tensor, node: int, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`value` (R, D) and its divergence (R,), of the linear part exact."""
        value, divergence = self.network.with_divergence(x, node, signs)
        fixed, trace = self.linear.with_divergence(x, node)
        return value + fixed, divergence + trace

    def open(self, x: Tensor, memory: list[Tensor]) -> ResidualTape:
        """A tape for the points x (K, R, D), in the tensors of `memory` if they serve."""
        return ResidualTape(self.linear.open(x, memory), self.network.open(x, memory))

    def zero_gradients(self) -> Gradients:
        """Those of the network."""
        return self.network.zero_gradients()

    def assign(self, total: Gradients) -> None:
        """As the network's own kernel does."""
        self.network.assign(total)


class ResidualTape:
    """A tape of the linear part beside one of the network."""

    def __init__(self, linear: LinearTape, network: Tape) -> None:
        self.linear, self.network = linear, network

    @property
    def inputs(self) -> Tensor | None:
        """What the network has made of the points."""
        return self.network.inputs

    def nodes(self) -> Sequence[Rows]:
        """The points of each node."""
        return [_Both(*parts) for parts in zip(self.linear.nodes(), self.network.nodes(), strict=True)]

    def record_each(self, nodes: slice) -> None:
        """Evaluate all points, one of `nodes` for each of the tape's, to be pulled node by node."""
        self.linear.record_each(nodes)
        self.network.record_each(nodes)

    def record_all(self, nodes: slice, inputs: Tensor | None = None) -> Tensor:
        """The field (K, R, D) at all points, to be pulled at once."""
        return self.network.record_all(nodes, inputs) + self.linear.record_all(nodes)

    def pull(self, seed: Tensor) -> Tensor:
        """∂/∂x (K·R, D) of ⟨seed, field⟩ for a seed (K·R, D)."""
        return self.network.pull(seed) + self.linear.pull(seed)

    def collect(self) -> Gradients:
        """The gradients of the network."""
        return self.network.collect()


@dataclass
class _Both:
    linear: Rows
    network: Rows

    def record(self, node: int) -> Tensor:
        return self.network.record(node) + self.linear.record(node)

    def pull(self, seed: Tensor) -> Tensor:
        return self.network.pull(seed) + self.linear.pull(seed)

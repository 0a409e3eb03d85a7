"""What every network of a field offers, and every kernel that evaluates one; nobody else need know how it is built."""

from __future__ import annotations

import copy
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol, cast

import torch
from torch import Tensor, nn


class FieldNetwork(nn.Module, ABC):
    """A field of x and t in two parts, so that what depends on t alone is computed once a node.

    The value at a point must depend on that point alone: batches are split and put together at will.
    """

    dim: int
    """D."""
    value_rows: ClassVar[int] = 64
    """Points evaluated together where nothing is kept, so that no value depends on how many points come after it."""

    def cover(self, points: Tensor) -> None:
        """Be told where data lies, by `points` (n, D), before training; most networks need not know."""

    @abstractmethod
    def begin_at_zero(self) -> None:
        """Let the field be zero everywhere, before training."""

    @abstractmethod
    def embed_time(self, t: Tensor) -> Tensor:
        """Embeddings (K, E) of the times t (K,)."""

    @abstractmethod
    def body(self, x: Tensor, embedding: Tensor) -> Tensor:
        """The field (B, D) at x (B, D) for time embeddings (E,), (1, E) or (B, E)."""

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """The field (B, D) at x (B, D) and the time t, a scalar or (B,)."""
        return self.body(x, self.embed_time(t.reshape(-1)))

    @cached_property
    def kept_numbers(self) -> int:
        """About how many numbers autograd keeps of the evaluation at one point, parameters apart."""
        # A copy, so that it is the same whatever has been done with this one
        with torch.inference_mode(False):
            network = copy.deepcopy(self).cpu().requires_grad_()
        own = {p.untyped_storage()._cdata for p in network.parameters()}
        kept: dict[int, int] = {}

        def note(values: Tensor) -> Tensor:
            # The graph holds what it keeps, so that no storage takes the place of another
            kept[values.untyped_storage()._cdata] = values.untyped_storage().nbytes() // values.element_size()
            return values

        with torch.inference_mode(False), torch.enable_grad():
            start = next(network.parameters()).new_zeros(1)
            embedding, x = network.embed_time(start).detach(), start.expand(1, self.dim).clone().requires_grad_()
            with torch.autograd.graph.saved_tensors_hooks(note, lambda values: values):
                graph = network.body(x, embedding)
        del graph
        return sum(count for storage, count in kept.items() if storage not in own)

    @cached_property
    def multiply_adds(self) -> int:
        """Multiply-adds of one evaluation of `body` at one point: of its linear maps, convolutions and attention.

        What is done number by number (activations, norms, sines) is not counted, nor is the embedding of t, which is
        made once a node for all points together.
        """
        counts = [self.other_multiply_adds]

        def count(layer: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            # Each number of the output is a sum over one row of the weights
            weight = cast(Tensor, layer.weight)
            counts.append(output.numel() * weight[0].numel())

        with torch.inference_mode(False), torch.no_grad():
            network = copy.deepcopy(self).cpu().float()
            embedding = network.embed_time(torch.zeros(1))
            for layer in network.modules():
                if isinstance(layer, nn.Linear | nn.Conv2d):
                    layer.register_forward_hook(count)
            network.body(torch.zeros(1, self.dim), embedding)
        return sum(counts)

    @property
    def other_multiply_adds(self) -> int:
        """Those of products at one point that are no layer of their own; none unless a network says so."""
        return 0


@dataclass(frozen=True)
class BlockSizes:
    """How many points a kernel works on at once.

    These are functions of the network alone, so that no result depends on threads or free memory.
    """

    block: int
    """A block of a batch, which one thread works on, has at most so many."""
    blocks: int = sys.maxsize
    """A batch has at most so many blocks; they are larger then. Each has gradients of its own."""
    kept: int = sys.maxsize
    """At most so many points are evaluated with all kept that a pull needs."""
    chunk: int = sys.maxsize
    """How many points, where they are independent, are best evaluated together,"""
    chunk_nodes: int = 1
    """and those of so many nodes at least."""


@dataclass
class Gradients:
    """Sums over points of the gradients of a network, in the network's type."""

    embedding: Tensor
    """(K, E): those of each node's time embedding."""
    parameters: list[Tensor]
    """Gradients of the parameters outside the time embedding, as the kernel keeps them."""

    @property
    def tensors(self) -> list[Tensor]:
        """All of them, the embeddings' first."""
        return [self.embedding, *self.parameters]

    def add(self, part: Gradients, nodes: slice) -> None:
        """Add what a tape of the same kernel, whose nodes are `nodes`, has collected."""
        self.embedding[nodes] += part.embedding
        if self.parameters:
            torch._foreach_add_(self.parameters, part.parameters)


class Rows(Protocol):
    """The points x (R, D) of one node on a tape."""

    def record(self, node: int) -> Tensor:
        """The field (R, D) there, kept for `pull`."""
        ...

    def pull(self, seed: Tensor) -> Tensor:
        """∂/∂x (R, D) of ⟨seed, field⟩, once for each record; the tape collects the gradients of the parameters."""
        ...


class Tape(Protocol):
    """Points x (K, R, D) of K nodes, evaluated there and pulled back.

    They are recorded node by node (`Rows.record`, `record_each`) or all at once (`record_all`), pulled
    likewise, and then collected.
    """

    @property
    def inputs(self) -> Tensor | None:
        """What the network has made of the points alone, for `record_all` of another one; None where nothing is."""
        ...

    def nodes(self) -> Sequence[Rows]:
        """The points of each node."""
        ...

    def record_each(self, nodes: slice) -> None:
        """Evaluate all points, one of `nodes` for each of the tape's, to be pulled node by node."""
        ...

    def record_all(self, nodes: slice, inputs: Tensor | None = None) -> Tensor:
        """The field (K, R, D) at all points, one of `nodes` for each of the tape's, to be pulled at once.

        `inputs` are those of a tape of the other of two `make_kernels`, whose last points are the same as here and
        which is not collected yet: what both networks make of points alone is taken from there.
        """
        ...

    def pull(self, seed: Tensor) -> Tensor:
        """∂/∂x (K·R, D) of ⟨seed, field⟩ after `record_all`, for a seed (K·R, D)."""
        ...

    def collect(self) -> Gradients:
        """The gradients of the parameters, after all has been pulled."""
        ...


class FieldKernel(Protocol):
    """The body of one network at fixed weights, for the time embeddings (K, E) of K nodes."""

    hidden: torch.dtype
    """The type of the hidden layers."""

    @property
    def sizes(self) -> BlockSizes:
        """How many points to work on at once."""
        ...

    def value(self, x: Tensor, node: int) -> Tensor:
        """The field (R, D) at x (R, D) for one node."""
        ...

    def with_divergence(self, x: Tensor, node: int, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`value` (R, D) and its divergence (R,), exact or estimated with `signs` (R, D) (`FieldWithDivergence`)."""
        ...

    def open(self, x: Tensor, memory: list[Tensor]) -> Tape:
        """A tape for the points x (K, R, D), in the tensors of `memory` as far as they serve.

        The tape leaves there what the next one of such a shape can use; it begins empty.
        """
        ...

    def zero_gradients(self) -> Gradients:
        """Sums over the kernel's nodes at zero."""
        ...

    def assign(self, total: Gradients) -> None:
        """Put the sums over all points into the network, but for those of the time embeddings."""
        ...

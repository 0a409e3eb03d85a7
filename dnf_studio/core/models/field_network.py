"""What every network of a field offers, so that kernels and engines need not know how it is built."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from functools import cached_property

import torch
from torch import Tensor, nn

__all__ = ["FieldNetwork"]


class FieldNetwork(nn.Module, ABC):
    """A field of x and t in two parts, so that what depends on t alone is computed once a node.

    The value at a point must depend on that point alone: batches are split and put together at will.
    """

    dim: int
    """D."""

    def cover(self, points: Tensor) -> None:
        """Be told where data lies, by `points` (n, D), before training; most networks need not know."""

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

"""What every engine returns of a batch, and how it puts the gradients of a network's kernel into the parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dnf_studio.core.networks.base import FieldKernel, FieldNetwork, Gradients

__all__ = ["BatchLoss", "Trained", "assign_gradients", "embed_times"]


@dataclass(frozen=True)
class BatchLoss:
    """The loss of one batch and where it comes from."""

    value: Tensor
    """Mean over the batch, a scalar; the model's class says what it is."""
    disagreement: Tensor
    """Mean ½(‖δB_i‖² − ‖δF_i‖²) of each step, (N,), nats; (0,) for a model that is not trained on paths."""


class Trained(NamedTuple):
    """One network in a step."""

    kernel: FieldKernel
    embeddings: Tensor
    """(K, E) of the nodes' times, by autograd."""
    gradients: list[Gradients]
    """Those of each block."""


def embed_times(network: FieldNetwork, times: Tensor) -> Tensor:
    """The embeddings (K, E) of the times (K,), as `assign_gradients` needs them."""
    with torch.enable_grad():
        return network.embed_time(times)


def assign_gradients(*trained: Trained) -> None:
    """Put the sums of the blocks' gradients into the parameters, those of the time embeddings' among them."""
    nodes = [own.kernel.assign(own.gradients) for own in trained]
    with torch.enable_grad():
        # Of numbers: with a gradient given, torch imports sympy (0.4 s) to compare the shapes
        torch.autograd.backward([torch.sum(own.embeddings * grad) for own, grad in zip(trained, nodes, strict=True)])

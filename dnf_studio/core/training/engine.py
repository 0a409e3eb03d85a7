"""What computes the loss of a batch and its gradients: one engine for each kind of model, all driven by `Run`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.models.diffusion import Diffusion
from dnf_studio.core.models.flow import Flow
from dnf_studio.core.parallel import BlockPool
from dnf_studio.errors import UnsupportedError

__all__ = ["BatchLoss", "Engine", "make_engine"]


@dataclass(frozen=True)
class BatchLoss:
    """The loss of one batch and where it comes from."""

    value: Tensor
    """Mean over the batch, a scalar; the model's class says what it is."""
    disagreement: Tensor
    """Mean ½(‖δB_i‖² − ‖δF_i‖²) of each step, (N,), nats; (0,) for a model that is not trained on paths."""


class Engine(Protocol):
    """Computes training steps of one model."""

    @property
    def hidden(self) -> torch.dtype:
        """Type of the hidden layers."""
        ...

    def train(self, x0: Tensor, steps: int, generator: torch.Generator) -> BatchLoss:
        """The loss of x0 (B, D) at N = `steps`, its gradients put into the parameters.

        What else is random comes from `generator`, on the processor, so that every device trains alike.
        """
        ...


def make_engine(model: GenerativeModel, pool: BlockPool, hidden: torch.dtype, box: Tensor | None = None) -> Engine:
    """The engine of `model` on the threads of `pool`, with layers in `hidden` where it can.

    `box` (2, D) is that of the data, for a model that is to stay near it.
    """
    from dnf_studio.core.training.adjoint import AdjointEngine
    from dnf_studio.core.training.maximum_likelihood import LikelihoodEngine
    from dnf_studio.core.training.score_matching import ScoreMatchingEngine

    if isinstance(model, DiffFlow):
        return AdjointEngine(model, pool, hidden, box)
    if isinstance(model, Diffusion):
        return ScoreMatchingEngine(model, pool, hidden)
    if isinstance(model, Flow):
        return LikelihoodEngine(model, pool)
    raise UnsupportedError(f"There is no way to train a {type(model).__name__} here.")

"""What computes the loss of a batch and its gradients: an engine for each way to train, all driven by `Run`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from dnf_studio.config.model_kinds import MODEL_KINDS, Objective
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.training.adjoint import AdjointEngine
from dnf_studio.core.training.gradients import BatchLoss
from dnf_studio.core.training.maximum_likelihood import LikelihoodEngine
from dnf_studio.core.training.regression import FlowMatchingEngine, ScoreMatchingEngine
from dnf_studio.core.training.terms import Term


class Engine(Protocol):
    """Computes training steps of one model."""

    @property
    def hidden(self) -> torch.dtype:
        """The type of the hidden layers."""
        ...

    def train(self, x0: Tensor, steps: int, generator: torch.Generator) -> BatchLoss:
        """The loss of x0 (B, D) at N = `steps`, its gradients put into the parameters.

        What else is random comes from `generator`, on the processor, so that every device trains alike.
        """
        ...

    def terms(self, x0: Tensor, steps: int, generator: torch.Generator) -> Iterator[Term]:
        """The terms of the loss that `train` finds with such a `generator`, step by step for parts of the points.

        For who looks for what went wrong, with gradients disabled.
        """
        ...


ENGINES: Mapping[Objective, Callable[[Any, BlockPool, torch.dtype, Tensor | None], Engine]] = {
    "bound": AdjointEngine,
    "noise": ScoreMatchingEngine,
    "likelihood": LikelihoodEngine,
    "velocity": FlowMatchingEngine,
}
"""The engine of each objective of `MODEL_KINDS`, made of such a model and what else `make_engine` is given."""


def make_engine(model: GenerativeModel, pool: BlockPool, hidden: torch.dtype, box: Tensor | None = None) -> Engine:
    """The engine of `model` on the threads of `pool`, with layers in `hidden` where it can.

    `box` (2, D) is that of the data, for a model that is to stay near it.
    """
    return ENGINES[MODEL_KINDS[model.kind].objective](model, pool, hidden, box)

"""Early stopping: the weights that are best by the validation NLL, and when no better ones are to be expected."""

from __future__ import annotations

import copy
import math
from typing import Any

from torch import Tensor

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.training.history import History

__all__ = ["MEASURE_EVERY", "EarlyStopping"]

MEASURE_EVERY = 50
"""Iterations from one measure to the next, which costs about as much as two."""


class EarlyStopping:
    """Measures averaged weights on the validation split and keeps a copy of the best.

    Does nothing without a split.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._active = dataset.validation(1, 0) is not None
        self.best: GenerativeModel | None = None
        """The model with the best weights so far, None before the first measure."""
        self.best_nll: float | None = None
        """Nats of the standardised data."""
        self.best_iteration = self.measured = 0
        """When those weights were measured, and when the last ones were."""
        self.history = History()
        """NLL by iteration, thinned out as that of the loss is."""

    def note(self, iteration: int, average: GenerativeModel, patience: int) -> float | None:
        """Measure `average` if it is time for that after `iteration`; returns its NLL, nats, or None.

        With a `patience` of 0 nothing is kept.
        """
        if not self._active or iteration % MEASURE_EVERY:
            return None
        from dnf_studio.core.evaluation.likelihoods import validation_nll

        nll = validation_nll(average, self._dataset)
        self.measured = iteration
        if not math.isfinite(nll):
            return None
        self.history.add(iteration, nll)
        if patience and (self.best_nll is None or nll < self.best_nll):
            self.best_nll, self.best_iteration = nll, iteration
            self.best = copy.deepcopy(average)
        return nll

    def exhausted(self, patience: int) -> bool:
        """Whether the NLL has not fallen below its best for `patience` iterations; never with 0."""
        return bool(patience) and self.best is not None and self.measured - self.best_iteration >= patience

    def forget(self) -> None:
        """Begin anew: what was measured with another time grid cannot be compared, and without patience nothing is."""
        self.best, self.best_nll = None, None

    def state(self) -> dict[str, Any]:
        """All but the weights, for the JSON of a checkpoint; nothing before the first measure."""
        if self.best is None:
            return {}
        return {"best_nll": self.best_nll, "best_iteration": self.best_iteration, "measured": self.measured}

    def restore(self, values: dict[str, Any], model: GenerativeModel, weights: dict[str, Tensor] | None) -> None:
        """Go back to what `state` gave and `weights`, those of the best copy, of a model like `model`."""
        self.forget()
        if values and weights is not None:
            self.best_nll, self.best_iteration = values["best_nll"], values["best_iteration"]
            self.measured = values["measured"]
            self.best = copy.deepcopy(model)
            self.best.load_state_dict(weights)

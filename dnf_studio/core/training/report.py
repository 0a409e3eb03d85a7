"""What a run tells about itself after each iteration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.training.marks import Mark

__all__ = ["StepReport"]


@dataclass(frozen=True)
class StepReport:
    """One finished iteration."""

    iteration: int
    """Iterations done since the run began, resumed parts included."""
    loss: float
    """Of this batch with the raw weights: the bound at this iteration's N, nats of standardised data, or what else
    the model is trained on."""
    steps: int
    """N of this iteration; a progressive run begins with fewer than it ends with."""
    disagreement: NDArray[np.float32]
    """Mean ½(‖δB_i‖² − ‖δF_i‖²) of each step, (N,), nats, of this batch; N is that of this iteration.
    (0,) for a model that is not trained on paths."""
    learning_rate: float
    gradient_norm: float
    """Norm of the gradient before clipping."""
    seconds: float
    """Training time since the run began, pauses left out, resumed parts included."""
    marks: tuple[Mark, ...] = ()
    """What changed just before this iteration."""
    validation: float | None = None
    """The NLL on the validation split with the averaged weights after this iteration, nats, where it was measured:
    the bound, or that of a flow."""

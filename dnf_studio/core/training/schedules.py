"""How the learning rate falls during a run."""

from __future__ import annotations

import math

from dnf_studio.config import TrainingConfig

__all__ = ["learning_rate"]

STEP_EVERY = 200
STEP_FACTOR = 0.95
FLOOR = 1e-3
WARM_UP = 30


def learning_rate(training: TrainingConfig, iteration: int, seconds: float) -> float:
    """The rate of the next iteration, after `iteration` iterations and `seconds` of training.

    ``cosine`` falls from `learning_rate` to a thousandth of it over the run's total (of seconds
    where those are set, else of iterations); ``step`` is the reference program's, times 0.95
    every 200 iterations; ``constant`` stays. The first 30 iterations of any of them climb from a
    thirtieth: without that, one seed in a few never leaves a flat start at rates near 1e-2.
    """
    return min(1.0, (iteration + 1) / WARM_UP) * _decayed(training, iteration, seconds)


def _decayed(training: TrainingConfig, iteration: int, seconds: float) -> float:
    if training.decay == "constant":
        return training.learning_rate
    if training.decay == "step":
        return training.learning_rate * STEP_FACTOR ** (iteration // STEP_EVERY)
    done = seconds / training.seconds if training.seconds is not None else iteration / training.iterations
    part = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    return training.learning_rate * (FLOOR + (1 - FLOOR) * part)

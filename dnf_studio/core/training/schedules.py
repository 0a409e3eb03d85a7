"""What changes over a run by plan: the learning rate and, where progressive, the number of steps."""

from __future__ import annotations

import math

from dnf_studio.config import TrainingConfig

STEP_EVERY = 200
STEP_FACTOR = 0.95
FLOOR = 1e-3
WARM_UP = 30
STAGES = ((0.5, 1 / 3), (0.75, 2 / 3))
"""Stages of a progressive run: up to which part of it which share of N is used."""
LEAST_PROGRESSIVE = 12
"""Smallest N that is reached in stages."""


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
    part = 0.5 * (1 + math.cos(math.pi * min(_done(training, iteration, seconds), 1.0)))
    return training.learning_rate * (FLOOR + (1 - FLOOR) * part)


def training_steps(training: TrainingConfig, steps: int, iteration: int, seconds: float) -> int:
    """N of the next iteration of a run that ends at N = `steps` (method.md, section 6, progressive training).

    An iteration costs in proportion to N, and what few steps teach about the large shape holds for
    many: at equal time rings end about 0.2 nats lower.
    """
    if training.progressive and steps >= LEAST_PROGRESSIVE:
        done = _done(training, iteration, seconds)
        for end, share in STAGES:
            if done < end:
                return round(share * steps)
    return steps


def remaining_steps(training: TrainingConfig, steps: int, iteration: int) -> int:
    """Sum of N over the iterations left of a run counted in iterations; its time is in proportion."""
    total, left, at = training.iterations, 0, iteration
    for end in (*(math.ceil(part * total) for part, _ in STAGES), total):
        if end > at:
            left += (end - at) * training_steps(training, steps, at, 0.0)
            at = end
    return left


def _done(training: TrainingConfig, iteration: int, seconds: float) -> float:
    """The part of the run's total that is done, 0 … 1."""
    return seconds / training.seconds if training.seconds is not None else iteration / training.iterations

"""What is said of two models: differences with their intervals, and whether these tell them apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.evaluation.by_steps import StepRow
from dnf_studio.reports.measured import Measured

SURE = 0.975
FEWEST = 3
Word = Literal["told apart", "equal", "unresolved"]


@dataclass(frozen=True)
class Difference:
    """The second less the first, its 95% interval, and what is said of it."""

    value: float
    low: float
    high: float
    word: Word
    of: int
    """How many points or sets it is the mean of."""


def comparable(first: Measured, second: Measured) -> str:
    """Why the numbers of two models do not lie on one scale, as a sentence; empty where they do."""
    a, b = first.subject, second.subject
    if a.flow.dim != b.flow.dim:
        return f"{a.name} has {a.flow.dim} and {b.name} {b.flow.dim} components, so nothing of them is compared."
    if a.dataset is None or b.dataset is None:
        return "The data of one of them is not here, so only settings are compared."
    if a.dataset.fingerprint != b.dataset.fingerprint:
        return f"{a.name} and {b.name} are of other data, so their numbers are not held against each other."
    if a.flow.standardisation != b.flow.standardisation:
        return "Each has standardised units of its own, so nats and distances are not held against each other."
    return ""


def nll_difference(first: NDArray[np.float64] | None, second: NDArray[np.float64] | None) -> Difference | None:
    """The mean difference over the points that both were measured at, by Student's t over these; None where a U-Net was
    measured at fewer, which are others.

    Nothing says from when on two likelihoods are equal, so that they are *told apart* or *unresolved*.
    """
    if first is None or second is None or len(first) != len(second):
        return None
    return _paired(second - first)


def step_difference(first: StepRow, second: StepRow) -> Difference | None:
    """The difference of the squared distances to the data at one N, by Welch's t over the sets of both.

    *Equal* where both samples are equal to the data (method.md, section 15), else *told apart* where the interval
    leaves out 0.
    """
    if first.squares is None or second.squares is None or min(len(first.squares), len(second.squares)) < FEWEST:
        return None
    a, b = np.asarray(first.squares), np.asarray(second.squares)
    value = float(b.mean() - a.mean())
    parts = [float(x.var(ddof=1)) / len(x) for x in (a, b)]
    error = math.sqrt(sum(parts))
    if error == 0:
        return None
    freedom = sum(parts) ** 2 / sum(part**2 / (len(x) - 1) for part, x in zip(parts, (a, b), strict=True))
    low, high = _interval(value, error, freedom)
    equal = first.word == "equal" and second.word == "equal"
    apart: Word = "told apart" if low > 0 or high < 0 else "unresolved"
    return Difference(value, low, high, "equal" if equal else apart, len(a) + len(b))


def _paired(known: NDArray[np.float64]) -> Difference | None:
    if len(known) < FEWEST or not np.isfinite(known).all():
        return None
    value, error = float(known.mean()), float(known.std(ddof=1)) / math.sqrt(len(known))
    low, high = _interval(value, error, len(known) - 1)
    return Difference(value, low, high, "told apart" if low > 0 or high < 0 else "unresolved", len(known))


def _interval(value: float, error: float, freedom: float) -> tuple[float, float]:
    from scipy.special import stdtrit

    half = float(stdtrit(freedom, SURE)) * error
    return value - half, value + half

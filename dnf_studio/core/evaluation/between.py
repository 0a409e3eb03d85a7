"""Which of two models is better by a number, and whether that can be told (method.md, section 15).

The numbers of both models come from points of their own, so the errors are independent; the interval of a difference is
made of the intervals of both by the method of variance estimates recovery (Zou and Donner 2008, Statistics in Medicine
27, 1693), which keeps intervals that are not symmetric, as those of distances near 0 are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dnf_studio.core.evaluation.distances import EQUAL, Distance, Word

NORMAL_95 = 1.959964
"""Standard errors on either side of a mean over thousands of points."""


@dataclass(frozen=True)
class Difference:
    """A number of one model less that of another one, of which less is better."""

    value: float
    error: float | None
    """Standard error."""
    low: float | None
    """Ends of the 95% interval; None where an error is not known."""
    high: float | None
    word: Word
    """*Told apart*, *equal* or *unresolved*."""


def distance_between(one: Distance, other: Distance) -> Difference:
    """The distance of `one` to the data less that of the `other` to the same data.

    *Equal* where the interval of the difference lies within ±0.005, or both are *equal* to the data; else *told apart*
    where it leaves out 0 and at least one of the two is told apart from the data, for what is not has no rank; else
    *unresolved*. A model beside itself has the difference 0.
    """
    value = one.value - other.value
    if one == other:
        value = 0.0
    error = _joined(one.error, other.error)
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return Difference(value, error, None, None, "unresolved")
    low = value - math.hypot(one.value - one.low, other.high - other.value)
    high = value + math.hypot(one.high - one.value, other.value - other.low)
    if (low >= -EQUAL and high <= EQUAL) or one.word == other.word == "equal":
        return Difference(value, error, low, high, "equal")
    apart = (low > 0 or high < 0) and bool(one.told_apart or other.told_apart)
    return Difference(value, error, low, high, "told apart" if apart else "unresolved")


def nats_between(one: tuple[float, float | None], other: tuple[float, float | None]) -> Difference:
    """An NLL with its standard error less another one, nats; there is no difference that counts as none."""
    value, error = one[0] - other[0], _joined(one[1], other[1])
    if error is None:
        return Difference(value, None, None, None, "unresolved")
    low, high = value - NORMAL_95 * error, value + NORMAL_95 * error
    return Difference(value, error, low, high, "told apart" if low > 0 or high < 0 else "unresolved")


def _joined(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else math.hypot(one, other)

"""Axes of logarithms with plain numbers at them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dnf_studio.gui.drawing.words import short_number

__all__ = ["as_logs", "log_limits", "log_ticks", "number_ticks"]

CROWDED = 0.075
"""Of the whole range: labels closer than that would touch."""
Array = NDArray[np.float64]
Ticks = list[tuple[float, str]]


def as_logs(values: NDArray[np.float64]) -> Array:
    """log₁₀ of `values`, NaN where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs: Array = np.log10(np.asarray(values, np.float64))
    logs[~np.isfinite(logs)] = np.nan
    return logs


def log_limits(logs: Array, decades: float = 5.0) -> tuple[float, float]:
    """A range that shows `logs` with some room, at most so many decades below the greatest."""
    finite = logs[np.isfinite(logs)]
    if not len(finite):
        return -1.0, 0.0
    high = float(finite.max())
    low = max(float(finite.min()), high - decades)
    room = max(0.06 * (high - low), 0.06)
    return low - room, high + room


def log_ticks(low: float, high: float) -> Ticks:
    """Powers of ten, with halves or thirds of a decade where there are few: place (log₁₀) and label."""
    parts = (1.0,) if high - low > 2.6 else (1.0, 3.0) if high - low > 1.3 else (1.0, 2.0, 5.0)
    powers = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    values = [part * 10.0**power for power in powers for part in parts]
    return [(float(np.log10(v)), short_number(v)) for v in values if low <= np.log10(v) <= high]


def number_ticks(numbers: Sequence[int], low: float, high: float) -> Ticks:
    """The `numbers` themselves at their logarithms, those left out for which there is no room."""
    ticks: Ticks = []
    for number in sorted(numbers, reverse=True):
        place = float(np.log10(number))
        room = CROWDED * (high - low) * (1 + 0.3 * (len(str(number)) - 1))
        if not ticks or ticks[-1][0] - place >= room:
            ticks.append((place, str(number)))
    return ticks[::-1]

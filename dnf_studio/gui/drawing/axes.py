"""Ranges of axes that hold still while values change, and logarithmic axes with plain numbers at them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from dnf_studio.gui.drawing.words import short_number

SHRINK = 0.15
"""Share of a range's excess width by which it shrinks at a time."""
OVER = 10
"""Limits so many times as wide as what they hold are those of something else, such as a run that diverged."""
CLOSE = 0.075
"""Share of the whole range; labels closer than that would touch."""
Array = NDArray[np.float64]
Ticks = list[tuple[float, str]]


def as_logs(values: NDArray[np.float64]) -> Array:
    """log₁₀ of `values`, NaN where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs: Array = np.log10(np.asarray(values, np.float64))
    logs[~np.isfinite(logs)] = np.nan
    return logs


def log_limits(logs: Array, decades: float = 5.0) -> tuple[float, float]:
    """A range that shows `logs` with a margin, at most so many decades below the greatest."""
    finite = logs[np.isfinite(logs)]
    if not len(finite):
        return -1.0, 0.0
    high = float(finite.max())
    low = max(float(finite.min()), high - decades)
    margin = max(0.06 * (high - low), 0.06)
    return low - margin, high + margin


def log_ticks(low: float, high: float) -> Ticks:
    """Powers of ten, with halves or thirds of a decade where there are few: place (log₁₀) and label."""
    parts = (1.0,) if high - low > 2.6 else (1.0, 3.0) if high - low > 1.3 else (1.0, 2.0, 5.0)
    powers = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    values = [part * 10.0**power for power in powers for part in parts]
    return [(float(np.log10(v)), short_number(v)) for v in values if low <= np.log10(v) <= high]


def number_ticks(numbers: Sequence[int], low: float, high: float, written: Callable[[int], str] = str) -> Ticks:
    """The `numbers` as they are `written`, at their logarithms, without those that do not fit."""
    ticks: Ticks = []
    for number in sorted(numbers, reverse=True):
        place = float(np.log10(number))
        margin = CLOSE * (high - low) * (1 + 0.3 * (len(written(number)) - 1))
        if not ticks or ticks[-1][0] - place >= margin:
            ticks.append((place, written(number)))
    return ticks[::-1]


def half_range(data: NDArray[np.float32]) -> float:
    """Half of the range that shows the data and standard normal noise: 3.3, or more in even steps of 15%.

    The farthest points count where they are not much farther than the rest, single far ones do not, and small
    changes of the data change nothing.
    """
    finite = np.abs(data[np.isfinite(data)])
    most = float(np.quantile(finite, 0.995)) if finite.size else 0.0
    reach = max(1.08 * most, min(1.03 * float(finite.max(initial=0.0)), 1.4 * most))
    steps = max(0, math.ceil(math.log(max(reach, 1e-9) / 3.3) / math.log(1.15)))
    return float(3.3 * 1.15 ** min(steps, 60))


def next_limits(limits: tuple[float, float] | None, values: NDArray[np.floating]) -> tuple[float, float]:
    """Limits that hold `values` and 0: they grow at once and shrink slowly, so the axis does not flicker.

    Limits from which next to nothing could be seen are left at once.
    """
    low, high = min(0.0, float(values.min(initial=0))), max(0.0, float(values.max(initial=0)))
    margin = 0.12 * max(high - low, 1e-3)
    low, high = low - (margin if low < 0 else 0), high + margin
    if limits is None or limits[1] - limits[0] > OVER * (high - low):
        return low, high
    return (
        low if low < limits[0] else limits[0] + SHRINK * (low - limits[0]),
        high if high > limits[1] else limits[1] + SHRINK * (high - limits[1]),
    )

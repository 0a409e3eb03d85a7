"""What the bars by step mean, in whole sentences."""

from __future__ import annotations

import numpy as np

from dnf_studio.gui.drawing.words import nats, steps_named
from dnf_studio.gui.features.disagreement.bars import StepBars

CLEAR, LEAST = 3.0, 0.005
"""Standard errors, and nats, from which on a bar is told: of thirty bars at 0 chance alone makes one in 400 so high."""
KNOWN = 0.03
"""Nats of error of the sum of all steps up to which it is said that nothing is wrong."""
MOST_OF, MOST_STEPS = 0.8, 8
"""The steps that are named hold so much of what all clear ones do, and are no more than so many."""


def bars_meaning(bars: StepBars) -> str:
    """What the bars mean: only those of the excess have errors."""
    return excess_meaning(bars) if len(bars.errors) else contribution_meaning(bars)


def excess_meaning(bars: StepBars) -> str:
    """Which steps miss the reverse of the forward ones, and whether anything is wrong at all."""
    if not len(bars.errors) or bars.points < 2:
        return ""
    reach = np.maximum(CLEAR * bars.errors, LEAST)
    if (below := np.flatnonzero(bars.values < -reach)).size:
        off = _capital(steps_named(below[:MOST_STEPS].tolist()))
        lie = "lies below 0 by more than its error" if below.size == 1 else "lie below 0 by more than their errors"
        return f"{off} {lie}. No divergence can. The density of the ODE is off there."
    clear = np.flatnonzero(bars.values > reach)
    total = float(bars.values.sum())
    if not clear.size:
        if total <= max(CLEAR * bars.total_error, LEAST):
            if bars.total_error > KNOWN:
                return (
                    f"So far no step misses by more than its error. All together it is still ± {bars.total_error:.2f}."
                )
            return "No step misses by more than its error. Nothing here is wrong."
        return f"No step stands out. Together they miss by {nats(total)} nats."
    named = _largest(bars.values, clear)
    part = float(bars.values[named].sum())
    rest = "The others agree within their errors." if len(named) == len(clear) else f"All together {nats(total)} nats."
    return f"{_capital(steps_named(named))} miss{'es' if len(named) == 1 else ''} most, by {nats(part)} nats. {rest}"


def contribution_meaning(bars: StepBars) -> str:
    """Which steps lower the bound, and that the height of these bars is no fault."""
    lowering = np.flatnonzero(bars.values < -LEAST)
    if not lowering.size:
        return "No step lowers the bound."
    named = _largest(-bars.values, lowering)
    return (
        f"{_capital(steps_named(named))} gain{'s' if len(named) == 1 else ''} most. "
        "A high bar is nothing wrong: what is wrong the excess says."
    )


def _largest(values: np.ndarray, among: np.ndarray) -> list[int]:
    """The fewest steps of `among` that hold most of what all of them do, in their order."""
    order = among[np.argsort(-values[among])]
    needed = 1 + int(np.searchsorted(np.cumsum(values[order]), MOST_OF * values[order].sum()))
    return sorted(order[: min(needed, MOST_STEPS)].tolist())


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]

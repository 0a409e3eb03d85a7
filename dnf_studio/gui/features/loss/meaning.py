"""What the curve of the loss means, in whole sentences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dnf_studio.gui.features.loss.curve import MEMORY, LossCurve

FEWEST = 40
"""Points of the curve from which on something is said of it."""
SMALL = 0.01
"""Nats, or of a loss that is none the part of it, that are told as a change."""
CLEAR = 3.0
"""Standard errors of the smoothed loss from which on a change is one."""
WORSE = 0.02
"""Nats by which the held-out curve is above its best before that is told."""


def run_meaning(
    curve: LossCurve, floor: float | None, attainable: float | None, held_out: Mapping[int, float], nats: bool
) -> str:
    """Whether the loss still falls, how much is left above its `floor`, and whether held-out rows got worse.

    `floor` and `attainable` are nats, None where they are not known or where the loss is no likelihood.
    """
    if len(curve.iterations) < FEWEST:
        return ""
    sentences = [_trend(curve, nats), _left(float(curve.smooth[-1]), floor, attainable), _held_out(held_out)]
    return " ".join(sentence for sentence in sentences if sentence)


def _trend(curve: LossCurve, nats: bool) -> str:
    """The change over the last tenth of the iterations, beside what chance makes of it."""
    now, since = float(curve.smooth[-1]), 0.9 * float(curve.iterations[-1])
    change = now - float(np.interp(since, curve.iterations, curve.smooth))
    spread = float(np.std(curve.raw[curve.iterations >= since]))
    least = SMALL if nats else SMALL * abs(now)
    # Each of the two smoothed values is a mean over so many losses
    if abs(change) <= max(least, CLEAR * spread * np.sqrt(2 / MEMORY)):
        return "It has levelled off."
    by = f"by {abs(change):.2g}{' nats' if nats else ''} in the last tenth"
    return f"It still fell {by}. More iterations may help." if change < 0 else f"It rose {by}."


def _left(now: float, floor: float | None, attainable: float | None) -> str:
    if floor is None:
        return ""
    limit, what = (floor, "the floor") if attainable is None else (attainable, "what this grid can attain")
    return f"{max(now - limit, 0.0):.2f} nats above {what}."


def _held_out(found: Mapping[int, float]) -> str:
    if len(found) < 5:
        return ""
    best = min(found, key=lambda iteration: found[iteration])
    worse = [*found.values()][-1] - found[best]
    if worse < WORSE:
        return ""
    return f"Held-out rows were {worse:.2f} nats better at iteration {best:,}. It has overfitted since."

"""Sentences on a bar of the disagreement plot."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dnf_studio.gui.drawing.words import nats

__all__ = ["PARTS", "about_excess", "about_prior", "about_prior_excess", "about_step", "largest_part"]

PARTS = ("noise ratio", "drift change", "score")
"""The three parts of δB, as the legend names them."""
CAUSES = ("the ratio of g at its two ends (15)", "drift change (15)", "the score (15)")
Array = NDArray[np.float64]


def largest_part(parts: Array) -> int | None:
    """Which of the three parts of a step does most of what all do together.

    None where there are none, and where the others undo more than half of it: of a drift that costs what
    a score gains, the sign of the small rest would accuse one or the other by chance.
    """
    if not parts.size or not np.any(parts):
        return None
    along = parts if parts.sum() >= 0 else -parts
    most = int(np.argmax(along))
    return most if 2 * along.sum() >= along[most] else None


def about_excess(
    step: int,
    ode: tuple[float, float],
    neighbours: tuple[float, float] | None,
    apart: bool,
    saved: Array | None,
) -> str:
    """What step `step` misses, each value with its error, nats.

    `neighbours` is the same without the model's density, `apart` whether the two differ by more than their errors, and
    `saved` what leaving out the change of the drift, or the score, would add.
    """
    value, error = ode
    text = f"Step {step} → {step + 1} misses the reverse of the forward step by {nats(value)} ± {error:.3f} nats"
    if neighbours is not None and not math.isfinite(neighbours[0]):
        text += " (nearest neighbours of so few points cannot tell)"
    elif neighbours is not None:
        text += f" (by nearest neighbours, without the ODE, {nats(neighbours[0])} ± {neighbours[1]:.3f})"
    text += "."
    if apart:
        text += " The two differ by more than their errors: the ODE's own density does not fit here."
    elif value < -2 * error:
        text += " Below zero by more than its error: the ODE's own density does not fit here."
    if saved is not None:
        drift, score = (f"{abs(float(part)):.3f} {'more' if part >= 0 else 'less'}" for part in saved)
        text += f" Without its score it would miss by {score}. With a drift that does not change it would by {drift}."
    return text


def about_prior_excess(value: float, error: float) -> str:
    """The bar at the end: how far the end of the paths is from the prior."""
    return (
        f"The ends of the forward paths differ from N(0, I) by KL = {nats(value)} ± {error:.3f} nats, by nearest "
        "neighbours. The ODE's densities begin from N(0, I), so by them there is no such bar."
    )


def about_step(step: int, value: float, parts: Array) -> str:
    """ "Step 3 → 4 adds +0.021 nats to the bound, mostly drift change (15)." `parts` are its three, or none."""
    sentence = f"Step {step} → {step + 1} adds {nats(value)} nats to the bound"
    if not np.any(parts):
        return f"{sentence} (13)."
    most = largest_part(parts)
    cause = "the rest of parts that undo each other (15)" if most is None else f"mostly {CAUSES[most]}"
    numbers = ", ".join(f"{name} {nats(float(part))}" for name, part in zip(PARTS, parts, strict=True))
    return f"{sentence}, {cause}: {numbers}."


def about_prior(prior: Sequence[float], dim: int) -> str:
    """The same on the bar at the end: mean −log N(x_N; 0, I) and D log(g_N/g_0) of data with `dim` components."""
    end, ratio = prior
    normal = 0.5 * dim * (1 + math.log(2 * math.pi))
    return (
        f"The end of the paths adds {nats(end + ratio)} nats to the bound (13): −log N(x_N; 0, I) is {nats(end)}, "
        f"where exactly normal noise has {nats(normal)}, and D log(g_N/g_0) is {nats(ratio)}."
    )

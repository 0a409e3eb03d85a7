"""One sentence on a bar of the disagreement plot."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dnf_studio.gui.plots.words import nats

__all__ = ["PARTS", "about_prior", "about_step", "largest_part"]

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


def about_step(step: int, value: float, parts: Array) -> str:
    """ "Step 3 → 4 costs 0.021 nats, mostly drift change (15)." `parts` are its three, or none."""
    verb = "costs" if value >= 0 else "gains"
    sentence = f"Step {step} → {step + 1} {verb} {abs(value):.3f} nats"
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

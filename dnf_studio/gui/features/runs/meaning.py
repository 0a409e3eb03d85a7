"""What the curves of several models mean, in one or two whole sentences that stand before each caption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from dnf_studio.gui.drawing.distances import Cost

if TYPE_CHECKING:
    from dnf_studio.core.evaluation.distances import Distance
    from dnf_studio.gui.features.runs.verdict import Standing
    from dnf_studio.workers.compared import Curve, Excess


def of_quality(rows: Mapping[str, Sequence[tuple[Cost, Distance]]]) -> str:
    """Which model is equal to the data with the fewest steps, or why none is."""
    found = [(cost.steps, name, one) for name, known in rows.items() for cost, one in known]
    if not found:
        return ""
    equal = sorted((steps, name) for steps, name, one in found if one.word == "equal")
    if equal:
        least = [name for steps, name in equal if steps == equal[0][0]]
        return f"{_listed(least)} reach{'es' if len(least) == 1 else ''} the data with the fewest steps, {equal[0][0]}."
    if not any(one.told_apart for _, _, one in found):
        return "Nothing here is told apart from the data, and nothing shown to be equal to it."
    return "Nothing here is equal to the data; what is hollow is not told apart from it."


def of_excess(found: Mapping[str, Excess]) -> str:
    """Whose steps miss least in all, and where that is lost."""
    if not found:
        return ""
    # Errors of the steps of one path belong together: their sum is the most that the error of the sum can be
    sums = sorted((float(np.nansum(one.mean)), float(np.nansum(one.error)), name) for name, one in found.items())
    total, error, best = sums[0]
    steps = np.nan_to_num(found[best].mean)
    told = f"The steps of {best} miss {_number(total)} nats in all"
    if len(sums) > 1:
        apart = total + error < sums[1][0] - sums[1][1]
        told += ", the least" if apart else f", not told apart from those of {sums[1][2]}"
    return f"{told}, most of all {_place((int(steps.argmax()) + 0.5) / len(steps))}."


def of_likelihoods(found: Sequence[Standing]) -> str:
    """Which model finds fresh data most likely, where that can be told."""
    from dnf_studio.core.evaluation.between import nats_between

    whats: tuple[tuple[Literal["ode", "bound"], str], ...] = (("ode", "the ODE"), ("bound", "the bound"))
    for what, words in whats:
        known = [(one.name, hood.nll, hood.error) for one in found if (hood := one.likelihoods.get(what)) is not None]
        ranked = sorted(((nll, error, name) for name, nll, error in known if nll is not None), key=lambda row: row[0])
        if len(ranked) > 1 and len({one.data for one in found}) == 1:
            best, second = ranked[0], ranked[1]
            if best[1] is None or second[1] is None:
                return f"{words[0].upper()}{words[1:]} of {best[2]} is lower, by no known error: Measure finds it."
            if nats_between(best[:2], second[:2]).word == "told apart":
                return f"By {words}, {best[2]} finds fresh data most likely."
            return f"{best[2]} and {second[2]} are not told apart by {words}, which is lower for {best[2]}."
    return ""


def of_losses(curves: Mapping[str, Curve]) -> str:
    """Which ends lowest, over the last sixtieth of each run."""
    lasts = {name: one.values[-max(1, len(one.values) // 60) :] for name, one in curves.items()}
    ends = {name: float(last.mean()) for name, last in lasts.items() if len(last)}
    if len(ends) < 2:
        return ""
    best = min(ends, key=lambda name: ends[name])
    return f"{best} ends lowest, at {_number(ends[best])}; of single batches, which is no measure of fresh data."


def _place(share: float) -> str:
    return "next to the data" if share < 0.2 else "next to the noise" if share > 0.8 else "on the way"


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last

"""Which model's probability flow gives fresh points the lowest NLL, in a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from dnf_studio.reproduce.results import Measured
from dnf_studio.reproduce.verdicts import interval

__all__ = ["lowest_nll"]


def lowest_nll(by_model: Mapping[str, Sequence[Measured]], names: Mapping[str, str]) -> str:
    """The models by their NLL of the ODE, the lowest first, and whether that is below the next beyond chance.

    Errors are standard errors over training seeds, of one seed that over its points; the difference to the next is
    paired by seed, since all models have the same points.
    """
    known = {model: _by_seed(found) for model, found in by_model.items()}
    order = sorted((model for model in known if known[model]), key=lambda model: _mean(known[model]))
    if not order:
        return ""
    told = ", ".join(f"{names[model]} {_with_error(by_model[model])}" for model in order)
    if len(order) == 1:
        return f"NLL of the ODE: {told}."
    first, second = known[order[0]], known[order[1]]
    found = interval([second[seed] - first[seed] for seed in sorted(first.keys() & second.keys())])
    ends = "" if found is None else f", 95% from {found[0]:+.3f} to {found[1]:+.3f}"
    sure = "" if found is not None and found[0] > 0 else ", which is not resolved here"
    gap = f"{_mean(second) - _mean(first):.3f} nats below {names[order[1]]}{ends}{sure}"
    return f"The lowest NLL of the ODE is that of {names[order[0]]}, {gap}: {told}.".replace("-", "−")


def _by_seed(found: Sequence[Measured]) -> dict[int, float]:
    return {one.seed: one.nll_ode for one in found if one.nll_ode is not None}


def _mean(values: Mapping[int, float]) -> float:
    return float(np.mean(list(values.values())))


def _with_error(found: Sequence[Measured]) -> str:
    values = list(_by_seed(found).values())
    if len(values) > 1:
        error: float | None = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    else:
        error = next((one.nll_ode_error for one in found if one.nll_ode is not None), None)
    return f"{np.mean(values):.3f}" + ("" if error is None else f" ± {error:.3f}")

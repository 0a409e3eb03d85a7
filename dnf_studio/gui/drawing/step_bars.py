"""What the bars by step stand for: the excess of each step, or what it contributes to the bound."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.exploration.by_step import MOST_NEIGHBOUR_DIM, differ
from dnf_studio.gui.drawing.explain import (
    PARTS,
    about_excess,
    about_prior,
    about_prior_excess,
    about_step,
    largest_part,
)
from dnf_studio.gui.drawing.words import nats
from dnf_studio.workers.excess import ExcessFrame
from dnf_studio.workers.frames import Frame

__all__ = ["NO_BARS", "UNAFFORDABLE", "WAITING", "Shown", "StepBars", "contribution_bars", "excess_bars"]

Shown = Literal["excess", "contribution"]
WAITING = "Looking for densities at every node …"
"""While nothing is known yet of a frame."""
UNAFFORDABLE = "With networks as slow as this model's nobody looks for densities at every node, which the excess needs"
NO_PARTS = np.empty((3, 0))
NONE = np.empty(0)
SEEN = 0.3
"""Of what the steps' bars take, how much the prior's may take before it is broken."""
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StepBars:
    """One bar a step, nats, and what is known of it."""

    values: Array = field(default_factory=lambda: NONE)
    """(N,)"""
    errors: Array = field(default_factory=lambda: NONE)
    """(N,) their standard errors, or (0,)."""
    other: Array = field(default_factory=lambda: NONE)
    """(N,) the same by nearest neighbours, not a number where they resolve nothing, or (0,)."""
    other_errors: Array = field(default_factory=lambda: NONE)
    parts: Array = field(default_factory=lambda: NO_PARTS)
    """(3, N) noise ratio, drift change and score of a contribution, or (3, 0)."""
    prior: float | None = None
    """The bar behind the steps."""
    prior_error: float = 0.0
    tail: bool = False
    """Whether there is a place for that bar, kept also while it is to come, so that no step moves when it does."""
    notes: tuple[str, ...] = ()
    """A sentence on each bar, the prior's last where there is one."""
    points: int = 0
    """Of how many paths the values are the means."""
    total_error: float = 0.0
    """Standard error of the sum of all values: those of the steps depend on each other."""
    stride: int = 1
    """How many neighbouring steps share their value so far."""

    @property
    def apart(self) -> NDArray[np.bool_]:
        """Where the two ways differ by more than their errors: the mismatch of the ODE's own density."""
        if not len(self.other):
            return np.zeros(len(self.values), bool)
        return differ(self.values, self.other, self.errors, self.other_errors)

    def extent(self, split: bool) -> Array:
        """The ends of all bars, stacked where they are `split`, and of as much of the prior's as is to be seen."""
        ends = self.values
        if split:
            ends = np.concatenate([np.maximum(self.parts, 0).sum(axis=0), np.minimum(self.parts, 0).sum(axis=0)])
        elif len(self.errors):
            # Errors and neighbours may leave the picture, but not by more than half of the bars
            reach = 1.5 * max(float(np.abs(ends).max()), 1e-3)
            around = [ends - self.errors, ends + self.errors, np.nan_to_num(self.other)]
            ends = np.clip(np.concatenate(around), -reach, reach)
        if self.prior is None:
            return ends
        most = SEEN * float(np.ptp(np.append(ends, 0.0)))
        return np.append(ends, np.clip(self.prior, -most, most))

    def texts(self, step: int) -> list[str]:
        """What the header says while the cursor is in `step`, ever shorter."""
        here, total = nats(float(self.values[step])), nats(float(self.values.sum()))
        where = f"step {step} → {step + 1}: "
        if not len(self.errors):
            most = largest_part(self.parts[:, step]) if self.parts.size else None
            texts = [] if most is None else [f"{where}{here}, mostly {PARTS[most]}    sum {total} nats"]
            return [*texts, f"{where}{here}    sum {total} nats", f"{step} → {step + 1}: {here}", here]
        error = f"{here} ± {self.errors[step]:.3f}"
        shared = f", {self.stride} steps together" if self.stride > 1 else ""
        of_all = f"sum {total} ± {self.total_error:.3f} nats"
        return [
            f"{where}{error}    {of_all}, {self.points:,} points{shared}",
            f"{where}{error}    {of_all}",
            f"{where}{error}",
            f"{step} → {step + 1}: {error}",
            error,
            here,
        ]


NO_BARS = StepBars()


def contribution_bars(frame: Frame) -> StepBars:
    """What each step and the prior add to the bound, split by their causes where those are known."""
    values = np.nan_to_num(frame.mean_contributions.astype(np.float64))
    fits = frame.parts.shape[1] == len(values)
    parts = np.nan_to_num(frame.parts.astype(np.float64)) if fits else NO_PARTS
    none = np.empty(0)
    notes = [about_step(i, float(v), parts[:, i] if parts.size else none) for i, v in enumerate(values)]
    if frame.prior is not None:
        notes.append(about_prior(frame.prior, frame.forward.shape[2]))
    prior = None if frame.prior is None else sum(frame.prior)
    count, tail = frame.forward.shape[1], prior is not None
    return StepBars(values, parts=parts, prior=prior, tail=tail, notes=tuple(notes), points=count)


def excess_bars(found: ExcessFrame) -> StepBars:
    """The excess of each step with its error, and the same by nearest neighbours where that is known."""
    means, neighbours = found.by_step, found.neighbours
    other, other_errors = (NONE, NONE) if neighbours is None else (neighbours.mean[:-1], neighbours.error[:-1])
    # A value whose error is as wide as half of the picture says nothing, and hides what is there
    with np.errstate(invalid="ignore"):
        other = np.where(other_errors < 0.5 * np.abs(means.mean).max(initial=0.0), other, np.nan)
    bars = StepBars(
        values=np.nan_to_num(means.mean),
        errors=np.nan_to_num(means.error),
        other=other,
        other_errors=other_errors,
        prior=None if neighbours is None or not np.isfinite(neighbours.mean[-1]) else float(neighbours.mean[-1]),
        prior_error=0.0 if neighbours is None else float(np.nan_to_num(neighbours.error[-1])),
        tail=found.frame.forward.shape[2] <= MOST_NEIGHBOUR_DIM,
        points=means.points,
        total_error=_error_of_sum(found.forward),
        stride=found.stride,
    )
    saved = found.saved
    notes = [
        about_excess(
            step,
            (float(bars.values[step]), float(bars.errors[step])),
            (float(other[step]), float(bars.other_errors[step])) if len(other) else None,
            bool(bars.apart[step]),
            saved[:, step].astype(np.float64) if saved.size else None,
        )
        for step in range(len(bars.values))
    ]
    if bars.prior is not None and neighbours is not None:
        notes.append(about_prior_excess(bars.prior, float(neighbours.error[-1])))
    return replace(bars, notes=tuple(notes))


def _error_of_sum(rows: NDArray[np.float32]) -> float:
    """Standard error of the mean over paths (N, K) of the sum over their steps, over the same paths as the means."""
    totals = rows[:, np.isfinite(rows).all(axis=0)].sum(axis=0, dtype=np.float64)
    return float(totals.std(ddof=1) / np.sqrt(len(totals))) if len(totals) > 1 else 0.0

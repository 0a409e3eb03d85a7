"""What the bars by step stand for: the excess of each step, or what it contributes to the bound; sentences on both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.exploration.by_step import MOST_NEIGHBOUR_DIM, differ
from dnf_studio.gui.drawing.help import Help
from dnf_studio.gui.drawing.telling import Numbers, Sign
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.drawing.words import nats
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.workers.excess import ExcessFrame

HELP = Help(
    "disagreement by step",
    "By how much each backward step misses the reverse of the forward step: the divergence of the two, averaged "
    "over forward paths, 0 for a perfect model. The densities it needs are those of the probability-flow ODE, "
    "solved from every node, so that all bars add up to the bound of the chain of SDE steps, whatever solver "
    "draws the samples, minus the NLL of the ODE; whiskers are standard errors. Diamonds, in up to three "
    "dimensions, have densities by nearest neighbours instead and no model in them; one that is filled, or a bar "
    "below zero by more than its error, says that the ODE’s own density is off there. The chooser shows each "
    "step’s contribution to the bound instead, which is not 0 for a perfect model, and its three parts. A click "
    "goes to a step, a second one chooses its five worst points.",
    (
        "e<sub>i</sub> = ½ (‖δB<sub>i</sub>‖² − ‖δF<sub>i</sub>‖²) + D ln(g<sub>i+1</sub>/g<sub>i</sub>) + "
        "ln p<sub>i</sub>(x<sub>i</sub>) − ln p<sub>i+1</sub>(x<sub>i+1</sub>)",
        "excess<sub>i</sub> = mean of e<sub>i</sub> = KL(p<sub>F</sub>(x<sub>i</sub>|x<sub>i+1</sub>) ‖ "
        "p<sub>B</sub>(x<sub>i</sub>|x<sub>i+1</sub>)), nats",
        "δB<sub>i</sub> = (x<sub>i</sub> − x<sub>i+1</sub> + [f − g²<sub>i+1</sub> s](x<sub>i+1</sub>, "
        "t<sub>i+1</sub>) Δ<sub>i</sub>) / (g<sub>i+1</sub> √Δ<sub>i</sub>) = n + d + c",
        "contribution: mean of ½ (‖δB<sub>i</sub>‖² − ‖δF<sub>i</sub>‖²) = noise ratio ½(‖n‖² − ‖δF‖²) + drift "
        "change ½⟨d, δB + n⟩ + score ½⟨c, δB + n⟩",
        "prior = KL(p<sub>N</sub> ‖ N(0, I)); of the contributions −log N(x<sub>N</sub>; 0, I) + "
        "D log(g<sub>N</sub>/g<sub>0</sub>)",
    ),
    "(15) for δB, divided by r where the backward noise is fitted; the contribution is a summand of (13)",
)
Shown = Literal["excess", "contribution"]
NO_PARTS = np.empty((3, 0))
NONE = np.empty(0)
SEEN = 0.3
"""Greatest share of the height of the steps' bars that the prior's bar may take before it is drawn broken."""
Array = NDArray[np.float64]
PARTS = ("noise ratio", "drift change", "score")
"""The three parts of δB, as the legend names them."""
CAUSES = ("the ratio of g at its two ends (15)", "drift change (15)", "the score (15)")


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
    """Number of paths that the values are means over."""
    total_error: float = 0.0
    """Standard error of the sum of all values: those of the steps depend on each other."""
    stride: int = 1
    """How many neighbouring steps share their value so far."""

    @property
    def apart(self) -> NDArray[np.bool_]:
        """Steps whose two estimates differ by more than their errors: there the ODE's own density does not fit."""
        if not len(self.other):
            return np.zeros(len(self.values), bool)
        return differ(self.values, self.other, self.errors, self.other_errors)

    def signs(self, theme: Theme, split: bool) -> Sequence[Sign]:
        """The parts of bars that are `split`, or what stands for what beside bars with errors."""
        if split:
            return [Sign(name, colour, "bar") for name, colour in zip(PARTS, theme.parts, strict=True)]
        if not len(self.errors):
            return ()
        found = [Sign("excess ± standard error", theme.disagreement[-1], "bar")]
        return [*found, Sign("by nearest neighbours", theme.text, "hollow")] if np.isfinite(self.other).any() else found

    def table(self) -> Numbers:
        """All of it, one row a step; what belongs to the prior stands in a column of one row."""
        columns: dict[str, NDArray[np.generic]] = {"step": np.arange(len(self.values)), "value [nats]": self.values}
        rows = self.errors, self.other, self.other_errors if len(self.other) else NONE, *self.parts
        names = "standard error", "by nearest neighbours", "standard error by nearest neighbours", *PARTS
        columns |= {f"{name} [nats]": row for name, row in zip(names, rows, strict=True) if len(row)}
        if self.prior is not None:
            columns["prior [nats]"] = np.array([self.prior])
        return Numbers(dict(columns))

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
    """A sentence on the bar of the prior: mean −log N(x_N; 0, I) and D [log(g_N/g_0) + Σ_i log r_i] of data of `dim`
    components."""
    end, ratio = prior
    normal = 0.5 * dim * (1 + math.log(2 * math.pi))
    return (
        f"The end of the paths adds {nats(end + ratio)} nats to the bound (13): −log N(x_N; 0, I) is {nats(end)}, "
        f"where exactly normal noise has {nats(normal)}, and D log(g_N/g_0), with D Σ log r where backward "
        f"noise is fitted, is {nats(ratio)}."
    )

"""Both processes: their points and paths in the plane, and one component of them over the steps."""

from __future__ import annotations

from dnf_studio.gui.drawing.help import BACKWARD_STEP, FORWARD_STEP, Help

__all__ = ["BACKWARD_HELP", "FORWARD_HELP", "TIME_HELP"]

FORWARD_HELP = Help(
    "the forward process",
    "Each point begins at the data, t<sub>0</sub>, and is carried to noise by a learnt drift f and random kicks "
    "of strength g. The time cursor shows where all points are, standardised: each component less the data’s mean, "
    "over its standard deviation; wheel and drag zoom both processes, a double click shows the whole again. "
    "The tools at the left choose points by a rectangle or a lasso, at any time; Shift adds to what is chosen, "
    "Ctrl takes away. Density colours how many points are where, over the data set "
    "as grey dots; the signed difference where one process has more than the other, beyond two standard "
    "deviations of chance, in shares of the densest place; the log-density is the model’s at t<sub>0</sub> by the "
    "probability flow v. The arrows of a field point the way it moves points from data to noise, those of the "
    "score up the log-density; their length goes with the root of the strength.",
    (
        "dx = f(x, t) dt + g(t) dw",
        FORWARD_STEP,
        "log p(x) = log N(x(t<sub>N</sub>); 0, I) + ∫ ∇·v dt along dx/dt = v = f − ½ g² s",
    ),
    "(8), one step of it, (11), and the density of (17) with λ = 0",
)

BACKWARD_HELP = Help(
    "the backward process",
    "Each point begins as noise, t<sub>N</sub>, and is carried to a sample by the same drift, corrected by the "
    "learnt score s. λ scales its noise: 1 is the equation below, 0 the deterministic probability flow; other "
    "solvers step otherwise, as the “?” of the Sampling panel says. "
    "Density over the grey dots of the data set shows where the model lacks or exceeds data. "
    "The Sampling panel leaves out the score or the drift, to see what each does, or has each point start where "
    "the forward point of its number ended: the two are then a round trip, and a selection is one of both. "
    "The arrows of a field point the way it moves points from noise to data, those of the score up the "
    "log-density.",
    (
        "dx = [f(x, t) − g²(t) s(x, t)] dt + g(t) dw̄",
        BACKWARD_STEP,
        "with λ:  dx = [f − ½(1 + λ²) g² s] dt + λ g dw̄",
    ),
    "(9), one step of it, (12), and the family with the same marginals, (17)",
)

TIME_HELP = Help(
    "paths over steps",
    "One component of the paths, one step after the other: data at the left, noise at the right. A well-trained "
    "model has both directions fill the same band at every step. A click or a drag moves the time cursor. A "
    "rectangle or a lasso drawn over the cursor chooses the points in it, one drawn elsewhere the paths that pass "
    "through it.",
    (FORWARD_STEP, BACKWARD_STEP),
    "(11) and (12)",
)

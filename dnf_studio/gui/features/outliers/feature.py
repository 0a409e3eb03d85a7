"""Outliers: samples that explode or leave the data, and where they went wrong."""

from __future__ import annotations

from dnf_studio.gui.drawing.help import BACKWARD_STEP, Help

__all__ = ["LATENTS_HELP", "STEPS_HELP"]

STEPS_HELP = Help(
    "the step that went wrong",
    "From its bad state each outlier is followed back towards the noise as long as it is out of what the forward "
    "process visits: farther from the nearest of many forward points at that step than 99.9% of other forward "
    "points are. The step that led into this last run of states gets the blame. “z”: the latent was out there "
    "already. Bar 0 is the last step: nothing was wrong before it. A click moves the time cursor.",
    (
        BACKWARD_STEP,
        "d(x<sub>i</sub>) = min over forward points y<sub>i</sub> of ‖x<sub>i</sub> − y<sub>i</sub>‖",
        "out where not  d(x<sub>i</sub>) ≤ 99.9% quantile of d over other forward points",
    ),
    "(12), or (17) for another λ, against points by (11)",
)

LATENTS_HELP = Help(
    "the latents of the outliers",
    "The noise that each outlier began as, over the latents of all points of the views. A cluster is a region of "
    "the noise that the model carries to the wrong place; an even spread is something that can happen to any. "
    "Of data with one component the end of each path is drawn up. A click chooses one.",
    ("z = x<sub>N</sub> ~ N(0, I)",),
    "the prior of (13)",
)

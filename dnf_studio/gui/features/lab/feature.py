"""The lab: samples and paths at many numbers of steps and many λ."""

from __future__ import annotations

from dnf_studio.gui.drawing.help import BACKWARD_STEP, FORWARD_STEP, Help

__all__ = ["PATHS_HELP", "QUALITY_HELP"]

PATHS_HELP = Help(
    "the error of coarse paths",
    "Every N follows the same Brownian paths, so that only the length of the steps makes paths differ from those "
    "of the finest grid. Where noise does not depend on x the error falls as 1/N once steps are short enough: "
    "between logarithms a line that falls by 1 in 1. A curve that stays high has steps too long for what the "
    "fields do there.",
    (
        "error<sub>i</sub>² = mean over paths of ‖x<sub>i</sub><sup>N</sup> − x(t<sub>i</sub>)<sup>finest</sup>‖²",
        FORWARD_STEP,
        BACKWARD_STEP,
    ),
    "(11) and (12), or (17) for another λ",
)

QUALITY_HELP = Help(
    "the distance of samples",
    "The sliced Wasserstein distance of samples to fresh data, in model units, less what chance makes of it; "
    "of exact samples it is as often negative as positive. The sets m, m′ of samples and d, d′ of data share no "
    "point, and every N has its own; bars are 95% intervals of D², the root taken last. A hollow point under the "
    "dashed line is not told apart from the data, and no better than another one. Where the curve turns flat more "
    "steps, or another λ, are of no use. Kept curves of other models stand beside it; a step of a DiffFlow takes "
    "two network evaluations, one of a diffusion model one.",
    (
        "D² = SWD²(m, d) − ½ [SWD²(m, m′) + SWD²(d, d′)], shown as sign(D²) √|D²|",
        "SWD² = mean over directions θ of W₂²(θ·m, θ·d)",
    ),
    "samples by (12), or by (17) for another λ",
)

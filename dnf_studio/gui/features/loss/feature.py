"""The loss of a run over its iterations."""

from __future__ import annotations

from dnf_studio.gui.drawing.help import Help

__all__ = ["HELP"]

HELP = Help(
    "the loss",
    "What training lowers: a bound on the negative log-likelihood of the standardised data at the N of training, "
    "in nats. The thin line is the mean of each batch, the strong one is smoothed. It cannot fall below the "
    "entropy of the data, the dashed line, where that is known; nor below the dotted one, since the last step adds "
    "noise g<sub>1</sub>√Δ<sub>0</sub> and can show nothing thinner. A continuous normalizing flow has no bound: "
    "it trains on an unbiased estimate of the exact likelihood. A validation split has a second curve, the same of "
    "rows that training never sees; a diffusion model's loss is no likelihood, so there it has its own scale.",
    (
        "−log p<sub>B</sub>(x<sub>0</sub>) ≤ E[ −log N(x<sub>N</sub>; 0, I) + "
        "Σ<sub>i</sub> ½ (‖δB<sub>i</sub>‖² − ‖δF<sub>i</sub>‖²) ] + D log(g<sub>N</sub> / g<sub>0</sub>)",
        "of a flow:  −log p(x<sub>0</sub>) = −log N(x<sub>T</sub>; 0, I) − ∫ ∇·f dt",
    ),
    "from (13); (16) is the same without the terms that have no gradient",
)

"""Disagreement by step: by how much each backward step misses the reverse of the forward step."""

from __future__ import annotations

from dnf_studio.gui.drawing.help import Help

__all__ = ["HELP"]

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
    "(15) for δB; the contribution is a summand of the trajectory KL, (13)",
)

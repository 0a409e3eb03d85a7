"""The time grid of the view and its editor."""

from __future__ import annotations

from dnf_studio.gui.drawing.help import Help

__all__ = ["EDITOR_HELP", "HELP"]

HELP = Help(
    "time grid and g",
    "Each bar is one step: as wide and as high as the time Δ<sub>i</sub> it takes. The line is the noise "
    "strength g with its scale at the right. Another N or grid of the view leaves the model's own grid as an "
    "outline. A click moves the time cursor.",
    (
        "reference grid:  t<sub>i</sub> = (t<sub>0</sub><sup>β</sup> + (i/N) (T<sup>β</sup> − "
        "t<sub>0</sub><sup>β</sup>))<sup>1/β</sup>",
        "paper’s grid L<sub>β</sub>:  t<sub>i</sub> = t<sub>0</sub> + (i/N)<sup>β</sup> (T − t<sub>0</sub>)",
        "Δ<sub>i</sub> = t<sub>i+1</sub> − t<sub>i</sub>",
    ),
    "g and Δ as in (11) and (12)",
)

EDITOR_HELP = Help(
    "the steps of the grid",
    "Each node is one step of the grid; drag it up for a longer step, down for a shorter one. Its neighbours give "
    "way, or with Shift all other steps do: together they always take the time T − t<sub>0</sub>. Left and Right "
    "choose a step, Up and Down change it. Dashed are the steps of the model’s own grid. Short steps follow the "
    "SDEs closer, and each adds less noise, which is drawn below.",
    (
        "Δ<sub>i</sub> = t<sub>i+1</sub> − t<sub>i</sub>,  Σ<sub>i</sub> Δ<sub>i</sub> = T − t<sub>0</sub>",
        "noise of a step = g<sub>i</sub> √Δ<sub>i</sub>",
    ),
    "g and Δ as in (11) and (12)",
)

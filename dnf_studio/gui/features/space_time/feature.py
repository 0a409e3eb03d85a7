"""The space-time map: the disagreement by step, taken apart by where the paths are."""

from __future__ import annotations

from dnf_studio.gui.drawing.help import Help

__all__ = ["HELP"]

HELP = Help(
    "the space-time map",
    "The excess by step, taken apart by where the paths are: steps across, one component or the radius up. A "
    "cell has the colour of the mean log-ratio of its paths, and none where no path is. Grey is 0; in a purple "
    "patch the model goes back too seldom, in a green one too often. More and more paths are looked at. A click "
    "moves the time cursor.",
    (
        "cell = mean of e<sub>i</sub> over the paths with x<sub>i</sub> in it, nats",
        "e<sub>i</sub> = ½ (‖δB<sub>i</sub>‖² − ‖δF<sub>i</sub>‖²) + D ln(g<sub>i+1</sub>/g<sub>i</sub>) + "
        "ln p<sub>i</sub>(x<sub>i</sub>) − ln p<sub>i+1</sub>(x<sub>i+1</sub>)",
    ),
    "(15) for δB; the densities by the probability-flow ODE",
)

"""The marginals: how far both processes are apart at every step."""

from __future__ import annotations

from dnf_studio.gui.drawing.help import Help

__all__ = ["HELP"]

HELP = Help(
    "the marginals",
    "At each step the sliced Wasserstein distance between all forward and all backward points, in model units. "
    "A well-trained model has it near the floor, the dashed line: what two sets of so many points of one "
    "distribution differ by on average; chance alone leaves the band at about one step in ten. A rise towards the "
    "data says where samples go astray. A click moves the time cursor.",
    (
        "SWD<sub>i</sub>² = mean over directions θ of W₂²(θ·x<sub>i</sub> forward, θ·x<sub>i</sub> backward)",
        "W₂² = mean of (a<sub>(k)</sub> − b<sub>(k)</sub>)² over the points, both sorted",
    ),
    "forward points by (11), backward points by (12), or by (17) for another λ",
)

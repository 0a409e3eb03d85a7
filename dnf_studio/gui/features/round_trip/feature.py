"""The round trip: data carried to noise and back."""

from __future__ import annotations

from dnf_studio.gui.drawing.help import BACKWARD_STEP, FORWARD_STEP, Help

__all__ = ["HELP"]

HELP = Help(
    "the round trip",
    "Each point of the data is carried to noise and back, and has the colour of how far from itself it arrives. "
    "With fresh noise that is what its latent does not know: places that share latents come back mixed. With "
    "the probability flow it is the discretisation, with the implied noises rounding alone.",
    (
        "error = ‖y − x<sub>0</sub>‖, model units",
        FORWARD_STEP,
        BACKWARD_STEP,
        "probability flow:  dx = [f − ½ g² s] dt",
    ),
    "(11) there, (12) back; (15) for the implied noises, (17) with λ = 0 for the flow",
)

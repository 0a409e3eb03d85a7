"""The score’s share of the backward drift."""

from __future__ import annotations

from dnf_studio.gui.drawing.help import Help

__all__ = ["HELP"]

HELP = Help(
    "the score",
    "At each step the score’s share of the backward drift: the mean length of its term beside that of f, at the "
    "forward points. A sound model has a curve without edges; between two edges the score, or the drift, is too "
    "strong or too weak, and the lengths at the cursor tell which. Dots are steps whose score is idle, below the "
    "dashed line: there λ changes next to nothing. A click moves the time cursor.",
    (
        "share<sub>i</sub> = mean ‖½(1 + λ²) g² s‖ / (mean ‖f‖ + mean ‖½(1 + λ²) g² s‖) "
        "at (x<sub>i</sub>, t<sub>i</sub>), i = 1 … N",
        "with λ = 1:  dx = [f − g² s] dt + g dw̄",
    ),
    "(9), and (17) for another λ",
)

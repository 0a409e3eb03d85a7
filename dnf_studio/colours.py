"""The colours that mean something, light and dark: the same in the window and in figures that scripts draw.

Forward is blue and backward vermillion (after Okabe and Ito, "Color Universal Design", 2008), which stay apart under
every common colour vision deficiency.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Meanings:
    """Colours as ``#rrggbb``."""

    base: str
    """Behind data."""
    text: str
    muted: str
    grid: str
    forward: str
    backward: str
    data: str
    """Points of the data set and the raw loss."""
    chosen: str
    """What is chosen or current; neither forward nor backward."""
    disagreement: tuple[str, ...]
    """Evenly spaced stops of the diverging map: a step that is better than it can be, right, wrong."""
    parts: tuple[str, str, str]
    """Noise ratio, drift change and score, which the disagreement is split into."""


LIGHT = Meanings(
    base="#ffffff",
    text="#1a212b",
    muted="#59636f",
    grid="#e3e6ea",
    forward="#0072b2",
    backward="#d55e00",
    data="#59636f",
    chosen="#026a50",
    disagreement=("#0e4e23", "#2fb862", "#d3d5de", "#8272b8", "#46126b"),
    parts=("#8d959e", "#3f3792", "#b67d00"),
)

DARK = Meanings(
    base="#14171c",
    text="#e6e9ed",
    muted="#9fa8b4",
    grid="#272c34",
    forward="#56b4e9",
    backward="#f2894a",
    data="#9fa8b4",
    chosen="#3da47a",
    disagreement=("#9cfcac", "#1bb945", "#40444f", "#8372c0", "#e2d5fb"),
    parts=("#626c78", "#ab9ffb", "#e8b73c"),
)

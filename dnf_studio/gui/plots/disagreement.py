"""Disagreement by step as bars."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.plots.base import Plot
from dnf_studio.workers.frames import Frame

__all__ = ["DisagreementPlot"]


class DisagreementPlot(Plot):
    """One bar a step: mean ½(‖δB‖² − ‖δF‖²)."""

    step_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Disagreement by step", "", "", parent)

    def set_frame(self, frame: Frame | None) -> None:
        """Show the disagreement of `frame`; None empties the plot."""

    def set_cursor(self, position: float) -> None:
        """Highlight the step that `position` (node units, 0 … N) lies in."""

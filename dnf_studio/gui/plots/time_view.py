"""The t–x view: one component of the paths over the steps."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.plots.base import Plot
from dnf_studio.workers.frames import Frame

__all__ = ["TimeView"]


class TimeView(Plot):
    """One component of forward and backward paths over the steps, with the time cursor."""

    cursor_moved = Signal(float)
    component_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Paths over time", "", "", parent)
        self.component = 0

    def set_frame(self, frame: Frame | None) -> None:
        """Show `frame`; None empties the view."""

    def set_cursor(self, position: float) -> None:
        """Move the time cursor to `position` in node units, 0 … N; emits nothing."""

    def set_component(self, component: int) -> None:
        """Show this component (0 … D−1)."""

    def set_layers(self, layers: frozenset[str]) -> None:
        """Show exactly these of ``forward`` and ``backward``."""

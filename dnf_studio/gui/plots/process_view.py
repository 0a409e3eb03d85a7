"""The 2-D view of one of the two processes."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.plots.base import Plot
from dnf_studio.workers.frames import Frame

__all__ = ["ProcessView"]


class ProcessView(Plot):
    """Points and paths of one process at the time cursor."""

    def __init__(self, direction: str, parent: QWidget | None = None) -> None:
        super().__init__(direction, "", "", parent)

    def set_frame(self, frame: Frame | None) -> None:
        """Show `frame`; None empties the view."""

    def set_cursor(self, position: float) -> None:
        """Move the time cursor to `position` in node units, 0 … N."""

    def set_layers(self, layers: frozenset[str]) -> None:
        """Show exactly these of ``points`` and ``paths``."""

    def set_axes(self, a: int, b: int) -> None:
        """Show component `a` across and `b` up."""

    def link(self, other: ProcessView) -> None:
        """Pan and zoom together with `other`."""

"""What every plot of the window shares: a header, a drawing area, a sentence while it is empty."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.theme import LIGHT, Theme

__all__ = ["Plot"]


class Plot(QWidget):
    """A titled plot."""

    def __init__(self, title: str, caption: str, empty: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.caption = caption
        self.theme = LIGHT
        self.plot = pg.PlotWidget(self)

    def set_theme(self, theme: Theme) -> None:
        """Recolour everything."""
        self.theme = theme

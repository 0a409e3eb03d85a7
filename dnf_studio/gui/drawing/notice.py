"""What stands over a plot and lets the pointer through: a label on a veil, and a button that belongs to it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QLabel, QToolButton, QWidget

from dnf_studio.gui.drawing.theme import Theme

__all__ = ["Notice", "menu_button"]

VEIL = 0.85
"""Opacity of the ground."""


class Notice(QLabel):
    """Rich text over `plot`, on which the plot shines through a little."""

    def __init__(self, plot: QWidget, name: str) -> None:
        super().__init__(plot)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAutoFillBackground(True)
        self.setMargin(3)
        self.setAccessibleName(name)

    def set_theme(self, theme: Theme) -> None:
        """Text on the ground of plots."""
        palette, ground = self.palette(), QColor(theme.base)
        ground.setAlphaF(VEIL)
        palette.setColor(QPalette.ColorRole.Window, ground)
        palette.setColor(QPalette.ColorRole.WindowText, QColor(theme.text))
        self.setPalette(palette)


def menu_button(name: str) -> QToolButton:
    """A flat button that opens its menu at once."""
    button = QToolButton()
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setAutoRaise(True)
    button.setAccessibleName(name)
    return button

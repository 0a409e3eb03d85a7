"""What is said over a plot, in its corners."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QLabel, QWidget

from dnf_studio.gui.drawing.theme import Theme

APART = 2
"""Pixels between two notices in a corner."""
VEIL = 0.85
"""Opacity of the ground of a notice, through which its plot is seen."""


class Notice(QLabel):
    """Rich text over `plot`, on which the plot shines through a little; those with a `rank` share a corner, the lowest
    one above."""

    def __init__(self, plot: QWidget, name: str, rank: int = 0) -> None:
        super().__init__(plot)
        self._plot, self._rank = plot, rank
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAutoFillBackground(True)
        self.setMargin(3)
        self.setAccessibleName(name)

    def stand(self, corner: QPoint) -> None:
        """Stand there, one below the other where several are shown."""
        others = self._plot.findChildren(Notice, options=Qt.FindChildOption.FindDirectChildrenOnly)
        for notice in sorted((one for one in others if one._rank), key=lambda one: one._rank):
            notice.move(corner)
            corner += QPoint(0, 0 if notice.isHidden() else notice.height() + APART)

    def set_theme(self, theme: Theme) -> None:
        """Text on the ground of plots."""
        palette, ground = self.palette(), QColor(theme.base)
        ground.setAlphaF(VEIL)
        palette.setColor(QPalette.ColorRole.Window, ground)
        palette.setColor(QPalette.ColorRole.WindowText, QColor(theme.text))
        self.setPalette(palette)

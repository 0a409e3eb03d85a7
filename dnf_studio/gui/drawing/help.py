"""A plot's "?": a few sentences and the equation behind the picture, and the card that shows them.

The text on each plot stands beside the plot.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, Qt, Slot
from PySide6.QtWidgets import QDialog, QLabel, QToolButton, QVBoxLayout, QWidget

from dnf_studio.gui.drawing.theme import LIGHT, Theme, letter_scale

SOURCE = "Zhang and Chen, “Diffusion Normalizing Flow”, NeurIPS 2021"
SIDE = 14
"""Pixels of the button within its border, while the letters are as large as the desktop's."""
WIDTH = 400
"""Pixels of a card."""


@dataclass(frozen=True)
class Help:
    """Help on one plot, as rich text."""

    about: str
    """What the help is on: “Help on …”."""
    text: str
    equations: tuple[str, ...]
    """Each on a line of its own."""
    source: str
    """Which equations these are,"""
    paper: str = SOURCE
    """and of which paper; empty where `source` says it all."""


FORWARD_STEP = (
    "x<sub>i+1</sub> = x<sub>i</sub> + f(x<sub>i</sub>, t<sub>i</sub>) Δ<sub>i</sub> "
    "+ g<sub>i</sub> √Δ<sub>i</sub> δF<sub>i</sub>"
)
BACKWARD_STEP = (
    "x<sub>i</sub> = x<sub>i+1</sub> − [f − g²<sub>i+1</sub> s](x<sub>i+1</sub>, t<sub>i+1</sub>) Δ<sub>i</sub> "
    "+ g<sub>i+1</sub> √Δ<sub>i</sub> δB<sub>i</sub>"
)
"""One step of either process, (11) and (12)."""


class HelpButton(QToolButton):
    """Opens `help_`; reached by Tab and pressed with Space, as any button."""

    def __init__(self, help_: Help, parent: QWidget) -> None:
        super().__init__(parent)
        self._help = help_
        self._theme = LIGHT
        self.setText("?")
        # A click leaves the focus, and with it Space to play, where it is
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(f"Help on {self._help.about}")
        self.setToolTip(f"What {self._help.about} shows, and its equation")
        self.clicked.connect(self._open)

    def set_help(self, help_: Help) -> None:
        """Open another card from now on, on the same."""
        self._help = help_

    def set_theme(self, theme: Theme) -> None:
        """A quiet letter that shows the pointer and the focus."""
        self._theme = theme
        side = round(SIDE * letter_scale())
        self.setStyleSheet(
            f"QToolButton {{ border: 1px solid {theme.border}; border-radius: {side // 2 + 1}px; min-width: {side}px; "
            f"max-width: {side}px; min-height: {side}px; max-height: {side}px; color: {theme.muted}; }}"
            f"QToolButton:hover, QToolButton:focus {{ border-color: {theme.accent}; color: {theme.accent}; }}"
        )

    @Slot()
    def _open(self) -> None:
        card = HelpCard(self._help, self._theme, self)
        card.move(_beside(QRect(self.mapToGlobal(QPoint()), self.size()), card, self.screen().availableGeometry()))
        card.show()


class HelpCard(QDialog):
    """A few sentences and equations; Esc or a click elsewhere closes it."""

    def __init__(self, help_: Help, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Help on {help_.about}")
        self.setAccessibleName(self.windowTitle())
        self.setStyleSheet(f"HelpCard {{ background: {theme.raised}; border: 1px solid {theme.border}; }}")
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(8)
        equations = "<br>".join(help_.equations)
        title = f"<b>{help_.about[0].upper()}{help_.about[1:]}</b>"
        source = f"{help_.source} of {help_.paper}." if help_.paper else help_.source
        for text, quiet in ((title, False), (help_.text, False), (equations, False), (source, True)):
            column.addWidget(self._label(text, quiet))
        self.setFixedSize(WIDTH, column.totalHeightForWidth(WIDTH))

    def _label(self, text: str, quiet: bool) -> QLabel:
        label = QLabel(text, self)
        label.setTextFormat(Qt.TextFormat.RichText)
        label.setWordWrap(True)
        label.setProperty("caption", quiet)
        label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        return label


def _beside(button: QRect, card: QWidget, screen: QRect) -> QPoint:
    """Place the card under the button, or over it where it does not fit, and on the screen."""
    size = card.size()
    x = min(max(button.right() - size.width(), screen.left() + 4), screen.right() - size.width() - 4)
    below = button.bottom() + 4
    y = below if below + size.height() <= screen.bottom() else button.top() - 4 - size.height()
    return QPoint(x, max(screen.top() + 4, y))

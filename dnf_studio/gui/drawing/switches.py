"""The two directions of a plot as switches in its header."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QToolButton, QWidget

from dnf_studio.gui.drawing.theme import Theme

__all__ = ["DIRECTIONS", "direction_switch", "name_switch", "recolour_switch"]

DIRECTIONS = ("forward", "backward")
WORDY = 22
"""Heights of a line from which width of the plot without the choice of a component on they are named."""


def direction_switch(name: str, parent: QWidget, toggled: Callable[[bool], None]) -> QToolButton:
    """Shows or hides the paths of the direction `name`; `toggled` is called when it is switched."""
    button = QToolButton(parent)
    button.setText(f"● {name}")
    button.setCheckable(True)
    button.setChecked(True)
    button.setToolTip(f"Show the {name} paths")
    button.setAccessibleName(f"Show the {name} paths")
    button.toggled.connect(toggled)
    return button


def name_switch(button: QToolButton, name: str, room: int) -> None:
    """With its name, or in a plot of little `room` (pixels) as its dot."""
    metrics = button.fontMetrics()
    button.setText(f"● {name}" if room >= WORDY * metrics.height() else "●")
    button.setMinimumWidth(metrics.horizontalAdvance("●") + 6)


def recolour_switch(button: QToolButton, name: str, theme: Theme) -> None:
    """In the colour of its direction while it is on."""
    button.setStyleSheet(
        f"QToolButton {{ border: none; padding: 1px; color: {theme.muted}; }}"
        f"QToolButton:checked {{ color: {theme.direction(name)}; }}"
        f"QToolButton:focus {{ border-bottom: 1px solid {theme.accent}; }}"
    )

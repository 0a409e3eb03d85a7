"""Which of the two processes is shown."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from dnf_studio.gui.drawing.theme import Theme

__all__ = ["Directions"]


class Directions(QWidget):
    """Forward or backward."""

    turned = Signal(str)

    def __init__(self, verb: str = "Show the", noun: str = "process") -> None:
        """Its tips say what a click does, such as to show the forward process."""
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        group = QButtonGroup(self)
        self.current = "forward"
        self.buttons: dict[str, QToolButton] = {}
        self._tips: dict[str, str] = {}
        for name, way in (("forward", "data → noise"), ("backward", "noise → data")):
            button = self.buttons[name] = QToolButton(self)
            button.setText(f"● {name.capitalize()}")
            button.setCheckable(True)
            button.setChecked(name == self.current)
            self._tips[name] = f"{verb} {name} {noun}, {way}"
            button.setToolTip(self._tips[name])
            button.setAccessibleName(f"{name.capitalize()} {noun}")
            button.clicked.connect(partial(self.turn, name))
            group.addButton(button)
            row.addWidget(button)

    def turn(self, name: str, _checked: bool = False) -> None:
        """Choose this one, as a click on it does."""
        self.set_current(name)
        self.turned.emit(name)

    def set_current(self, name: str) -> None:
        """Show that this one is chosen, and tell nobody."""
        self.current = name
        self.buttons[name].setChecked(True)

    def offer(self, *names: str, why: str) -> None:
        """Let these be chosen and grey the others, which say `why`, with a place for their name."""
        for name, button in self.buttons.items():
            button.setEnabled(name in names)
            button.setToolTip(self._tips[name] if name in names else why.format(name))

    def set_theme(self, theme: Theme) -> None:
        """Each in its colour."""
        for name, button in self.buttons.items():
            button.setStyleSheet(
                f"QToolButton {{ color: {theme.direction(name)}; }}"
                f"QToolButton:checked {{ font-weight: bold; }}"
                f"QToolButton:focus {{ border: 1px solid {theme.accent}; }}"
                f"QToolButton:disabled {{ color: {theme.muted}; }}"
            )

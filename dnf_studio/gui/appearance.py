"""Light or dark: what was chosen and what the desktop asks for."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication

from dnf_studio.gui.theme import DARK, LIGHT, Theme, apply_theme, system_theme

__all__ = ["Appearance"]


class Appearance(QObject):
    """Holds the theme in use and applies it to the application."""

    changed = Signal(object)
    """The new `Theme`."""

    def __init__(self, app: QApplication, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._app = app
        self._choice = "system"
        self._theme = system_theme(app)
        apply_theme(app, self._theme)
        app.styleHints().colorSchemeChanged.connect(lambda _scheme: self._update())

    @property
    def theme(self) -> Theme:
        """The theme in use."""
        return self._theme

    @property
    def choice(self) -> str:
        """``system``, ``light`` or ``dark``."""
        return self._choice

    def choose(self, choice: str) -> None:
        """Use ``light`` or ``dark``, or follow the ``system``."""
        self._choice = choice
        self._update()

    def _update(self) -> None:
        theme = {"light": LIGHT, "dark": DARK}.get(self._choice) or system_theme(self._app)
        if theme is not self._theme:
            self._theme = theme
            apply_theme(self._app, theme)
            self.changed.emit(theme)

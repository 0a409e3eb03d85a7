"""Light or dark, the size of the letters, and how much moves: what was chosen and what the desktop asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QApplication, QDockWidget, QTabBar

from dnf_studio.gui.drawing.style import all_widgets, apply_letters, apply_theme, painted_once
from dnf_studio.gui.drawing.theme import DARK, LIGHT, Theme, system_theme
from dnf_studio.gui.workspace.memory import Memory, exactly

if TYPE_CHECKING:
    from dnf_studio.gui.workspace.turns import Turns

CHOICES = ("system", "light", "dark")
SCALES = range(80, 201)
"""Font sizes to choose from, percent of the desktop's."""


class Appearance(QObject):
    """Holds theme, font scale and reduced motion, applies them at once and keeps them for the next start."""

    changed = Signal(object)
    """The `Theme` to use from now on: the colours, or the size of icons and letters, have changed."""
    choice_changed = Signal(str)
    scale_changed = Signal(int)
    calm_changed = Signal(bool)

    def __init__(self, app: QApplication, memory: Memory | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._app = app
        self._memory = memory or Memory()
        self._choice: str = self._memory.get("theme", _choice, "system")
        self._scale: int = self._memory.get("font_scale", _percent, 100)
        self._calm = self._memory.get("reduce_motion", exactly(bool), False)
        self._theme = self._wanted()
        self._turns: Turns | None = None
        self._set_font()
        apply_theme(app, self._theme)
        app.styleHints().colorSchemeChanged.connect(self._update)

    @property
    def theme(self) -> Theme:
        """The theme in use."""
        return self._theme

    @property
    def choice(self) -> str:
        """``system``, ``light`` or ``dark``."""
        return self._choice

    @property
    def scale(self) -> int:
        """Size of the letters, percent of the desktop's, 80 … 200."""
        return self._scale

    @property
    def calm(self) -> bool:
        """Whether motion is reduced: nothing plays by itself, and playing goes in whole steps."""
        return self._calm

    def choose(self, choice: str) -> None:
        """Use ``light`` or ``dark``, or follow the ``system``."""
        if choice != self._choice:
            self._choice = choice
            self._memory.put("theme", choice)
            self._update()
            self.choice_changed.emit(choice)

    def set_scale(self, percent: int) -> None:
        """Write everything in letters of `percent` of the desktop's size."""
        percent = min(SCALES[-1], max(SCALES[0], percent))
        if percent != self._scale:
            self._scale = percent
            self._memory.put("font_scale", percent)
            self._dress(self._set_font)
            self.scale_changed.emit(percent)

    def set_calm(self, calm: bool) -> None:
        """Set whether motion is reduced."""
        if calm != self._calm:
            self._calm = calm
            self._memory.put("reduce_motion", calm)
            self.calm_changed.emit(calm)

    def finish(self) -> None:
        """Tell now of colours or letters of which it would be told in the next turn: the window closes."""
        if self._turns is not None:
            self._turns.finish()

    def _wanted(self) -> Theme:
        return {"light": LIGHT, "dark": DARK}.get(self._choice) or system_theme(self._app)

    @Slot()
    def _update(self) -> None:
        theme = self._wanted()
        if theme is not self._theme:
            self._theme = theme
            self._dress(lambda: apply_theme(self._app, theme))

    def _dress(self, style: Callable[[], object]) -> None:
        """Let what Qt draws have another `style` at once, and in the next turn what the plots draw."""
        from dnf_studio.gui.workspace.turns import Turns  # the window is there without it

        def steps() -> Iterator[None]:
            style()
            self._set_titles()
            yield
            self.changed.emit(self._theme)
            yield

        self._turns = self._turns or Turns(self)
        self._turns.stop()
        painting = painted_once(self._app, steps())
        next(painting)
        self._turns.go(painting)

    def _set_font(self) -> None:
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
        if font.pointSizeF() > 0:
            font.setPointSizeF(font.pointSizeF() * self._scale / 100)
        else:
            font.setPixelSize(round(font.pixelSize() * self._scale / 100))
        if font != self._app.font():
            apply_letters(self._app, font)

    def _set_titles(self) -> None:
        """Set the font of the titles of docks and tabs, which follow the window's only when it differs from theirs."""
        font = QFont(self._app.font())
        font.setPointSizeF(1.001 * font.pointSizeF())
        for widget in all_widgets(self._app, QDockWidget, QTabBar):
            widget.setFont(font)


def _choice(kept: object) -> str:
    if not (isinstance(kept, str) and kept in CHOICES):
        raise ValueError("no such colours")
    return kept


def _percent(kept: object) -> int:
    if not (isinstance(kept, int) and kept in SCALES):
        raise ValueError("no such size of letters")
    return kept

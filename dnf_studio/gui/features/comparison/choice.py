"""The choice of a second model at one key: of the Library, one that is kept, the one that is open as it is, a file."""

from __future__ import annotations

from PySide6.QtCore import QPoint
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QMenu

from dnf_studio.errors import UnsupportedError
from dnf_studio.gui.features.comparison.models import Models
from dnf_studio.gui.workspace.workspace import Workspace

DOWN = 5
"""The part of the window's height that is above the list."""


class SecondChoice(QMenu):
    """A list over the window, in which the arrow keys choose and Enter opens: what the menu Compare has in several.

    It has the very entries of those menus, so that each says why it cannot be.
    """

    def __init__(self, workspace: Workspace, models: Models) -> None:
        super().__init__("Second model", workspace.parent)
        self._workspace, self._models = workspace, models
        self.setToolTipsVisible(True)
        workspace.commands.connect_to("compare-with", self._offer)

    def _offer(self) -> None:
        """Read what there is, and show it then."""
        if self._workspace.studio.current is None:
            self._workspace.tell(UnsupportedError("There is nothing to compare with yet; open a model first."))
            return
        self._models.list_all(self._show)

    def _show(self) -> None:
        commands, window = self._workspace.commands, self._workspace.parent
        self.clear()
        for title, entries in self._models.listed().items():
            # Not as a section, whose title Fusion leaves out
            self.addSeparator()
            self.addAction(f"Compare with one {title}").setEnabled(False)
            self.addActions(entries)
        self.addSeparator()
        for name in ("compare-now", "compare-file"):
            self.addAction(commands[name])
        across = (window.width() - self.sizeHint().width()) // 2
        self.popup(window.mapToGlobal(QPoint(max(0, across), window.height() // DOWN)))
        first = next((entry for entry in self.actions() if entry.isEnabled() and not entry.isSeparator()), None)
        if first is not None:
            self.setActiveAction(first)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The key that opened it closes it."""
        if QKeySequence(event.keyCombination()) == self._workspace.commands["compare-with"].shortcut():
            self.close()
        else:
            super().keyPressEvent(event)

"""The command that exports a film: opens its dialog, and asks before the window takes a film away."""

from __future__ import annotations

from PySide6.QtCore import QObject
from shiboken6 import isValid

from dnf_studio.gui.features.films.dialog import FilmDialog
from dnf_studio.gui.workspace import dialogs
from dnf_studio.gui.workspace.workspace import Workspace


class FilmController(QObject):
    """Holds the one dialog, which stays usable beside the window."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._workspace = workspace
        self.dialog: FilmDialog | None = None
        command = workspace.commands["film"]
        workspace.commands.connect_to("film", self.show)
        command.setEnabled(workspace.live.frame is not None)
        workspace.live.frame_shown.connect(lambda frame: command.setEnabled(frame is not None))
        workspace.closing.ask_first(self._may_close)
        workspace.closing.now.connect(self._close)

    def show(self) -> None:
        """Show the dialog, with what the window shows now."""
        if self.dialog is None or not isValid(self.dialog):
            self.dialog = FilmDialog(self._workspace)
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()

    def _may_close(self) -> bool:
        """Whether a film that is being written may be cancelled."""
        if self.dialog is None or not (self._workspace.parent.isVisible() and self.dialog.maker.running):
            return True
        return dialogs.ask_about_film(self._workspace.parent) is dialogs.Answer.DISCARD

    def _close(self) -> None:
        if self.dialog is not None:
            self.dialog.maker.cancel()
            self.dialog.close()

"""Takes the model that is open into the curves, from the menu."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.workspace import Workspace

NO_FILE = "Only models of files are compared by curves: save this one first, then take it into the curves."


class RunsController(QObject):
    """What the command `take-model` does."""

    taken = Signal()
    """The curves have one more: show them."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._workspace = workspace
        workspace.commands.connect_to("take-model", self.take)

    def take(self) -> None:
        """Compare the model that is open, too; one that is no file, or is training, is refused."""
        workspace, opened = self._workspace, self._workspace.studio.current
        try:
            unsaved = workspace.studio.training.run is not None
            if opened is None or opened.checkpoint is None or opened.path is None or unsaved:
                raise StudioError(NO_FILE)
            name = opened.shown.title if opened.kind == "run" else opened.path.stem
            workspace.curves.add([(name, opened.path, opened.checkpoint.sha256)])
        except StudioError as error:
            workspace.tell(error)
            return
        if (dock := workspace.docks.get("runs")) is not None and dock.isHidden():
            workspace.commands["runs"].trigger()
        self.taken.emit()
        workspace.say(f"{name} is compared by curves in Runs.")

"""Takes the models that are open into the curves, from the menu."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dnf_studio.gui.workspace.opening import Opened

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
        """Compare the model that is open, too, and with it B where one is beside it.

        A model that is no file, or is training, is refused; a B that is none is left out.
        """
        workspace, second = self._workspace, self._workspace.comparison.second
        try:
            opened = workspace.studio.current
            first = None if workspace.studio.training.run is not None else _file_of(opened)
            if first is None:
                raise StudioError(NO_FILE)
            # Of a run or a twin B has other weights than the file
            other = _file_of(second.opened) if second is not None and second.origin in ("file", "library") else None
            workspace.curves.add([first] if other is None else [first, other])
        except StudioError as error:
            workspace.tell(error)
            return
        if (dock := workspace.docks.get("runs")) is not None and dock.isHidden():
            workspace.commands["runs"].trigger()
        self.taken.emit()
        names = f"{first[0]} is" if other is None else f"{first[0]} and {other[0]} are"
        workspace.say(f"{names} compared by curves in Runs.")


def _file_of(opened: Opened | None) -> tuple[str, Path, str] | None:
    """Name, file and sum of the tensors of a model; None of one that is no file."""
    if opened is None or opened.checkpoint is None or opened.path is None:
        return None
    name = opened.shown.title if opened.kind == "run" else opened.path.stem
    return name, opened.path, opened.checkpoint.sha256

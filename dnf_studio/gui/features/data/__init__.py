"""Which data: built-in sets, files, pictures, images, and drawings."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, PagePlace, Workspace


def _page(workspace: Workspace) -> QWidget:
    from dnf_studio.gui.features.data.panel import DataPanel

    return DataPanel(workspace)


def _fill(workspace: Workspace) -> object:
    from dnf_studio.gui.features.data.importing import DataController

    return DataController(workspace)


COMMANDS = (
    Command("open-data", "Open da&ta file…", "Ctrl+Alt+O", "Train on your own data; of an export (.h5) its samples, "
            "whether or not the model that drew them is here", menu="File", section="open"),
    Command("open-folder", "Open folder of i&mages…", "Ctrl+Shift+F", "Train on the pictures (.png, .jpg) of a "
            "folder, all of one size; where they lie in folders of it, these are their classes", menu="File",
            section="open"),
    Command("draw", "&Draw data…", "Ctrl+D", "Paint with the mouse where points are to be, and train on that",
            menu="File", section="open"),
)  # fmt: skip

FEATURE = Feature(
    "data",
    commands=COMMANDS,
    pages=(PagePlace("Data", _page),),
    fill=_fill,
)

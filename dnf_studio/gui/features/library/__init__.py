"""Bundled models, models of one's own, and the files opened last."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, PagePlace, Workspace


def _page(workspace: Workspace) -> QWidget:
    from dnf_studio.gui.features.library.panel import make_panel

    return make_panel(workspace)


def _start(workspace: Workspace) -> object:
    from dnf_studio.gui.features.library.recent import RecentController

    return RecentController(workspace)


COMMANDS = (
    Command("open", "&Open…", "Ctrl+O", "Open a checkpoint (.safetensors, .pt), data (.csv, .npy, .npz, .h5, "
            ".parquet), a picture (.png, .jpg), images (idx, CIFAR-10) or an export (.h5)", menu="File",
            section="open", order=-1, icon="open"),
    Command("reopen", "Reopen &last file at start", "Ctrl+Shift+O", "Begin with the file that was opened last "
            "instead of the bundled model", menu="File", section="quit", checkable=True),
)  # fmt: skip

FEATURE = Feature(
    "library",
    commands=COMMANDS,
    pages=(PagePlace("Library", _page),),
    start=_start,
)

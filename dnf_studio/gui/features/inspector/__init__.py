"""Every number of the chosen point on its way, and the training images nearest to it."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import DockPage, DockPlace, Feature, Workspace


def _point(workspace: Workspace) -> QWidget:
    from dnf_studio.gui.features.inspector.controller import make_panel

    return make_panel(workspace)


def _start(workspace: Workspace) -> object:
    from dnf_studio.gui.features.inspector.controller import InspectorController

    return InspectorController(workspace)


COMMANDS = (
    Command("inspector", "In&spector", "Ctrl+I", "List the numbers of the chosen point, step by step",
            menu="Explore", section="point", checkable=True),
)  # fmt: skip

FEATURE = Feature(
    "inspector",
    commands=COMMANDS,
    docks=(DockPlace("inspector", "Inspector", opens_itself=True),),
    dock_pages=(DockPage("inspector", "Point", _point, "The numbers of the current point, step by step"),),
    start=_start,
)

"""Many models beside each other: a table of runs with their settings, notes and tags, and curves of up to six."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import DockPage, DockPlace, Feature, Workspace


def _panel(workspace: Workspace) -> QWidget:
    from dnf_studio.gui.features.runs.panel import make_panel

    return make_panel(workspace)


def _fill(workspace: Workspace) -> object:
    from dnf_studio.gui.features.runs.controller import RunsController

    return RunsController(workspace)


COMMANDS = (
    Command("runs", "&Runs and curves", "Ctrl+Alt+R", "List all runs with what their settings differ by, and "
            "compare up to six of them by curves and numbers", menu="Compare", section="runs", checkable=True),
    Command("take-model", "&Add what is open to the curves", "Ctrl+Alt+A", "Compare the model of the views, as its "
            "file has it, and B where one is beside it, by curves and numbers", menu="Compare", section="runs"),
)  # fmt: skip

FEATURE = Feature(
    "runs",
    commands=COMMANDS,
    docks=(DockPlace("runs", "Runs"),),
    dock_pages=(DockPage("runs", "Runs", _panel),),
    fill=_fill,
)

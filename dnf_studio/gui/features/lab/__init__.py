"""The discretisation lab: what N, the grid, λ and the last step do, and how likely data is."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import DockPage, DockPlace, Feature, Workspace


def _panel(workspace: Workspace) -> QWidget:
    from dnf_studio.gui.features.lab.panel import LabPanel

    return LabPanel(workspace)


COMMANDS = (
    Command("lab", "Discretisation &lab", "Ctrl+Shift+N", "See what N, λ and the last step do to the same Brownian "
            "paths and to samples", menu="Explore", section="study", checkable=True),
)  # fmt: skip

FEATURE = Feature(
    "lab",
    commands=COMMANDS,
    docks=(DockPlace("lab", "Lab"),),
    dock_pages=(DockPage("lab", "Lab", _panel),),
)

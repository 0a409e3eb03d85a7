"""Samples that explode or leave the support of the data, and the step where they went wrong."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import DockPage, DockPlace, Feature, Workspace


def _panel(workspace: Workspace) -> QWidget:
    from dnf_studio.gui.features.outliers.panel import OutliersPanel

    return OutliersPanel(workspace)


COMMANDS = (
    Command("outliers", "O&utliers", "Ctrl+Shift+K", "Count the samples that explode or leave the data's support, "
            "and find the step where they went wrong", menu="Explore", section="study", checkable=True),
)  # fmt: skip

FEATURE = Feature(
    "outliers",
    commands=COMMANDS,
    docks=(DockPlace("outliers", "Outliers"),),
    dock_pages=(DockPage("outliers", "Outliers", _panel),),
)

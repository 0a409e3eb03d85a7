"""Samples, or chosen points with their paths, written to HDF5 files."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, PagePlace, Workspace


def _page(workspace: Workspace) -> QWidget:
    from dnf_studio.gui.features.export.panel import ExportPanel

    return ExportPanel(workspace, workspace.parts["export"].exporter)


def _start(workspace: Workspace) -> object:
    from dnf_studio.gui.features.export.controller import ExportController

    return ExportController(workspace)


COMMANDS = (
    Command("export", "&Export samples…", "Ctrl+E", "Draw samples and write them to an HDF5 file", menu="File",
            section="write", icon="export"),
    Command("export-selection", "Export selected", "", "Export just the chosen points, with their paths"),
)  # fmt: skip

FEATURE = Feature(
    "export",
    commands=COMMANDS,
    pages=(PagePlace("Export", _page),),
    start=_start,
)

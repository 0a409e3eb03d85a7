"""Plots as figures for a paper or a talk: one, all that are shown, or time slices of both processes."""

from __future__ import annotations

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, Workspace


def _fill(workspace: Workspace) -> object:
    from dnf_studio.gui.features.figures.controller import FiguresController

    return FiguresController(workspace)


COMMANDS = (
    Command("figure", "Export fi&gure…", "Ctrl+Shift+E", "A plot, all plots that are shown, or time slices as PDF, "
            "SVG or PNG, in millimetres and points; also by a right click on a plot", menu="File", section="write"),
)  # fmt: skip

FEATURE = Feature("figures", commands=COMMANDS, fill=_fill)

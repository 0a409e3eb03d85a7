"""What the window shows as a program of the public names, or as the nearest line of the command line, to be pasted."""

from __future__ import annotations

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, Workspace


def _fill(workspace: Workspace) -> object:
    from dnf_studio.gui.features.scripts.controller import ScriptsController

    return ScriptsController(workspace)


COMMANDS = (
    Command("copy-python", "Cop&y as Python", "Ctrl+Alt+P", "A program that makes the very numbers of the views, and "
            "their picture where there is matplotlib; a right click on a plot copies that of its own", menu="Edit",
            section="copy"),
    Command("copy-command", "Copy as comma&nd", "Ctrl+Alt+C", "The line of the command line that does the nearest "
            "thing: sample of a model, train of a run", menu="Edit", section="copy"),
)  # fmt: skip

FEATURE = Feature("scripts", commands=COMMANDS, fill=_fill)

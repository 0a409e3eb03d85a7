"""Choosing points by clicks, rectangles and lassos, and all chosen points at once."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import DockPage, Feature, Workspace


def _panel(workspace: Workspace) -> QWidget:
    from dnf_studio.gui.features.selection.panel import make_panel

    return make_panel(workspace)


def _start(workspace: Workspace) -> object:
    from dnf_studio.gui.features.selection.controller import SelectionController

    return SelectionController(workspace)


COMMANDS = (
    Command("select-all", "Select &all", "Ctrl+A", "Choose every point that is shown", menu="Edit", section="select"),
    Command("invert-selection", "&Invert selection", "Ctrl+Shift+I", "Choose all other points instead", menu="Edit",
            section="select"),
    Command("clear-selection", "&Clear selection", "Esc", "Choose no point any more", menu="Edit", section="select"),
    Command("tool-pointer", "&Pointer", "V", "Choose points by clicks; a drag moves the view", menu="Edit",
            section="tool", icon="pointer", checkable=True, group="tool"),
    Command("tool-rectangle", "Rec&tangle", "M", "Choose points by drawing a rectangle around them; the middle "
            "button still moves the view", menu="Edit", section="tool", icon="rectangle", checkable=True,
            group="tool"),
    Command("tool-lasso", "&Lasso", "Shift+L", "Choose points by drawing a line around them; the middle button "
            "still moves the view", menu="Edit", section="tool", icon="lasso", checkable=True, group="tool"),
    Command("mode-replace", "Ne&w selection", "=", "What is chosen next replaces what was chosen", menu="Edit",
            section="mode", icon="mode-replace", checkable=True, group="mode"),
    Command("mode-add", "A&dd to selection", "+", "What is chosen next joins what was chosen; so does a drag with "
            "Shift", menu="Edit", section="mode", icon="mode-add", checkable=True, group="mode"),
    Command("mode-subtract", "&Subtract from selection", "-", "What is chosen next leaves what was chosen; so does "
            "a drag with Ctrl or Alt", menu="Edit", section="mode", icon="mode-subtract", checkable=True,
            group="mode"),
)  # fmt: skip

FEATURE = Feature(
    "selection",
    commands=COMMANDS,
    dock_pages=(DockPage("inspector", "Selection", _panel, "All chosen points, and how they differ from the rest"),),
    start=_start,
)

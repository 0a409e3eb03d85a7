"""The guide, the list of shortcuts, the log, a report for others, and what this program is."""

from __future__ import annotations

from functools import partial

from PySide6.QtGui import QGuiApplication

from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, Workspace


def _start(workspace: Workspace) -> None:
    _connect_pages(workspace)
    connect = workspace.commands.connect_to

    def show_about() -> None:
        from dnf_studio.gui.features.help.guide import about_box

        about_box(workspace.parent).show()

    def show_log() -> None:
        from dnf_studio.gui.workspace.log import log_folder
        from dnf_studio.gui.workspace.memory import show_folder

        try:
            show_folder(log_folder())
        except StudioError as error:
            workspace.say(str(error))

    def copy_report() -> None:
        from dnf_studio.gui.workspace.log import make_report

        QGuiApplication.clipboard().setText(make_report(workspace.session, workspace.studio))
        workspace.say("The report is copied.")

    connect("log", show_log)
    connect("report", copy_report)
    connect("about", show_about)


def _connect_pages(workspace: Workspace) -> None:
    """What there is to read, to search and to go through."""
    connect = workspace.commands.connect_to

    def show_page(title: str) -> None:
        from dnf_studio.gui.features.help.guide import show_guide

        show_guide(title, workspace.parent)

    def show_shortcuts() -> None:
        from dnf_studio.gui.features.help.guide import ShortcutsDialog

        ShortcutsDialog(workspace.commands, workspace.parent).show()

    def begin_tour() -> None:
        from dnf_studio.gui.features.help.tour import Tour

        parts = workspace.parent.findChildren(Tour) or [Tour(workspace)]
        parts[0].begin()

    def show_palette() -> None:
        from dnf_studio.gui.features.help.palette import open_palette

        open_palette(workspace)

    for name, title in TITLES.items():
        connect(name, partial(show_page, title))
    connect("shortcuts", show_shortcuts)
    connect("palette", show_palette)
    connect("tour", begin_tour)


TITLES = {
    "first-steps": "First steps",
    "guide": "How to find what is wrong",
    "glossary": "Glossary",
    "examples": "Examples",
}
"""Commands that open a page of the guide."""
COMMANDS = (
    Command("first-steps", "&First steps", "Ctrl+Shift+F1", "What to look at first, and how to train, change and keep "
            "a model", menu="Help", section="read"),
    Command("tour", "&Tour of six stations", "Ctrl+F2", "What the window can do, by your own hands at a bundled "
            "model; it can be left and resumed", menu="Help", section="read"),
    Command("guide", "&How to find what is wrong", "Ctrl+F1", "Three faults found with the views alone: which to "
            "look at, and what tells one from another", menu="Help", section="read"),
    Command("glossary", "&Glossary", "Alt+F1", "What the words of the window mean", menu="Help", section="read"),
    Command("examples", "&Examples", "Alt+Shift+F1", "Whole scripts to read and copy: your own data, models, loops and "
            "plug-ins", menu="Help", section="read"),
    Command("palette", "&Search everything…", "Ctrl+K", "Find a command, setting, plot, model or word by a few letters "
            "of it", menu="Help", section="read"),
    Command("shortcuts", "&Keyboard shortcuts", "F1", "List every command and its shortcut", menu="Help",
            section="read"),
    Command("log", "Show &log folder", "Ctrl+Shift+J", "Show the folder with the log of what happened", menu="Help",
            section="report"),
    Command("report", "&Copy report", "Ctrl+Shift+C", "Copy versions, settings and the end of the log for a report; "
            "no personal paths", menu="Help", section="report"),
    Command("about", "&About DNF Studio", "Shift+F1", "What this is, and the versions it runs on", menu="Help",
            section="about"),
)  # fmt: skip

FEATURE = Feature(
    "help",
    commands=COMMANDS,
    start=_start,
)

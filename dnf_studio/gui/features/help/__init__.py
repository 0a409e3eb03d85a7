"""The guide, the list of shortcuts, the log, a report for others, and what this program is."""

from __future__ import annotations

from functools import partial

from PySide6.QtGui import QGuiApplication

from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, Workspace


def _start(workspace: Workspace) -> None:
    connect = workspace.commands.connect_to

    def show_page(title: str) -> None:
        from dnf_studio.gui.features.help.guide import show_guide

        show_guide(title, workspace.parent)

    def show_shortcuts() -> None:
        from dnf_studio.gui.features.help.guide import ShortcutsDialog

        ShortcutsDialog(workspace.commands, workspace.parent).show()

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

    for name, title in TITLES.items():
        connect(name, partial(show_page, title))
    connect("shortcuts", show_shortcuts)
    connect("log", show_log)
    connect("report", copy_report)
    connect("about", show_about)


TITLES = {"first-steps": "First steps", "guide": "How to find what is wrong", "glossary": "Glossary"}
"""Commands that open a page of the guide."""
COMMANDS = (
    Command("first-steps", "&First steps", "Ctrl+Shift+F1", "What to look at first, and how to train, change and keep "
            "a model", menu="Help", section="read"),
    Command("guide", "&How to find what is wrong", "Ctrl+F1", "Three faults found with the views alone: which to "
            "look at, and what tells one from another", menu="Help", section="read"),
    Command("glossary", "&Glossary", "Alt+F1", "What the words of the window mean", menu="Help", section="read"),
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

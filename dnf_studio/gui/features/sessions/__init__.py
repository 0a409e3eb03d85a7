"""What the window shows as one small file: model, data, view, selection, layout, what is compared, and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import DockPage, DockPlace, Feature, Workspace

if TYPE_CHECKING:
    from dnf_studio.gui.features.sessions.controller import SessionController


def _fill(workspace: Workspace) -> SessionController:
    from dnf_studio.gui.features.sessions.controller import SessionController

    # A layout that is brought back may open the notes before the rest is filled
    made = workspace.parts.get("sessions") or SessionController(workspace)
    workspace.parts["sessions"] = made
    return made


def _notes(workspace: Workspace) -> QWidget:
    from dnf_studio.gui.features.sessions.notes import NotesPanel

    return NotesPanel(_fill(workspace).notes)


COMMANDS = (
    Command("open-session", "Open sessio&n…", "Ctrl+Alt+Shift+O", "Show again what a session (.dnfsession) holds: "
            "model, data, view, selection, layout and notes", menu="File", section="session"),
    Command("save-session", "Sa&ve session…", "Ctrl+Shift+S", "Keep what is shown, and how, as a small file that "
            "opens in another folder, too", menu="File", section="session"),
    Command("notes", "Notes", "Ctrl+Alt+N", "Write down what you see; a session keeps it", menu="View",
            section="window", checkable=True),
)  # fmt: skip

FEATURE = Feature(
    "sessions",
    commands=COMMANDS,
    docks=(DockPlace("notes", "Notes"),),
    dock_pages=(DockPage("notes", "Notes", _notes, "Plain text that a session keeps"),),
    fill=_fill,
)

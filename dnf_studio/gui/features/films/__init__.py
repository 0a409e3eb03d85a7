"""Films of the plots over the time of the processes, for a talk or a page."""

from __future__ import annotations

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, Workspace


def _fill(workspace: Workspace) -> object:
    from dnf_studio.gui.features.films.controller import FilmController

    return FilmController(workspace)


COMMANDS = (
    Command("film", "Export f&ilm…", "Ctrl+Alt+M", "Write the way from data to noise, or back, of a plot or of all "
            "that is shown, as MP4, GIF, WebP or animated PNG", menu="File", section="write", order=1),
)  # fmt: skip

FEATURE = Feature("films", commands=COMMANDS, fill=_fill)

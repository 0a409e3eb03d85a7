"""Looking back through training: a second clock beside that of the processes, with a bar and keys of its own."""

from __future__ import annotations

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, Workspace


def _fill(workspace: Workspace) -> object:
    from dnf_studio.gui.features.history.controller import HistoryController

    return HistoryController(workspace)


COMMANDS = (
    Command("past-play", "Pla&y training", "Shift+Space", "Show the model as it was from its first iteration on, or "
            "hold that", menu="Run", section="past", icon="play", checkable=True),
    Command("past-earlier", "Earl&ier in training", "Shift+Left", "Show the model as it was one snapshot earlier",
            menu="Run", section="past", icon="previous"),
    Command("past-later", "&Later in training", "Shift+Right", "Show the model as it was one snapshot later",
            menu="Run", section="past", icon="next"),
    Command("past-first", "To the be&ginning of training", "Shift+Home", "Show the model as it was before its first "
            "iteration", menu="Run", section="past", icon="first"),
    Command("past-now", "Back to no&w", "Shift+End", "Show the model as it is now, and follow it while it trains",
            menu="Run", section="past", icon="last"),
    Command("past-save", "Save &model as it was…", "Ctrl+Alt+S", "Save the earlier model that is shown, to sample with",
            menu="Run", section="past", icon="save"),
)  # fmt: skip

FEATURE = Feature("history", commands=COMMANDS, fill=_fill)

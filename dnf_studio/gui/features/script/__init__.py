"""The window of a script: it shows the model that the script holds, and follows it while that trains it."""

from __future__ import annotations

from dnf_studio.gui.workspace.workspace import Feature, Workspace


def _fill(workspace: Workspace) -> object:
    from dnf_studio.gui.features.script.controller import ScriptController

    return ScriptController(workspace)


FEATURE = Feature("script", fill=_fill)

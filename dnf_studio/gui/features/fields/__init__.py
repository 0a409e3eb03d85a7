"""Vector fields over the process views: drift, score, probability flow, and heat maps of them."""

from __future__ import annotations

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, Workspace


def _fill(workspace: Workspace) -> object:
    from dnf_studio.gui.features.fields.controller import FieldController

    return FieldController(workspace)


COMMANDS = (
    Command("field", "Sho&w field", "Ctrl+6", "Show the field that moves points, at the time cursor",
            menu="View", section="layers", order=6, checkable=True),
)  # fmt: skip

FEATURE = Feature(
    "fields",
    commands=COMMANDS,
    layers=("field",),
    fill=_fill,
)

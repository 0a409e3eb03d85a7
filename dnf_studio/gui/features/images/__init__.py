"""Points that are images, shown as images in place of the process views."""

from __future__ import annotations

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, Workspace


def _start(workspace: Workspace) -> object:
    from dnf_studio.gui.features.images.controller import ImagesController

    return ImagesController(workspace)


def _fill(workspace: Workspace) -> None:
    workspace.parts["images"].fill()


COMMANDS = (
    Command("images", "Show as imag&es", "Ctrl+9", "Show points that are images as a grid of them, or two of their "
            "components", menu="View", section="layers", order=9, checkable=True),
)  # fmt: skip

FEATURE = Feature(
    "images",
    commands=COMMANDS,
    start=_start,
    fill=_fill,
)

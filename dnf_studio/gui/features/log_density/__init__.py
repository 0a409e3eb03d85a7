"""Log-densities over the process views: the model's, the exact one, and their difference."""

from __future__ import annotations

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, Workspace


def _fill(workspace: Workspace) -> object:
    from dnf_studio.gui.features.log_density.controller import LogDensityController

    return LogDensityController(workspace)


COMMANDS = (
    Command("contours", "Show log-densi&ty", "Ctrl+7", "Show the log-density at t₀ as a map with lines", menu="View",
            section="layers", order=7, checkable=True),
)  # fmt: skip

FEATURE = Feature(
    "log_density",
    commands=COMMANDS,
    layers=("contours",),
    fill=_fill,
)

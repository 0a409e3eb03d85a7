"""Several components against each other: scatter of each pair, and the histogram of each."""

from __future__ import annotations

from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, Workspace


def _fill(workspace: Workspace) -> object:
    from dnf_studio.gui.features.pair_plot.controller import PairPlotController

    return PairPlotController(workspace)


COMMANDS = (
    Command("pairs", "&Pair plot", "Ctrl+G", "Show up to eight components against each other in place of both "
            "processes, each with its histogram", menu="View", section="layers", order=10, checkable=True),
)  # fmt: skip

FEATURE = Feature("pair_plot", commands=COMMANDS, fill=_fill)

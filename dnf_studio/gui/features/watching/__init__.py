"""Watching a run that trains elsewhere, by the folder it is logged in: both processes, loss, snapshots, ranks."""

from __future__ import annotations

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.workspace.workspace import Feature, PlotPlace, Workspace


def _plot(workspace: Workspace) -> Plot:
    from dnf_studio.gui.features.watching.ranks import RanksPlot

    return RanksPlot()


def _fill(workspace: Workspace) -> object:
    from dnf_studio.gui.features.watching.controller import WatchingController

    return WatchingController(workspace)


FEATURE = Feature("watching", plots=(PlotPlace("ranks", "Ranks", "tabs", _plot, offered=False),), fill=_fill)

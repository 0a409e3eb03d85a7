"""The loss of a run, its floor, and the marks of what changed in it."""

from __future__ import annotations

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.workspace.workspace import Feature, PlotPlace, Workspace

__all__ = ["FEATURE"]


def _plot(workspace: Workspace) -> Plot:
    from dnf_studio.gui.features.loss.controller import LossController
    from dnf_studio.gui.features.loss.plot import LossPlot

    plot = LossPlot()
    LossController(workspace, plot)
    return plot


FEATURE = Feature(
    "loss",
    plots=(PlotPlace("loss", "Loss", "tabs", _plot),),
)

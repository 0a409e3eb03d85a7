"""How far the forward marginals are from the backward ones at every step."""

from __future__ import annotations

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.workspace.workspace import Feature, PlotPlace, Workspace


def _plot(workspace: Workspace) -> Plot:
    from dnf_studio.gui.features.marginals.plot import MarginalsPlot

    plot = MarginalsPlot()
    plot.step_clicked.connect(workspace.session.cursor.jump)
    workspace.live.compared.connect(plot.set_comparison)
    workspace.live.comparison_seen = plot.isVisible
    return plot


FEATURE = Feature(
    "marginals",
    plots=(PlotPlace("marginals", "Marginals", "tabs", _plot),),
)

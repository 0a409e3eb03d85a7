"""How much of the backward drift is the score."""

from __future__ import annotations

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.workspace.workspace import Feature, PlotPlace, Workspace


def _plot(workspace: Workspace) -> Plot:
    from dnf_studio.gui.features.score.plot import ScorePlot

    plot = ScorePlot()
    plot.step_clicked.connect(workspace.session.cursor.jump)
    return plot


FEATURE = Feature(
    "score",
    plots=(PlotPlace("score", "Score", "tabs", _plot, needs="score"),),
)

"""Where in space and time the two processes disagree."""

from __future__ import annotations

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.workspace.workspace import Feature, PlotPlace, Workspace


def _plot(workspace: Workspace) -> Plot:
    from dnf_studio.gui.features.space_time.plot import SpaceTimePlot

    plot = SpaceTimePlot()
    plot.cursor_moved.connect(workspace.session.cursor.jump)
    workspace.live.excess_known.connect(plot.set_excess_known)
    return plot


FEATURE = Feature(
    "space_time",
    plots=(PlotPlace("space-time", "Space-time", "tabs", _plot, needs="bound"),),
)

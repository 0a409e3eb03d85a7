"""The time grid of the view as a plot, and the editor in which its steps are dragged."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import DockPage, DockPlace, Feature, PlotPlace, Workspace


def _plot(workspace: Workspace) -> Plot:
    from dnf_studio.gui.features.time_grid.plot import GridPlot

    plot = GridPlot()
    plot.cursor_moved.connect(workspace.session.cursor.jump)
    plot.edit_wanted.connect(workspace.commands["grid-editor"].trigger)
    return plot


def _editor(workspace: Workspace) -> QWidget:
    from dnf_studio.gui.features.time_grid.editor import GridEditorPanel

    return GridEditorPanel(workspace)


COMMANDS = (
    Command("grid-editor", "&Grid editor", "Ctrl+Shift+G", "Drag the steps of the time grid, use it for the view "
            "and for training, keep it as a preset", menu="Explore", section="study", checkable=True),
)  # fmt: skip

FEATURE = Feature(
    "time_grid",
    commands=COMMANDS,
    plots=(PlotPlace("grid", "Grid", "tabs", _plot),),
    docks=(DockPlace("grid-editor", "Grid editor"),),
    dock_pages=(DockPage("grid-editor", "Grid editor", _editor),),
)

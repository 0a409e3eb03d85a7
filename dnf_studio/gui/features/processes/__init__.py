"""Both processes: the two views, the t–x view, their layers, and the colours of points."""

from __future__ import annotations

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.features.processes.controller import LAYERS, ProcessesController
from dnf_studio.gui.workspace.commands import Command
from dnf_studio.gui.workspace.workspace import Feature, PlotPlace, Workspace


def _process(direction: str) -> Plot:
    from dnf_studio.gui.features.processes.process_view import ProcessView

    return ProcessView(direction)


def _time(_workspace: Workspace) -> Plot:
    from dnf_studio.gui.features.processes.time_view import TimeView

    return TimeView()


def _fill(workspace: Workspace) -> None:
    from dnf_studio.gui.features.processes.colouring import Colouring
    from dnf_studio.gui.features.processes.dots import DotsController
    from dnf_studio.gui.features.processes.parts import PartsMenus
    from dnf_studio.gui.features.processes.units import UnitsController

    workspace.parts["colouring"] = colouring = Colouring(workspace)
    workspace.parts["modes"] = PartsMenus(workspace, colouring)
    workspace.parts["units"] = UnitsController(workspace)
    workspace.parts["dots"] = DotsController(workspace)


COMMANDS = (
    Command("points", "Show p&oints", "Ctrl+1", "Show the points at the time cursor", menu="View", section="layers",
            order=1, checkable=True),
    Command("paths", "Show p&aths", "Ctrl+2", "Show the paths of the first points", menu="View", section="layers",
            order=2, checkable=True),
    Command("density", "Show dens&ity", "Ctrl+3", "Show where the points are dense, over the data as faint dots",
            menu="View", section="layers", order=3, checkable=True),
    Command("overlay", "O&verlay the other process", "Ctrl+5", "Show the points of the other process at the same "
            "time, faint and in its colour", menu="View", section="layers", order=5, checkable=True),
    Command("difference", "Show &signed difference", "Ctrl+8", "Colour where the forward or the backward process "
            "has more points at the time cursor, beyond chance", menu="View", section="layers", order=8,
            checkable=True),
    Command("paired", "Backward from the forward e&nds", "Ctrl+B", "Start each backward path where the forward "
            "path of the same point ended, which makes the two a round trip, or from fresh noise", menu="View",
            section="look", checkable=True),
    Command("data-units", "&Data units", "Ctrl+U", "Write all places in the units of the data, or standardised: mean "
            "0 and deviation 1; tables begin with their own", menu="View", section="look", checkable=True),
    Command("bigger-points", "Bigger points", "Ctrl+Alt+Up", "Draw points bigger",
            menu="View", section="points"),
    Command("smaller-points", "Smaller points", "Ctrl+Alt+Down", "Draw points smaller",
            menu="View", section="points"),
    Command("opaque-points", "More opaque points", "Ctrl+Alt+Right", "Draw points less transparent", menu="View",
            section="points"),
    Command("fainter-points", "Less opaque points", "Ctrl+Alt+Left", "Draw points more transparent, which shows where "
            "many lie over each other", menu="View", section="points"),
    Command("usual-points", "The usual points", "Ctrl+Alt+0", "Draw points as suits their number", menu="View",
            section="points"),
)  # fmt: skip

FEATURE = Feature(
    "processes",
    commands=COMMANDS,
    layers=LAYERS,
    plots=(
        PlotPlace("forward", "Forward", "above", lambda _workspace: _process("forward")),
        PlotPlace("backward", "Backward", "above", lambda _workspace: _process("backward")),
        PlotPlace("time", "Paths", "below", _time),
    ),
    start=ProcessesController,
    fill=_fill,
)

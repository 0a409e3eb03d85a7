"""Both processes in their views: which plane and layers are shown, what moves the points, and the colours of steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, Slot

from dnf_studio.core.sde.solvers import Solver, solver_in_effect
from dnf_studio.gui.drawing.layers.scale import StepColouring
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_plot import ProcessPlot
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.processes.time_view import TimeView
from dnf_studio.gui.widgets.choices import grey_plane
from dnf_studio.gui.widgets.solver_box import start_button
from dnf_studio.gui.workspace.state import State
from dnf_studio.gui.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dnf_studio.core.sampling.model import Ability
    from dnf_studio.core.sde.sample_settings import Direction

LAYERS = ("points", "paths", "density", "overlay", "difference")
"""The layers that the process views draw themselves."""


class ProcessesController(QObject):
    """Joins the two process views and the t–x view to session, frames and excess."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._live, self._plots = workspace.session, workspace.live, workspace.plots
        self._comparison = workspace.comparison
        forward, backward = (cast(ProcessView, workspace.plots[name]) for name in ("forward", "backward"))
        time = cast(TimeView, workspace.plots["time"])
        self._both, self._time = (forward, backward), time
        self._colouring = StepColouring("forward"), StepColouring("backward")
        self._second: dict[str, tuple[ProcessView, StepColouring]] = {}
        forward.link(backward)
        backward.add_beside_caption(start_button(self._session))
        time.cursor_moved.connect(self._session.cursor.jump)
        time.component_changed.connect(lambda component: self._session.apply({"component": component}))
        commands = workspace.commands
        commands.connect_to("paired", self._turn_pairing)
        grey_plane(self._session, *(commands[name] for name in LAYERS))
        self._paired = commands["paired"]
        self._session.changed.connect(self._follow)
        self._session.lacks_changed.connect(self._show_lacks)
        self._live.frame_changes.connect(self._prepare)
        self._live.excess_found.connect(self._colour_steps)
        self._comparison.changed.connect(self._show_lacks)
        self._comparison.frame_shown.connect(self._colour_second)
        self._comparison.excess_found.connect(self._colour_second)
        workspace.plots.added.connect(self._begin)
        self._follow(frozenset({"layers", "axes", "component"}))

    def _turn_pairing(self) -> None:
        self._session.apply({"start": "noise" if self._session.state.paired else "forward"})

    @Slot()
    def _prepare(self) -> None:
        """Prepare the views for another frame, perhaps of other data."""
        self._follow(frozenset({"axes", "component"}))
        self._colour_steps()

    @Slot()
    def _show_lacks(self) -> None:
        self._say_moved()
        self._follow(frozenset({"layers"}))

    @Slot(object)
    def _begin(self, plot: Plot) -> None:
        """One more plot, perhaps a view of the second model."""
        if isinstance(plot, ProcessView) and plot.second:
            self._second[plot.direction] = plot, StepColouring(cast("Direction", plot.direction))
            self._follow(frozenset({"layers", "axes"}))
        self._say_moved()

    @Slot()
    def _say_moved(self) -> None:
        """Show what carries the points of either process; where it is not the model's own solver, in the title too."""
        session, second = self._session, self._comparison.second
        say_moved(self._plots.first, session.effective, session.lacks, session.solvers)
        if second is not None:
            shown = second.opened.shown
            say_moved(self._plots.seconds, self._comparison.effective, shown.lacks, shown.solvers)

    @Slot()
    def _colour_steps(self) -> None:
        wanted, frame = "disagreement" in self._session.effective.layers, self._live.frame
        ahead, back = (way.colours(frame, self._live.excess) if wanted else None for way in self._colouring)
        for view, colours in ((self._both[0], ahead), (self._time, ahead), (self._both[1], back)):
            view.set_step_colours(colours)

    @Slot()
    def _colour_second(self) -> None:
        wanted, frame = "disagreement" in self._comparison.effective.layers, self._comparison.frame
        for view, colouring in self._second.values():
            view.set_step_colours(colouring.colours(frame, self._comparison.excess) if wanted else None)

    def _follow(self, names: frozenset[str]) -> None:
        if names & {"solver", "start"}:
            self._say_moved()
        if "start" in names:
            self._paired.setChecked(self._session.state.paired)
        state, frame = self._session.effective, self._live.frame
        last = frame.forward.shape[2] - 1 if frame is not None else 1
        if "layers" in names:
            for view in self._both:
                view.set_layers(state.layers)
            self._colour_steps()
            for view, _ in self._second.values():
                view.set_layers(self._comparison.effective.layers)
            self._colour_second()
        principal = self._live.principal
        if names & {"axes", "projection"} and last > 0:
            for view in (*self._both, *(view for view, _ in self._second.values())):
                view.set_projection(principal if state.projection == "principal" else None)
                view.set_axes(min(state.axes[0], last), min(state.axes[1], last))
        self._time.set_principal(principal)
        if "component" in names:
            self._time.set_component(min(state.component, last if principal is None else last + 2))


def say_moved(plots: Iterable[Plot], state: State, lacks: Mapping[Ability, str], solvers: tuple[Solver, ...]) -> None:
    """Let the `plots` of a model that `lacks` these and has these `solvers` say what carries its points."""
    way = state.sampling
    solver, named = solver_in_effect(way.solver, solvers, way.steps), way.solver is not None
    ahead = "the ODE" if "noise" in lacks else "the forward SDE"
    words = {"forward": (ahead, ""), "backward": (solver.moved_by, f" ({solver.label})" if named else "")}
    for plot in plots:
        if isinstance(plot, ProcessPlot):
            plot.set_moved(*words[plot.direction], paired=state.paired)

"""Diameter and opacity of the points in every view of them: four commands, in steps that one sees."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Slot

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_plot import PointPlot
from dnf_studio.gui.workspace.state import AS_DRAWN
from dnf_studio.gui.workspace.workspace import Workspace

DIAMETERS = (40, 60, 80, 100, 130, 170, 220, 300, 400)
OPACITIES = (10, 20, 30, 45, 70, 100, 120, 150)
"""Per cent of what suits the number of points; that stays what it is measured by."""
WAYS = {"bigger-points": (0, 1), "smaller-points": (0, -1), "opaque-points": (1, 1), "fainter-points": (1, -1)}
"""Which of both a command changes, and which way."""


class DotsController(QObject):
    """Steps diameter or opacity by a command, and gives every view of points what the state says."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._plots = workspace.session, workspace.plots
        self._actions = {name: workspace.commands[name] for name in WAYS}
        for name in WAYS:
            workspace.commands.connect_to(name, partial(self._step, name))
        workspace.commands.connect_to("usual-points", lambda: self._session.apply({"dots": AS_DRAWN}))
        self._usual = workspace.commands["usual-points"]
        self._session.changed.connect(self._follow)
        self._plots.added.connect(self._begin)
        self._follow(frozenset({"dots"}))

    def _step(self, name: str) -> None:
        wanted = self._next(name)
        if wanted is not None:
            self._session.apply({"dots": wanted})

    def _next(self, name: str) -> tuple[int, int] | None:
        """What the command `name` leads to; None at the end."""
        which, way = WAYS[name]
        now = self._session.state.dots[which]
        rungs = [rung for rung in (DIAMETERS, OPACITIES)[which] if (rung - now) * way > 0]
        if not rungs:
            return None
        new = min(rungs) if way > 0 else max(rungs)
        diameter, opacity = self._session.state.dots
        return (diameter, new) if which else (new, opacity)

    def _follow(self, names: frozenset[str]) -> None:
        if "dots" in names:
            for plot in self._plots:
                self._begin(plot)
            for name, action in self._actions.items():
                action.setEnabled(self._next(name) is not None)
            self._usual.setEnabled(self._session.state.dots != AS_DRAWN)

    @Slot(object)
    def _begin(self, plot: Plot) -> None:
        if isinstance(plot, PointPlot):
            diameter, opacity = self._session.state.dots
            for by_point in plot.coloured.values():
                by_point.set_dots(diameter / 100, opacity / 100)

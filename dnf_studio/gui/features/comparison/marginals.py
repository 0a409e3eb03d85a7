"""One component of both models: B over the paths over steps of A, and B − A of the marginals at the time cursor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Slot

from dnf_studio.core.sde.sample_settings import WAYS
from dnf_studio.gui.drawing.axes import half_range
from dnf_studio.gui.drawing.layers.trails import at_step
from dnf_studio.gui.drawing.point_plot import PointPlot
from dnf_studio.gui.features.comparison.layers import SecondTimeLayers
from dnf_studio.gui.features.comparison.plot import ChangePlot, MarginalChange, marginal_change
from dnf_studio.gui.workspace.workspace import Workspace

Array = NDArray[np.float32]


class SecondMarginals(QObject):
    """Gives the paths over steps and the plot of B − A what they show of the component that is chosen."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._live, self._comparison = workspace.session, workspace.live, workspace.comparison
        self._appearance, self._plots = workspace.appearance, workspace.plots
        self.time: SecondTimeLayers | None = None
        self._session.changed.connect(self._follow)
        plot = self._plots["change"]
        if isinstance(plot, ChangePlot):
            plot.came.connect(self.show_change)

    @property
    def _on(self) -> bool:
        return self._comparison.second is not None

    def _follow(self, names: frozenset[str]) -> None:
        if names & {"component", "projection"}:
            self.show_change()
            self.take_time()

    def set_cursor(self, fraction: float) -> None:
        """Follow the time cursor, 0 at the data … 1 at the noise."""
        if self.time is not None:
            self.time.set_cursor(fraction)
        if self._plots["change"].isVisible():
            self.show_change()

    def take_time(self) -> None:
        """Draw B over the paths over steps too, where both are drawn one over the other, or there is no other view."""
        first, second, component = self._live.frame, self._comparison.frame, self._session.state.component
        wanted = self._on and (self._session.state.comparing == "overlay" or self._session.dim == 1)
        view = self._plots["time"]
        if self.time is None and wanted and isinstance(view, PointPlot):
            self.time = SecondTimeLayers(view)
            self.time.recolour(self._appearance.theme)
            self._appearance.changed.connect(self._recolour)
        if self.time is not None:
            known = wanted and first is not None and second is not None
            rows: dict[str, Array] = {}
            if known and second is not None:
                rows = {way: self._values(second.paths_of(way), component) for way in WAYS}
            self.time.show(rows, len(first.t) - 1 if first is not None else 0, (second, component))

    @Slot()
    def _recolour(self) -> None:
        if self.time is not None:
            self.time.recolour(self._appearance.theme)

    @Slot()
    def show_change(self) -> None:
        """B − A of the component of the t–x view at the time cursor."""
        plot, first, second = self._plots["change"], self._live.frame, self._comparison.frame
        if not isinstance(plot, ChangePlot):
            return
        apart = self._comparison.apart if self._on else ""
        plot.set_reason(apart or None)
        if first is None or second is None or not self._on or apart:
            plot.show_changes(None, 0, 1.0)
            return
        if not plot.isVisible():
            return
        component, fraction = self._session.state.component, self._session.cursor.fraction
        half = half_range(self._values(first.forward[0], component))
        found: dict[str, MarginalChange] = {}
        for way in WAYS:
            ours, theirs = (
                at_step(self._values(frame.paths_of(way), component), fraction * (len(frame.t) - 1))[:, 1]
                for frame in (first, second)
            )
            found[way] = marginal_change(ours, theirs, half)
        plot.show_changes(found, component, half, (component, first.request, second.request))

    def _values(self, points: Array, component: int) -> Array:
        """Component `component` of points (…, D), from D on a principal one: (…)."""
        dim, principal = points.shape[-1], self._live.principal
        if component >= dim and principal is not None:
            return principal.project(points)[..., min(component - dim, 1)]
        return points[..., min(component, dim - 1)]

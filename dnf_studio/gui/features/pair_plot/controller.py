"""The pair plot in the window: when it takes the place of both processes, and of which components it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QSplitter

from dnf_studio.gui.widgets.choices import greying
from dnf_studio.gui.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dnf_studio.gui.features.pair_plot.plot import PairPlot
    from dnf_studio.gui.workspace.opening import Opened

NAME = "pairs"
USUAL = 5
"""Components that are shown until somebody chooses others."""
ONE_COMPONENT = "Data of one component has no pairs"


def usual_components(dim: int, scale: tuple[float, ...] = ()) -> tuple[int, ...]:
    """The first five of `dim` components, or with a `scale` for each the five that vary most."""
    if len(scale) != dim:
        return tuple(range(min(dim, USUAL)))
    return tuple(sorted(np.argsort(scale, kind="stable")[::-1][:USUAL].tolist()))


class PairPlotController(QObject):
    """Makes the plot when it is first wanted, brings it to the front, and hands it the components that are chosen.

    Of a table the first columns are shown, whose units have nothing to do with each other; of images the pixels that
    vary most, for those at the edge hardly do.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._plots = workspace.session, workspace.plots
        self._plot: PairPlot | None = None
        self._before = "images"
        self._usual: tuple[int, ...] = ()
        self._sizes: list[int] = []
        self._command = workspace.commands["pairs"]
        workspace.commands.connect_to("pairs", self._switch)
        self._grey = greying(lambda: ONE_COMPONENT if self._session.dim == 1 else None, self._command)
        self._session.changed.connect(self._follow)
        self._session.lacks_changed.connect(self._show)
        workspace.studio.opened.connect(self._take)
        self._show()

    @property
    def plot(self) -> PairPlot | None:
        """The plot; None before anybody has asked for it."""
        return self._plot

    @Slot(object)
    def _take(self, opened: Opened) -> None:
        scale = opened.snapshot.standardisation.scale if opened.shown.as_images else ()
        self._usual = usual_components(opened.shown.dim, scale)
        self._hand_over()

    def _switch(self) -> None:
        self._session.apply({"projection": self._before if self._session.in_pairs else "pairs"})
        self._show()

    def _follow(self, names: frozenset[str]) -> None:
        if "projection" in names:
            self._show()
        if "pairs" in names:
            self._hand_over()

    @Slot()
    def _show(self) -> None:
        self._grey()
        shown, state = self._session.in_pairs, self._session.state
        self._command.setChecked(shown)
        if state.projection != "pairs":
            self._before = state.projection
        if shown and self._plot is None:
            self._plot = self._make()
        if self._plot is None:
            return
        self._widen(shown)
        if shown:
            self._plots.bring_to_front(NAME, "forward")
        elif not self._plot.isHidden():
            # What came to the front by another's doing, such as images, stays there
            self._plots.bring_to_front("forward", "forward")

    def _widen(self, whole: bool) -> None:
        """Give the plot, which has both processes in it, the whole row, or the other process its part again."""
        place = self._plots["backward"].parentWidget()
        row = place.parentWidget() if place is not None else None
        if place is None or not isinstance(row, QSplitter) or place.isHidden() == whole:
            return
        if whole:
            self._sizes = row.sizes()
        place.setVisible(not whole)
        if not whole:
            row.setSizes(self._sizes)

    def _make(self) -> PairPlot:
        from dnf_studio.gui.features.pair_plot.plot import PairPlot

        plot = self._plot = PairPlot()
        plot.components_chosen.connect(lambda chosen: self._session.apply({"pairs": chosen}))
        self._hand_over()
        self._plots.put_behind("forward", NAME, plot)
        return plot

    def _hand_over(self) -> None:
        if self._plot is not None:
            chosen = self._session.state.pairs
            self._plot.set_components(tuple(k for k in chosen if k < self._session.dim) or self._usual)

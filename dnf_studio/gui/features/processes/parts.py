"""The modes or labels of the data as menus: choose the points of one, or show no others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu

from dnf_studio.core.sde.sample_settings import WAYS
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_plot import PointPlot
from dnf_studio.gui.workspace.state import choice
from dnf_studio.gui.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dnf_studio.gui.features.processes.colouring import Colouring

ALL = "&All of them"


class PartsMenus(QObject):
    """Offers each part once to be selected and once to be shown alone, and tells the plots which points are left.

    What is shown alone is a view of the points, no other model: curves and bars stay those of all points.
    """

    def __init__(self, workspace: Workspace, colouring: Colouring) -> None:
        super().__init__(workspace.parent)
        self._session, self._live, self._plots = workspace.session, workspace.live, workspace.plots
        self._colouring, self._comparison = colouring, workspace.comparison
        self._names: tuple[str, ...] = ()
        self._kept: list[dict[str, NDArray[np.bool_]]] = [{}, {}]
        self.select, self.only = QMenu("Select a &mode or label"), QMenu("Show only a mode or &label")
        self._group = QActionGroup(self.only)
        for menu, before in ((self.select, "invert-selection"), (self.only, "reset-view")):
            menu.setToolTipsVisible(True)
            workspace.commands.insert_menu(before, menu)
        self._offer(())
        colouring.parts_changed.connect(self._offer)
        colouring.parts_found.connect(self._show)
        self._session.changed.connect(self._follow)
        self._live.frame_changes.connect(self._show)
        self._comparison.frame_shown.connect(self._show)
        self._plots.added.connect(self._begin)

    @Slot(object)
    def _offer(self, names: tuple[str, ...]) -> None:
        """A choice for each part, so that its points can be looked at and exported alone."""
        if names != self._names and self._session.state.part >= 0:
            # The label of another data set says nothing about this one
            self._session.apply({"part": -1})
        self._names = names
        self.select.clear()
        self.only.clear()
        for number, name in enumerate(("", *names), start=-1):
            text = name.replace("&", "&&") if name else ALL
            shown = self.only.addAction(text)
            shown.setCheckable(True)
            shown.setChecked(number == self._session.state.part)
            shown.setToolTip(f"Show no points but those that belong to {name}" if name else "Show all points")
            shown.triggered.connect(partial(self._choose, number))
            self._group.addAction(shown)
            if name:
                chosen = self.select.addAction(text)
                chosen.setToolTip(f"Choose the points that belong to {name}, of the process that is chosen in")
                chosen.triggered.connect(partial(self._select, number))
        for menu in (self.select, self.only):
            menu.menuAction().setEnabled(bool(names))
        self._show()

    def _select(self, number: int, _checked: bool = False) -> None:
        found, direction = self._found(), self._session.state.listed
        if direction in found:
            chosen = np.flatnonzero(found[direction] == number)
            self._session.apply(choice(tuple(chosen.tolist()), direction))

    def _choose(self, number: int, _checked: bool = False) -> None:
        self._session.apply({"part": number})

    def _follow(self, names: frozenset[str]) -> None:
        if "part" in names:
            for number, action in enumerate(self.only.actions(), start=-1):
                action.setChecked(number == self._session.state.part)
            self._show()

    def _found(self, second: bool = False) -> dict[str, NDArray[np.uint8]]:
        """By direction the number of the part of each point (P,) of one model, as far as it is known."""
        frame, by_part = self._comparison.frame if second else self._live.frame, self._colouring.by_part
        if frame is None:
            return {}
        found = {name: by_part(frame.paths_of(name)[0], name, second) for name in WAYS}
        return {name: colours.buckets for name, colours in found.items() if colours is not None}

    @Slot()
    def _show(self) -> None:
        """Let every plot of points show those that are wanted."""
        part = self._session.state.part
        found = [self._found(second) if part >= 0 else {} for second in (False, True)]
        kept = [{name: numbers == part for name, numbers in each.items()} for each in found]
        if not any((*kept, *self._kept)):
            return
        self._kept = kept
        for plot in self._plots:
            self._begin(plot)

    @Slot(object)
    def _begin(self, plot: Plot) -> None:
        if isinstance(plot, PointPlot):
            plot.show_only(self._kept[plot.second], self._kept[True])

"""Choosing points: from clicks and regions in the views to the session, and from the session to every view."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

from dnf_studio.core.exploration.lineage import Mode, combined, mask_of
from dnf_studio.gui.plots.image_grid import ImageGrid
from dnf_studio.gui.plots.process_view import ProcessView
from dnf_studio.gui.plots.time_view import TimeView
from dnf_studio.gui.session import Session
from dnf_studio.gui.widgets.tools import Tools, mode_for

__all__ = ["Selecting", "after_click"]


class Selecting(QObject):
    """Writes what is clicked and encircled to the session and shows its selection in the views.

    A click beside every point clears the selection once it is certain that it was not the first
    half of a double click, which shows the whole again.
    """

    def __init__(
        self, session: Session, views: Sequence[ProcessView | TimeView], tools: Tools, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._tools = session, tools
        self._views: tuple[ProcessView | TimeView | ImageGrid, ...] = tuple(views)
        self.count = 0
        """How many points are shown."""
        self._clearing = QTimer(self)
        self._clearing.setSingleShot(True)
        self._clearing.setInterval(QApplication.doubleClickInterval())
        self._clearing.timeout.connect(self.clear)
        for view in views:
            self._connect(view)
        session.changed.connect(self._show)
        tools.changed.connect(self._take_tool)
        self._show(frozenset({"selection"}))

    def add(self, view: ImageGrid) -> None:
        """One more view to choose in and to show what is chosen."""
        self._views = (*self._views, view)
        self._connect(view)
        view.set_tool(self._tools.tool)
        view.set_selection(np.asarray(self._session.state.selection, np.intp))

    def clear(self) -> None:
        """Choose nothing."""
        self._clearing.stop()
        self._session.apply({"selection": ()})

    def choose_all(self) -> None:
        """Choose every point that is shown."""
        self._combine(np.arange(self.count), "replace", None)

    def invert(self) -> None:
        """Choose all points that are shown and not chosen."""
        chosen = mask_of(np.asarray(self._session.state.selection, np.intp), self.count)
        self._combine(np.flatnonzero(~chosen), "replace", None)

    def choose(self, points: tuple[int, ...], direction: str, adds: bool) -> None:
        """Choose `points`, the current one last, on their way in `direction`; with `adds` beside what is chosen."""
        self._clearing.stop()
        kept = tuple(p for p in self._session.state.selection if p not in points) if adds else ()
        self._session.apply({"selection": (*kept, *points), "direction": direction})

    def _connect(self, view: ProcessView | TimeView | ImageGrid) -> None:
        view.point_picked.connect(self._picked)
        view.region_chosen.connect(self._encircled)
        if not isinstance(view, TimeView):
            view.missed.connect(self._missed)
            view.double_clicked.connect(self._clearing.stop)

    def _picked(self, point: int, direction: str, adds: bool) -> None:
        self._clearing.stop()
        chosen = after_click(self._session.state.selection, point, adds, self._tools.mode)
        self._session.apply({"selection": chosen, "direction": direction})

    def _encircled(self, inside: NDArray[np.bool_], direction: str, modifiers: Qt.KeyboardModifier) -> None:
        self._combine(np.flatnonzero(inside), mode_for(self._tools.mode, modifiers), direction)

    def _combine(self, found: NDArray[np.intp], mode: Mode, direction: str | None) -> None:
        self._clearing.stop()
        state = self._session.state
        chosen = combined(state.selection, found, mode)
        self._session.apply({"selection": chosen, "direction": direction or state.direction})

    def _missed(self) -> None:
        if self._tools.mode == "replace":
            self._clearing.start()

    def _take_tool(self) -> None:
        for view in self._views:
            view.set_tool(self._tools.tool)

    def _show(self, names: frozenset[str]) -> None:
        if names & {"selection", "direction"}:
            # Once for all views: with 50,000 points that counts
            rows = np.asarray(self._session.state.selection, np.intp)
            for view in self._views:
                if isinstance(view, TimeView):
                    view.direction = self._session.state.direction
                view.set_selection(rows)


def after_click(selection: tuple[int, ...], point: int, adds: bool, mode: Mode = "replace") -> tuple[int, ...]:
    """What is chosen after a click on `point`, the current point last.

    It alone; with `adds`, a modifier, one more or less; else as the `mode` of the buttons says.
    """
    if not adds and mode == "replace":
        return (point,)
    others = tuple(other for other in selection if other != point)
    leaves = len(others) < len(selection) if adds else mode == "subtract"
    return others if leaves else (*others, point)

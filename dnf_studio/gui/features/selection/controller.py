"""Choosing points: from clicks and regions in the views to the session, and from the session to every view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

from dnf_studio.core.exploration.lineage import Mode, combined, mask_of
from dnf_studio.gui.drawing.theme import DIRECTIONS
from dnf_studio.gui.features.images.grid import ImageGrid
from dnf_studio.gui.features.processes.process_view import ProcessView
from dnf_studio.gui.features.processes.time_view import TimeView
from dnf_studio.gui.features.selection.tools import Tools, mode_for
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.state import CHOICE

__all__ = ["Selecting", "after_click", "choice"]


class Selecting(QObject):
    """Writes what is clicked and encircled to the session and shows its selection in the views.

    A selection belongs to the process it was made in, and one made in the other takes its place. Both share it only
    while the backward process starts from the forward ends.
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
        self._show(CHOICE)

    def add(self, view: ImageGrid) -> None:
        """One more view to choose in and to show what is chosen."""
        self._views = (*self._views, view)
        self._connect(view)
        view.set_tool(self._tools.tool)
        self._show(CHOICE)

    def clear(self) -> None:
        """Choose nothing."""
        self._clearing.stop()
        self._session.apply({"selection": ()})

    def choose_all(self) -> None:
        """Choose every point that is shown of the process that was chosen in last."""
        self._combine(np.arange(self.count), "replace")

    def invert(self) -> None:
        """Choose all points of the same process that are shown and not chosen."""
        chosen = mask_of(np.asarray(self._session.state.selection, np.intp), self.count)
        self._combine(np.flatnonzero(~chosen), "replace")

    def choose(self, points: tuple[int, ...], direction: str, adds: bool) -> None:
        """Choose `points` of the process `direction`, the current one last; with `adds` beside what is chosen there."""
        self._clearing.stop()
        kept = tuple(p for p in self._session.state.chosen_in(direction) if p not in points) if adds else ()
        self._session.apply(choice((*kept, *points), direction))

    def _connect(self, view: ProcessView | TimeView | ImageGrid) -> None:
        view.point_picked.connect(self._picked)
        if isinstance(view, TimeView):
            view.region_chosen.connect(self._passed)
        else:
            view.region_chosen.connect(self._encircled)
            view.missed.connect(self._missed)
            view.double_clicked.connect(self._clearing.stop)

    def _picked(self, point: int, direction: str, adds: bool) -> None:
        self._clearing.stop()
        state = self._session.state
        if self._tools.mode == "subtract" and not adds and not state.chosen_in(direction):
            return
        self._session.apply(choice(after_click(state.chosen_in(direction), point, adds, self._tools.mode), direction))

    def _encircled(self, inside: NDArray[np.bool_], direction: str, modifiers: Qt.KeyboardModifier) -> None:
        self._combine(np.flatnonzero(inside), mode_for(self._tools.mode, modifiers), direction)

    def _passed(self, found: Mapping[str, NDArray[np.bool_]], modifiers: Qt.KeyboardModifier) -> None:
        """A region in a view of both processes, with what it holds of each that is shown.

        It chooses of the one it holds most of, or of both as pairs; what adds or takes away stays with the process
        that is chosen in.
        """
        state, mode = self._session.state, mode_for(self._tools.mode, modifiers)
        most = max(found, key=lambda name: int(found[name].sum()))
        if mode != "replace" and state.selection and state.selection_of in found:
            most = state.selection_of
        inside = np.any(list(found.values()), axis=0) if state.paired else found[most]
        self._combine(np.flatnonzero(inside), mode, most)

    def _combine(self, found: NDArray[np.intp], mode: Mode, direction: str | None = None) -> None:
        self._clearing.stop()
        state = self._session.state
        whose = direction or state.selection_of
        before = state.chosen_in(whose)
        # Nothing can be taken from the points of the other process
        if mode != "subtract" or before:
            self._session.apply(choice(combined(before, found, mode), direction or state.listed, whose))

    def _missed(self) -> None:
        if self._tools.mode == "replace":
            self._clearing.start()

    def _take_tool(self) -> None:
        for view in self._views:
            view.set_tool(self._tools.tool)

    def _show(self, names: frozenset[str]) -> None:
        if names & CHOICE:
            state = self._session.state
            # Once for all views: with 50,000 points that counts
            rows = np.asarray(state.selection, np.intp)
            lit = {name: rows if state.chosen_in(name) else rows[:0] for name in DIRECTIONS}
            for view in self._views:
                if isinstance(view, TimeView):
                    view.set_selection(lit, state.listed)
                else:
                    view.set_selection(lit[view.direction])


def choice(selection: tuple[int, ...], direction: str, of: str | None = None) -> dict[str, object]:
    """The change of the session that chooses these points of the process `direction`, or of the process `of` and lists
    their paths of `direction`."""
    return {"selection": selection, "selection_of": of or direction, "direction": direction}


def after_click(selection: tuple[int, ...], point: int, adds: bool, mode: Mode = "replace") -> tuple[int, ...]:
    """What is chosen after a click on `point`, the current point last.

    It alone; with `adds`, a modifier, one more or less; else as the `mode` of the buttons says.
    """
    if not adds and mode == "replace":
        return (point,)
    others = tuple(other for other in selection if other != point)
    leaves = len(others) < len(selection) if adds else mode == "subtract"
    return others if leaves else (*others, point)

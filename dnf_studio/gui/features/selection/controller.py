"""Selecting points: the tool, whether it replaces, adds to or takes from the selection, and the buttons for both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication, QToolBar, QToolButton

from dnf_studio.core.exploration.lineage import Mode, combined, mask_of
from dnf_studio.core.sampling.region import Region
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_plot import PointPlot
from dnf_studio.gui.drawing.theme import DIRECTIONS
from dnf_studio.gui.workspace.commands import Commands
from dnf_studio.gui.workspace.state import CHOICE, after_click, choice
from dnf_studio.gui.workspace.workspace import Workspace

TOOLS = {"tool-pointer": "", "tool-rectangle": "rectangle", "tool-lasso": "lasso"}
MODES: dict[str, Mode] = {"mode-replace": "replace", "mode-add": "add", "mode-subtract": "subtract"}


class Tools(QObject):
    """The tool and the mode of selecting; like the time cursor they are not part of the state and not undone."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tool = ""
        """``rectangle``, ``lasso``, or nothing: the pointer, which chooses by clicks and moves the view."""
        self.mode: Mode = "replace"

    def set_tool(self, tool: str) -> None:
        """Choose with this tool from now on."""
        self.tool = tool
        self.changed.emit()

    def set_mode(self, mode: Mode) -> None:
        """Let newly selected points replace the selection, be added to it, or be taken from it."""
        self.mode = mode
        self.changed.emit()


class ToolStrip(QToolBar):
    """The buttons of tools and modes, one below the other."""

    def __init__(self, tools: Tools, commands: Commands) -> None:
        super().__init__("Choosing points")
        self.setObjectName("tools")
        self.setOrientation(Qt.Orientation.Vertical)
        self.setAccessibleName("Choosing points")
        self._tools, self._commands = tools, commands
        for key in (*TOOLS, None, *MODES):
            if key is None:
                self.addSeparator()
                continue
            self.addAction(commands[key])
            button = self.widgetForAction(commands[key])
            if isinstance(button, QToolButton):
                button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
                button.setAccessibleName(commands[key].text().replace("&", ""))
        for key, tool in TOOLS.items():
            commands.connect_to(key, partial(tools.set_tool, tool))
        for key, mode in MODES.items():
            commands.connect_to(key, partial(tools.set_mode, mode))
        tools.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        for key, tool in TOOLS.items():
            self._commands[key].setChecked(tool == self._tools.tool)
        for key, mode in MODES.items():
            self._commands[key].setChecked(mode == self._tools.mode)


def mode_for(mode: Mode, modifiers: Qt.KeyboardModifier) -> Mode:
    """The mode of a drag: Shift adds, Ctrl or Alt subtracts, else that of the buttons."""
    if modifiers & Qt.KeyboardModifier.ShiftModifier:
        return "add"
    if modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
        return "subtract"
    return mode


class SelectionController(QObject):
    """Writes what is clicked and encircled to the session and shows its selection in every plot of points.

    A selection belongs to the process it was made in, and one made in the other takes its place. Both share it only
    while the backward process starts from the forward ends.
    A click beside every point clears the selection once it is certain that it was not the first
    half of a double click, which shows the whole again.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._live = workspace.session, workspace.live
        self.tools = Tools(self)
        self._plots: list[PointPlot] = []
        self._region: Region | None = None
        self._clearing = QTimer(self, singleShot=True, interval=QApplication.doubleClickInterval())
        self._clearing.timeout.connect(self.clear)
        for plot in workspace.plots:
            self._add(plot)
        workspace.plots.added.connect(self._add)
        self._session.changed.connect(self._follow)
        self.tools.changed.connect(self._take_tool)
        workspace.add_strip(ToolStrip(self.tools, workspace.commands))
        for name, act in (
            ("select-all", self.choose_all),
            ("invert-selection", self.invert),
            ("clear-selection", self.clear),
        ):
            workspace.commands.connect_to(name, act)

    @property
    def count(self) -> int:
        """How many points are shown."""
        return 0 if self._live.frame is None else self._live.frame.forward.shape[1]

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

    @Slot(object)
    def _add(self, plot: Plot) -> None:
        """Connect one more plot to select points in and to show what is chosen."""
        if isinstance(plot, PointPlot):
            self._plots.append(plot)
            plot.point_picked.connect(self._picked)
            plot.region_outlined.connect(self._outlined)
            plot.region_chosen.connect(self._encircled)
            plot.missed.connect(self._missed)
            plot.double_clicked.connect(self._clearing.stop)
            plot.set_tool(self.tools.tool)
            self._show((plot,))

    def _picked(self, point: int, direction: str, adds: bool) -> None:
        self._clearing.stop()
        state = self._session.state
        if self.tools.mode == "subtract" and not adds and not state.chosen_in(direction):
            return
        self._session.apply(choice(after_click(state.chosen_in(direction), point, adds, self.tools.mode), direction))

    def _outlined(self, region: Region) -> None:
        self._region = region

    def _encircled(self, found: Mapping[str, NDArray[np.bool_]], modifiers: Qt.KeyboardModifier) -> None:
        """Select the points in a region, given those of each process that its plot shows.

        It chooses of the one it holds most of, or of both as pairs; what adds or takes away stays with the process
        that is chosen in.
        """
        state, mode = self._session.state, mode_for(self.tools.mode, modifiers)
        most = max(found, key=lambda name: int(found[name].sum()))
        if mode != "replace" and state.selection and state.selection_of in found:
            most = state.selection_of
        inside = np.any(list(found.values()), axis=0) if state.paired else found[most]
        # What is added or taken away is chosen by more than one region
        region, self._region = self._region if mode == "replace" else None, None
        self._combine(np.flatnonzero(inside), mode, most, region)

    def _combine(
        self, found: NDArray[np.intp], mode: Mode, direction: str | None = None, region: Region | None = None
    ) -> None:
        self._clearing.stop()
        state = self._session.state
        whose = direction or state.selection_of
        before = state.chosen_in(whose)
        # Nothing can be taken from the points of the other process
        if mode != "subtract" or before:
            change = choice(combined(before, found, mode), direction or state.listed, whose)
            self._session.apply(change | {"region": region})

    def _missed(self) -> None:
        if self.tools.mode == "replace":
            self._clearing.start()

    def _take_tool(self) -> None:
        for plot in self._plots:
            plot.set_tool(self.tools.tool)

    def _follow(self, names: frozenset[str]) -> None:
        if "selection" in names:
            # Whoever has chosen them: a click that missed before does not take them away
            self._clearing.stop()
        if names & CHOICE:
            self._show(self._plots)

    def _show(self, plots: Iterable[PointPlot]) -> None:
        state = self._session.state
        # Once for all plots: with 50,000 points that counts
        rows = np.asarray(state.selection, np.intp)
        chosen = {name: rows if state.chosen_in(name) else rows[:0] for name in DIRECTIONS}
        for plot in plots:
            plot.show_selection(chosen, state.listed)

"""The plots of the window by name, and the principal components that they share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QSplitter, QStackedWidget, QWidget

from dnf_studio.core.exploration.projection import PrincipalComponents, principal_components
from dnf_studio.gui.drawing.layers.device import forget_pictures
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.workspace.appearance import Appearance
from dnf_studio.workers.frames import Frame


class Plots(QObject):
    """Every plot that is in the window, in the order in which they came; all have the colours of the window."""

    added = Signal(object)
    """A `Plot` that was added."""
    offered = Signal(object, bool)
    """A `Plot`, and whether its tab is to be there."""

    def __init__(self, appearance: Appearance, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._appearance = appearance
        self._plots: dict[str, Plot] = {}
        appearance.changed.connect(self._set_theme)

    def __getitem__(self, name: str) -> Plot:
        return self._plots[name]

    def __iter__(self) -> Iterator[Plot]:
        return iter(self._plots.values())

    def name_of(self, plot: Plot) -> str:
        """The name under which `plot` was added; empty of one that was not."""
        return next((name for name, each in self._plots.items() if each is plot), "")

    @property
    def first(self) -> Iterator[Plot]:
        """Those that show the model that is open, and not the second one of a comparison."""
        return (plot for plot in self if not plot.second)

    @property
    def seconds(self) -> Iterator[Plot]:
        """Those that show the second model of a comparison."""
        return (plot for plot in self if plot.second)

    def named(self, name: str) -> Plot | None:
        """The plot of this name, if it is there yet."""
        return self._plots.get(name)

    def part_of_row(self, name: str) -> tuple[QWidget, QSplitter]:
        """The part of its row that the plot `name` is in, perhaps with others, and the row."""
        part: QWidget = self._plots[name]
        while (row := part.parentWidget()) is not None:
            if isinstance(row, QSplitter) and row.objectName():
                return part, row
            part = row
        raise ValueError(f"the plot '{name}' is in no row")

    def add(self, name: str, plot: Plot) -> None:
        """Add `plot` under `name`."""
        self._plots[name] = plot
        plot.set_theme(self._appearance.theme)
        self.added.emit(plot)

    def put_behind(self, name: str, other: str, plot: Plot) -> None:
        """Add `plot` as `other` and let it share the place of the plot `name`, which stays in front."""
        self._stack(name).addWidget(plot)
        self.add(other, plot)

    def bring_to_front(self, name: str, place: str) -> None:
        """Show the plot `name` in the place that it shares with the plot `place`; the keyboard's focus goes with it."""
        stack, plot = self._stack(place), self._plots[name]
        if stack.currentWidget() is plot:
            return
        focused = stack.window().focusWidget()
        keeps = focused is not None and stack.isAncestorOf(focused)
        if focused is not None and keeps:
            # Or Qt gives it to whatever comes next, as Tab does
            focused.clearFocus()
        stack.setCurrentWidget(plot)
        if keeps:
            plot.plot.setFocus(Qt.FocusReason.ActiveWindowFocusReason)

    def offer(self, name: str, offered: bool) -> None:
        """Let the tab of the plot `name` be there, or not while it has nothing to show."""
        self.offered.emit(self._plots[name], offered)

    def reset_ranges(self) -> None:
        """Fit every plot to what it shows."""
        for plot in self:
            plot.reset_view()

    def forget_hidden_pictures(self) -> None:
        """Let no plot keep a picture that nobody sees, such as one that a film or a figure had drawn meanwhile."""
        for plot in self:
            if not plot.isVisible():
                forget_pictures(plot.plot.scene())

    def _set_theme(self, theme: object) -> None:
        for plot in self:
            plot.set_theme(self._appearance.theme)

    def _stack(self, name: str) -> QStackedWidget:
        stack = self._plots[name].parentWidget()
        if not isinstance(stack, QStackedWidget):
            raise ValueError(f"the place of '{name}' is for one plot")
        return stack


class PrincipalAxes:
    """Finds the axes of a data set in its first complete frame and keeps them for all that follow.

    Until that one is there, its first points have to do.
    """

    def __init__(self) -> None:
        self._points: NDArray[np.float32] = np.empty((0, 0), np.float32)
        self._complete = False
        self._found: PrincipalComponents | None = None

    def follow(self, frame: Frame) -> PrincipalComponents | None:
        """The axes of the data of `frame`, the very same object as long as it is the same data.

        None for data of one or two components, which need none.
        """
        data = frame.forward[0]
        if data.shape[1] <= 2:
            return None
        if not self._knows(data) or (frame.complete and not self._complete):
            self._found = principal_components(data)
            self._points, self._complete = data, frame.complete
        return self._found

    def _knows(self, data: NDArray[np.float32]) -> bool:
        """Whether one of `data` and what the axes were found in begins with the other."""
        count = min(len(data), len(self._points))
        return count > 0 and np.array_equal(data[:count], self._points[:count])

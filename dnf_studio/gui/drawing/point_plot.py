"""Plots whose points can be chosen, and what the two ways of showing one process share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_colours import ColouredByPoint
from dnf_studio.gui.drawing.theme import Theme

__all__ = ["KEYS", "LINES", "MAPS", "POINTS", "Overlay", "PointPlot", "ProcessPlot"]

MAPS, LINES, POINTS, KEYS = 0, 4, 8, 12
"""Depths of what a view draws, from the ground up; layers of one kind are a few steps apart."""
TITLES = {"forward": "Forward: data → noise", "backward": "Backward: noise → data"}


class Overlay(Protocol):
    """What a feature draws over a plot."""

    def recolour(self, theme: Theme) -> None:
        """Give every part the colours of `theme`."""


class PointPlot(Plot):
    """A plot that shows points of one process or of both, of which some can be chosen."""

    point_picked = Signal(int, str, bool)
    """Point, direction, and whether it is one more or less."""
    region_chosen = Signal(object, object)
    """By direction that is shown, which points (P,) lie in the region that was drawn, and the modifiers."""
    missed = Signal()
    """A click beside all that can be chosen."""

    coloured: Mapping[str, ColouredByPoint]
    """By direction that is shown, what colours its points."""

    @abstractmethod
    def show_selection(self, chosen: Mapping[str, NDArray[np.intp]], listed: str) -> None:
        """Set the points off that are `chosen` in each direction; the Inspector lists paths of `listed`."""


class ProcessPlot(PointPlot):
    """The points of one process, ``forward`` or ``backward``."""

    captions: ClassVar[Mapping[str, str]]
    """For each direction, and for ``paired`` backward points, with a place for what moves the points."""

    def __init__(self, direction: str, empty: str, parent: QWidget | None = None) -> None:
        self.direction = self._direction = direction
        self._overlays: list[Overlay] = []
        caption = self.captions[direction].format(f"the {direction} SDE")
        super().__init__(TITLES[direction], caption, empty, parent, topic=direction)

    def add_overlay(self, overlay: Overlay, button: QWidget) -> None:
        """Let `overlay`, which has put its layers into `plot`, follow the theme, with its `button` in the header."""
        self._overlays.append(overlay)
        self.header.insertWidget(2, button)
        overlay.recolour(self.theme)

    @abstractmethod
    def set_selection(self, selection: NDArray[np.intp]) -> None:
        """Set these points off."""

    def show_selection(self, chosen: Mapping[str, NDArray[np.intp]], listed: str) -> None:
        """Set the points off that are chosen in its direction."""
        self.set_selection(chosen[self.direction])

    def set_moved(self, moved: str, addition: str = "", paired: bool = False) -> None:
        """What moves the points, such as “the forward SDE”, an addition to the direction in the title, and whether
        backward points start where the forward ones ended."""
        kind = "paired" if paired and self._direction == "backward" else self._direction
        self.set_words(TITLES[self._direction].replace(":", f"{addition}:"), self.captions[kind].format(moved))

    def title_mark(self) -> str:
        """The direction's mark before its name."""
        return f'<span style="color:{self.theme.direction(self._direction)}">●</span>&nbsp; '

    def recolour(self) -> None:
        """Also what others have drawn over it."""
        super().recolour()
        for overlay in self._overlays:
            overlay.recolour(self.theme)

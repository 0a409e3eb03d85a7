"""What the two ways of showing one process share: its title, and that its points can be chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.features.processes.feature import BACKWARD_HELP, FORWARD_HELP

__all__ = ["ProcessPlot"]

HELP = {"forward": FORWARD_HELP, "backward": BACKWARD_HELP}
TITLES = {"forward": "Forward: data → noise", "backward": "Backward: noise → data"}


class ProcessPlot(Plot):
    """The points of one process, ``forward`` or ``backward``."""

    captions: ClassVar[Mapping[str, str]]
    """For each direction, and for ``paired`` backward points, with a place for what moves the points."""

    point_picked = Signal(int, str, bool)
    """Point, direction, and whether it is one more or less."""
    region_chosen = Signal(object, str, object)
    """Which points (P,) lie in the region that was drawn, the direction, and the modifiers it was begun with."""
    missed = Signal()
    """A click beside all that can be chosen."""

    def __init__(self, direction: str, empty: str, parent: QWidget | None = None) -> None:
        self.direction = self._direction = direction
        caption = self.captions[direction].format(f"the {direction} SDE")
        super().__init__(TITLES[direction], caption, empty, parent, HELP[direction])

    def set_moved(self, moved: str, addition: str = "", paired: bool = False) -> None:
        """What moves the points, such as “the forward SDE”, an addition to the direction in the title, and whether
        backward points start where the forward ones ended."""
        kind = "paired" if paired and self._direction == "backward" else self._direction
        self.set_words(TITLES[self._direction].replace(":", f"{addition}:"), self.captions[kind].format(moved))

    def title_mark(self) -> str:
        """The direction's mark before its name."""
        return f'<span style="color:{self.theme.direction(self._direction)}">●</span>&nbsp; '

"""Plots whose points can be chosen, and what the two ways of showing one process share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.drawing.help import BACKWARD_STEP, FORWARD_STEP, Help
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_colours import ColouredByPoint
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.workers.frames import Frame

FORWARD = Help(
    "the forward process",
    "Each point begins at the data, t<sub>0</sub>, and is carried to noise by a learnt drift f and random kicks "
    "of strength g. The time cursor shows where all points are, standardised: each component less the data’s mean, "
    "over its standard deviation; wheel and drag zoom both processes, a double click shows the whole again. "
    "The tools at the left choose points by a rectangle or a lasso, at any time; Shift adds to what is chosen, "
    "Ctrl takes away. Density colours how many points are where, over the data set "
    "as grey dots; the signed difference where one process has more than the other, beyond two standard "
    "deviations of chance, in shares of the densest place; the log-density is the model’s at t<sub>0</sub> by the "
    "probability flow v. The arrows of a field point the way it moves points from data to noise, those of the "
    "score up the log-density; their length goes with the root of the strength.",
    (
        "dx = f(x, t) dt + g(t) dw",
        FORWARD_STEP,
        "log p(x) = log N(x(t<sub>N</sub>); 0, I) + ∫ ∇·v dt along dx/dt = v = f − ½ g² s",
    ),
    "(8), one step of it, (11), and the density of (17) with λ = 0",
)
BACKWARD = Help(
    "the backward process",
    "Each point begins as noise, t<sub>N</sub>, and is carried to a sample by the same drift, corrected by the "
    "learnt score s. λ scales its noise: 1 is the equation below, 0 the deterministic probability flow; other "
    "solvers step otherwise, as the “?” of the Sampling panel says. "
    "Density over the grey dots of the data set shows where the model lacks or exceeds data. "
    "The Sampling panel leaves out the score or the drift, to see what each does, or has each point start where "
    "the forward point of its number ended: the two are then a round trip, and a selection is one of both. "
    "The arrows of a field point the way it moves points from noise to data, those of the score up the "
    "log-density.",
    (
        "dx = [f(x, t) − g²(t) s(x, t)] dt + g(t) dw̄",
        BACKWARD_STEP,
        "with λ:  dx = [f − ½(1 + λ²) g² s] dt + λ g dw̄",
    ),
    "(9), one step of it, (12), and the family with the same marginals, (17)",
)
NOTHING: Mapping[str, NDArray[np.bool_]] = MappingProxyType({})
MAPS, LINES, POINTS, KEYS = 0, 4, 8, 12
"""Depths of what a view draws, from the ground up; layers of one kind are a few steps apart."""
TITLES = {"forward": "Forward: data → noise", "backward": "Backward: noise → data"}


class Overlay(Protocol):
    """What a feature draws over a plot."""

    def recolour(self, theme: Theme) -> None:
        """Give every part the colours of `theme`."""


class Kept:
    """Which points of each direction are shown where a mode or label is chosen; those of a direction not named all are.

    What is left out is no number in `masked`, so that points keep their places, and not there in `of`.
    """

    def __init__(self) -> None:
        self._kept: Mapping[str, NDArray[np.bool_]] = {}

    def change(self, kept: Mapping[str, NDArray[np.bool_]]) -> bool:
        """Show these from now on; whether that is a difference."""
        before, self._kept = self._kept, kept
        return before.keys() != kept.keys() or any(not np.array_equal(before[name], kept[name]) for name in kept)

    def masked(self, states: NDArray[np.float32], direction: str) -> NDArray[np.float32]:
        """`states` (…, P, K) with NaN for the points that are left out."""
        kept = self._kept.get(direction)
        if kept is None or len(kept) != states.shape[-2]:
            return states
        return np.where(kept[:, None], states, np.float32(np.nan))

    def of(self, states: NDArray[np.float32], direction: str) -> NDArray[np.float32]:
        """The `states` (…, P, K) of the points that are shown."""
        kept = self._kept.get(direction)
        return states if kept is None or len(kept) != states.shape[-2] else states[..., kept, :]


class PointPlot(Plot):
    """A plot that shows points of one process or of both, of which some can be chosen."""

    point_picked = Signal(int, str, bool)
    """Point, direction, and whether it is one more or less."""
    region_chosen = Signal(object, object)
    """By direction that is shown, which points (P,) lie in the region that was drawn, and the modifiers."""
    region_outlined = Signal(object)
    """The `Region` that was drawn, just before, where the plot shows a plane of the data's components."""
    missed = Signal()
    """A click beside all that can be chosen."""

    coloured: Mapping[str, ColouredByPoint]
    """By direction that is shown, what colours its points."""

    def add_parts(self) -> None:
        """Show all points at first."""
        self._kept, self._kept_of_second = Kept(), Kept()

    def show_only(
        self, kept: Mapping[str, NDArray[np.bool_]], of_second: Mapping[str, NDArray[np.bool_]] = NOTHING
    ) -> None:
        """Leave out the points (P,) of each direction that are not `kept`; of one that is not named all are shown.
        A plot of both models has other ones `of_second`."""
        if any([self._kept.change(kept), self._kept_of_second.change(of_second)]):
            self._take_points()

    def set_second(self, frame: Frame | None, way: str) -> None:
        """Show the `frame` of a second model too, as a ``split`` in two halves, as an ``overlay``, or with ``other``
        alone; None shows one model. A plot that has another one for the second model ignores it."""

    def _take_points(self) -> None:
        """Show what is kept of the frame; a plot of all points has nothing to do."""

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
        self._linked: list[ProcessPlot] = []
        self._said, self._added = "", ""
        caption = self.captions[direction].format(f"the {direction} SDE")
        super().__init__(TITLES[direction], caption, empty, parent, FORWARD if direction == "forward" else BACKWARD)
        self._last_stop: QWidget = self.plot

    def add_overlay(self, overlay: Overlay, button: QWidget | None = None) -> None:
        """Let `overlay`, which has put its layers into `plot`, follow the theme, with its `button` in the header.

        Tab comes from the plot to the buttons, whenever they were made.
        """
        self._overlays.append(overlay)
        if button is not None:
            self.header.insertWidget(2, button)
            self.setTabOrder(self._last_stop, button)
            self._last_stop = button
        overlay.recolour(self.theme)

    def twin(self, frame: Frame) -> ProcessPlot | None:
        """Another plot of what this one shows, of `frame`, which is painted at other times and never on the screen;
        None where there is no such thing."""
        return None

    @abstractmethod
    def set_selection(self, selection: NDArray[np.intp]) -> None:
        """Set these points off."""

    def show_selection(self, chosen: Mapping[str, NDArray[np.intp]], listed: str) -> None:
        """Set the points off that are chosen in its direction."""
        self.set_selection(chosen[self.direction])

    def let_through(self, seen: bool) -> None:
        """Let a map below the points be `seen` through them; a plot without such a map has nothing to do."""

    @abstractmethod
    def another(self) -> ProcessPlot:
        """One more of its kind for the same process, which shows nothing yet."""

    def link(self, other: ProcessPlot) -> None:
        """Pan and zoom together with `other` and all that move with it."""
        together = [self, *self._linked, other, *other._linked]
        for plot in together:
            plot._linked = [each for each in together if each is not plot]

    def set_moved(self, moved: str, addition: str = "", paired: bool = False) -> None:
        """What moves the points, such as “the forward SDE”, an addition to the direction in the title, and whether
        backward points start where the forward ones ended."""
        kind = "paired" if paired and self._direction == "backward" else self._direction
        self.set_words(TITLES[self._direction].replace(":", f"{addition}:"), self.captions[kind].format(moved))

    def set_words(self, title: str, caption: str) -> None:
        """Another title and caption, behind what `add_words` has put before it."""
        self._said = caption
        super().set_words(title, f"{self._added} {caption}".lstrip())

    def add_words(self, sentence: str) -> None:
        """Let the caption begin with `sentence`, which says what a layer is; with nothing it begins as before."""
        if sentence != self._added:
            self._added = sentence
            self.set_words(self._title_text, self._said or self.caption)

    def title_mark(self) -> str:
        """The direction's mark before its name."""
        return f'<span style="color:{self.theme.direction(self._direction)}">●</span>&nbsp; {super().title_mark()}'

    def recolour(self) -> None:
        """Also what others have drawn over it."""
        super().recolour()
        for overlay in self._overlays:
            overlay.recolour(self.theme)

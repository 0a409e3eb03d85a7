"""The log-density layer: of which models it is asked for, and when, and the menu that chooses whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor, log2
from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_plot import ProcessPlot
from dnf_studio.gui.drawing.theme import SECOND
from dnf_studio.gui.drawing.words import node_at
from dnf_studio.gui.features.log_density.overlay import ContourOverlay
from dnf_studio.gui.features.log_density.pictures import Pictures, Question
from dnf_studio.gui.widgets.choices import ChoiceMenu, grey_plane
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dnf_studio.core.exploration.log_density import Extent, LogDensity

WORDS = {
    "model": ("&Model", "The density of the probability-flow ODE that belongs to the model"),
    "exact": ("&Exact", "The density of the data, where it is known"),
    "difference": ("&Difference", "Model less exact: where the model has too much, and where too little"),
    "side": ("&Side by side", "The model in the forward view, the exact density in the backward view"),
}
TRAIN_SECONDS = 1.0
"""Least time between two pictures while a model trains."""
SETTLE_MS = 20
FRACTION = 16
"""Parts of the range to which a rectangle is rounded."""
PLANE = (
    "Log-density is drawn for two components only; of more, the pair plot and Show density have marginal ones, by "
    "counting points."
)
PAIR = "Choose two different components to see the log-density."


class LogDensityController(QObject):
    """Joins the log-density of both process views to session, cursor, weights and range.

    One question serves both views of a model. A coarse picture comes at once, finer ones follow; while a model trains
    only coarse ones of the newest weights, so that the run keeps the cores. A second model has the same range, and its
    views colours and lines at the levels of the first; drawn over it, it has its lines alone.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._live, self._studio = workspace.session, workspace.live, workspace.studio
        self._comparison = workspace.comparison
        self.overlays = {
            view.direction: ContourOverlay(view)
            for view in (workspace.plots["forward"], workspace.plots["backward"])
            if isinstance(view, ProcessPlot)
        }
        self.second_overlays: dict[str, ContourOverlay] = {}
        self._boxes = [workspace.plots[name].box for name in self.overlays]
        background, tell = self._studio.background, workspace.tell
        self.first = Pictures(background, self._show, tell, self._when_due)
        self.second = Pictures(background, self._show_second, tell, self._when_due)
        self.menu = ChoiceMenu("Log-density &map", self._session, {"contours": WORDS}, "contours")
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._ask)
        workspace.commands.insert_menu("reset-view", self.menu)
        grey_plane(self._session, workspace.commands["contours"], self.menu.menuAction(), ability="divergence")
        for overlay in self.overlays.values():
            overlay.button.setMenu(self.menu)
        for box in self._boxes:
            box.sigRangeChanged.connect(self._soon)
        self._session.changed.connect(self._follow)
        self._session.lacks_changed.connect(lambda: self._follow(frozenset({"layers"})))
        self._session.lacks_changed.connect(self._count_by)
        self._studio.opened.connect(self._count_by)
        self._session.cursor.moved.connect(self._place)
        workspace.live.frame_shown.connect(self._when_due)
        self._studio.training.phase_changed.connect(self._soon)
        workspace.plots.added.connect(self._begin)
        self._comparison.changed.connect(self._compare)
        self._comparison.frame_shown.connect(self._when_due)
        workspace.closing.now.connect(self._timer.stop)
        self._plots = workspace.plots
        self._follow(frozenset({"contours", "layers"}))

    @property
    def _on(self) -> bool:
        # What is chosen first: this is asked at every move of the cursor, and a whole state is made to answer the rest
        return "contours" in self._session.state.layers and "contours" in self._session.effective.layers

    @property
    def _two(self) -> bool:
        """Whether the second model is asked for too."""
        return self._on and self._comparison.second is not None and "contours" in self._comparison.effective.layers

    @property
    def _over(self) -> bool:
        return self._two and self._session.state.comparing == "overlay"

    @property
    def _training(self) -> bool:
        return self._studio.training.phase in (Phase.STARTING, Phase.RUNNING)

    @property
    def _all(self) -> Iterator[ContourOverlay]:
        yield from self.overlays.values()
        yield from self.second_overlays.values()

    @Slot(object)
    def _begin(self, plot: Plot) -> None:
        """Draw over a view of the second model too; its grids of images have no place for it."""
        if isinstance(plot, ProcessPlot) and self._plots.name_of(plot) == SECOND + plot.direction:
            overlay = self.second_overlays[plot.direction] = ContourOverlay(plot)
            overlay.button.setMenu(self.menu)
            overlay.set_choice(self._choices[plot.direction])
            self._count_by()
            self._compare()

    @property
    def _choices(self) -> dict[str, str]:
        """By direction whose density is drawn."""
        choice = self._session.state.contours
        return dict(zip(self.overlays, ("model", "exact") if choice == "side" else (choice,) * 2, strict=True))

    def _follow(self, names: frozenset[str]) -> None:
        if "contours" in names:
            for overlays in (self.overlays, self.second_overlays):
                for direction, overlay in overlays.items():
                    overlay.set_choice(self._choices[direction])
        if "layers" in names:
            for overlay in self.overlays.values():
                overlay.set_visible(self._on)
        if "units" in names:
            self._count_by()
        if names & {"layers", "axes", "projection"}:
            self.first.asked = None
            if not self._on:
                # What the views showed is gone with the layer
                self.first.clear()
        if names & {"layers", "axes", "projection", "comparing"}:
            self._compare()

    @Slot()
    def _compare(self) -> None:
        """Draw both models, where there are two, or one alone."""
        for overlay in self.second_overlays.values():
            overlay.set_visible(self._two and not self._over)
        for overlay in self.overlays.values():
            overlay.set_over(None)
        self.second.clear()
        self._count_by()
        self._place()
        self._soon()

    @Slot()
    def _count_by(self, *_: object) -> None:
        """Say densities by the units that places are written in."""
        second = self._comparison.second
        both = (self.overlays, self._studio.current), (self.second_overlays, second.opened if second else None)
        for overlays, opened in both:
            volume = self._volume(opened)
            for overlay in overlays.values():
                overlay.set_volume(volume)

    def _volume(self, opened: Opened | None) -> float | None:
        """The logarithm of the volume of a data unit, where densities are said by those."""
        standard = None if opened is None else opened.snapshot.standardisation
        by_data = standard is not None and standard.logit is None and self._session.data_units
        return standard.log_scale if by_data and standard is not None else None

    @Slot()
    def _soon(self, *_: object) -> None:
        """Look soon whether range or phase have changed."""
        self._wait(SETTLE_MS)

    @Slot()
    def _when_due(self, *_: object) -> None:
        """Look whether the weights have changed: at once where nothing trains, else when the next picture is due."""
        waits = self._training and self.first.asked is not None
        due = self.first.began + TRAIN_SECONDS - perf_counter() if waits else 0.0
        self._wait(max(SETTLE_MS, round(1e3 * due)))

    def _wait(self, milliseconds: int) -> None:
        if self._on and not 0 <= self._timer.remainingTime() <= milliseconds:
            self._timer.start(milliseconds)

    @Slot()
    def _place(self, *_: object) -> None:
        """Say at which step the points are where it is not t_0, which the density belongs to."""
        cursor, frame = self._session.cursor, self._comparison.frame
        theirs = 0 if frame is None else node_at(cursor.fraction * (len(frame.t) - 1))
        for overlays, node in ((self.overlays, cursor.node), (self.second_overlays, theirs)):
            for overlay in overlays.values():
                overlay.set_where(f"the points are at step {node}" if self._on and node else "")

    @Slot()
    def _ask(self) -> None:
        question, second = self._question(), self._comparison.second
        self.first.ask(question, not self._training)
        if question is not None and self._two and second is not None:
            self.second.ask((second.opened.snapshot, question[1], second.opened.dataset), not self._training)
        else:
            self.second.ask(None, whole=True)

    def _question(self) -> Question | None:
        """What is to be shown; None where there is nothing, which the views then say."""
        frame, opened = self._live.frame, self._studio.current
        if not self._on or frame is None or opened is None:
            return None
        state, snapshot = self._session.state, self._studio.explorer.newest.snapshot
        dim = frame.forward.shape[2]
        if snapshot is None or snapshot.dim != dim or dim < 2:
            return None
        if dim > 2 or state.axes[0] == state.axes[1]:
            for overlay in self._all:
                overlay.say(PLANE if dim > 2 else PAIR)
            return None
        seen = self._boxes[0].viewRect().united(self._boxes[1].viewRect())
        extent = rounded((seen.left(), seen.top(), seen.right(), seen.bottom()))
        if self._turned:
            extent = extent[1], extent[0], extent[3], extent[2]
        return snapshot, extent, opened.dataset

    @property
    def _turned(self) -> bool:
        """Whether the second component is the one across."""
        return self._session.state.axes[0] > self._session.state.axes[1]

    def _show(self, found: LogDensity, refining: bool) -> None:
        shown = found.transposed() if self._turned else found
        for overlay in self.overlays.values():
            overlay.set_found(shown, refining)
        for overlay in self.second_overlays.values():
            overlay.set_top(found.top)

    def _show_second(self, found: LogDensity, refining: bool) -> None:
        shown = found.transposed() if self._turned else found
        if self._over:
            for overlay in self.overlays.values():
                overlay.set_over(shown)
            return
        for overlay in self.second_overlays.values():
            overlay.set_found(shown, refining)


def rounded(extent: Extent) -> Extent:
    """`extent` outward to multiples of a power of two, so that a short way back and forth asks nothing new."""
    left, bottom, right, top = extent
    unit = 2.0 ** round(log2(max(right - left, top - bottom) / FRACTION))
    return floor(left / unit) * unit, floor(bottom / unit) * unit, ceil(right / unit) * unit, ceil(top / unit) * unit

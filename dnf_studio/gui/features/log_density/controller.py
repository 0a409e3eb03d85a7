"""The log-density layer: when it is computed, what is kept of it, and the menu that chooses whose it is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from math import ceil, floor, log2
from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from dnf_studio.errors import Check
from dnf_studio.gui.drawing.point_plot import ProcessPlot
from dnf_studio.gui.features.log_density.overlay import ContourOverlay
from dnf_studio.gui.widgets.choices import ChoiceMenu, grey_plane
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest, Work

if TYPE_CHECKING:
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.exploration.log_density import Extent, LogDensity
    from dnf_studio.workers.snapshot import Snapshot

WORDS = {
    "model": ("&Model", "The density of the probability-flow ODE that belongs to the model"),
    "exact": ("&Exact", "The density of the data, where it is known"),
    "difference": ("&Difference", "Model less exact: where the model has too much, and where too little"),
    "side": ("&Side by side", "The model in the forward view, the exact density in the backward view"),
}
KEPT = 8
"""Number of pictures kept, which are not computed again."""
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
Question = tuple["Snapshot", "Extent", "Dataset | None"]


class LogDensityController(QObject):
    """Joins the log-density of both process views to session, cursor, weights and range.

    One question serves both views. A coarse picture comes at once, finer ones follow; while a model trains
    only coarse ones of the newest weights, so that the run keeps the cores.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._live, self._studio = workspace.session, workspace.live, workspace.studio
        self.overlays = {
            view.direction: ContourOverlay(view)
            for view in (workspace.plots["forward"], workspace.plots["backward"])
            if isinstance(view, ProcessPlot)
        }
        self._boxes = [workspace.plots[name].box for name in self.overlays]
        self._kept: OrderedDict[tuple[object, ...], LogDensity] = OrderedDict()
        self._asked: Question | None = None
        self._drawn: LogDensity | None = None
        self._drawn_of: Question | None = None
        self._whole = True
        self._began = 0.0
        self.task = Newest(self._studio.background)
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
        self._tell = workspace.tell
        workspace.closing.now.connect(self._timer.stop)
        self._follow(frozenset({"contours", "layers"}))

    @property
    def _on(self) -> bool:
        return "contours" in self._session.effective.layers

    @property
    def _training(self) -> bool:
        return self._studio.training.phase in (Phase.STARTING, Phase.RUNNING)

    def _follow(self, names: frozenset[str]) -> None:
        choice = self._session.state.contours
        if "contours" in names:
            both = ("model", "exact") if choice == "side" else (choice,) * 2
            for overlay, each in zip(self.overlays.values(), both, strict=True):
                overlay.set_choice(each)
        if "layers" in names:
            for overlay in self.overlays.values():
                overlay.set_visible(self._on)
        if "units" in names:
            self._count_by()
        if names & {"layers", "axes", "projection"}:
            self._asked = None
            self._place()
            self._soon()
            if not self._on:
                # What the views showed is gone with the layer
                self._drawn = self._drawn_of = None
                self.task.cancel()

    @Slot()
    def _count_by(self, *_: object) -> None:
        """Say densities by the units that places are written in."""
        opened = self._studio.current
        standard = None if opened is None else opened.snapshot.standardisation
        by_data = standard is not None and standard.logit is None and self._session.data_units
        for overlay in self.overlays.values():
            overlay.set_volume(standard.log_scale if by_data and standard is not None else None)

    @Slot()
    def _soon(self, *_: object) -> None:
        """Look soon whether range or phase have changed."""
        self._wait(SETTLE_MS)

    @Slot()
    def _when_due(self, *_: object) -> None:
        """Look whether the weights have changed: at once where nothing trains, else when the next picture is due."""
        due = self._began + TRAIN_SECONDS - perf_counter() if self._training and self._asked is not None else 0.0
        self._wait(max(SETTLE_MS, round(1e3 * due)))

    def _wait(self, milliseconds: int) -> None:
        if self._on and not 0 <= self._timer.remainingTime() <= milliseconds:
            self._timer.start(milliseconds)

    @Slot()
    def _place(self, *_: object) -> None:
        """Say at which step the points are where it is not t_0, which the density belongs to."""
        node = self._session.cursor.node
        for overlay in self.overlays.values():
            overlay.set_where(f"the points are at step {node}" if self._on and node else "")

    @Slot()
    def _ask(self) -> None:
        question = self._question()
        if question is None:
            self._asked = None
            self.task.cancel()
            return
        found, whole = self._kept.get(_key(question)), not self._training
        done = found is not None and (found.complete or not whole)
        if self._same(question) and (done or (self.task.running and whole == self._whole)):
            return
        self._asked, self._whole = question, whole
        if found is not None:
            self._kept.move_to_end(_key(question))
            self._show(found, not done)
        if done:
            self.task.cancel()
            return
        self._began = perf_counter()
        self.task.start(_work(question, whole, found), self._take, self._tell, self._end)

    def _same(self, question: Question) -> bool:
        return self._asked is not None and _key(self._asked) == _key(question)

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
            for overlay in self.overlays.values():
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

    def _take(self, found: LogDensity) -> None:
        if self._asked is None:
            return
        if not self._whole:
            # No finer one follows while the model trains, but it does, of the same weights, once it rests
            found = replace(found, complete=False)
        self._kept[_key(self._asked)] = found
        self._kept.move_to_end(_key(self._asked))
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        refining = self._whole and not found.complete
        if self._finer(found):
            # A zoom into a fine picture does not make it coarse again
            for overlay in self.overlays.values():
                overlay.set_found(overlay.found, refining)
        else:
            self._show(found, refining)

    def _finer(self, found: LogDensity) -> bool:
        """Whether what is drawn shows all that is seen, of the same weights and data, finer than `found`."""
        drawn, of, asked = self._drawn, self._drawn_of, self._asked
        if drawn is None or of is None or asked is None or (of[0].version, of[2]) != (asked[0].version, asked[2]):
            return False
        holds = (
            of[1][0] <= asked[1][0] and of[1][1] <= asked[1][1] and of[1][2] >= asked[1][2] and of[1][3] >= asked[1][3]
        )
        return holds and drawn.x[1] - drawn.x[0] <= found.x[1] - found.x[0]

    def _end(self, _all: bool) -> None:
        """Ask again, in case something changed meanwhile."""
        self._when_due()

    def _show(self, found: LogDensity, refining: bool) -> None:
        self._drawn, self._drawn_of = found, self._asked
        shown = found.transposed() if self._turned else found
        for overlay in self.overlays.values():
            overlay.set_found(shown, refining)


def rounded(extent: Extent) -> Extent:
    """`extent` outward to multiples of a power of two, so that a short way back and forth asks nothing new."""
    left, bottom, right, top = extent
    unit = 2.0 ** round(log2(max(right - left, top - bottom) / FRACTION))
    return floor(left / unit) * unit, floor(bottom / unit) * unit, ceil(right / unit) * unit, ceil(top / unit) * unit


def _key(question: Question) -> tuple[object, ...]:
    snapshot, extent, data = question
    return snapshot.version, extent, data


def _work(question: Question, whole: bool, begun: LogDensity | None) -> Work[LogDensity]:
    """One kernel thread and one coarse picture while a model trains, else two and all of them."""

    def work(check: Check) -> Iterator[LogDensity]:
        from dnf_studio.core.exploration.log_density import SIZES, log_densities
        from dnf_studio.core.hardware import choose_hidden_type
        from dnf_studio.core.parallel import worker_threads

        snapshot, extent, data = question
        threads = min(2, worker_threads()) if whole else 1
        hidden = choose_hidden_type("auto", snapshot.flow.timestamps.device)
        return log_densities(snapshot.flow, extent, check, data, threads, SIZES if whole else SIZES[:1], begun, hidden)

    return work

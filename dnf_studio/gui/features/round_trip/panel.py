"""The Round trip panel: data to noise and back, and the map of its error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from dnf_studio.errors import Check, StudioError
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.drawing.words import short_number
from dnf_studio.gui.features.round_trip.error_map import ErrorHistogram, ErrorMap
from dnf_studio.gui.features.round_trip.form import RoundTripForm
from dnf_studio.gui.widgets.controls import caption
from dnf_studio.gui.workspace.state import CHOICE, after_click, choice
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.exploration.round_trip import RoundTrip, Way
    from dnf_studio.core.sde.sample_settings import SampleSettings
    from dnf_studio.core.sde.solvers import LastStep
    from dnf_studio.workers.frames import FrameRequest
    from dnf_studio.workers.snapshot import Snapshot

WORST = 20
STALE = "Out of date: weights or settings have changed since."
GO, CANCEL = "Carry &there and back", "&Cancel"


class RoundTripPanel(QWidget):
    """Chooses the way and N, carries the display set there and back away from the window, shows the error.

    It begins by itself when it is first seen, and anew when something is chosen in it; what changes
    elsewhere only marks the result.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace, self._session = workspace, workspace.session
        self._trip: RoundTrip | None = None
        self._total = 0
        self._basis: tuple[object, ...] = ()
        self._problem = ""
        self.task = Newest(workspace.studio.background)
        self.form, self.map, self.histogram = RoundTripForm(workspace.session), ErrorMap(), ErrorHistogram()
        self._make_controls()
        self._arrange()
        self.map.point_picked.connect(self._pick)
        self._session.changed.connect(self._follow)
        self._follow(CHOICE)
        workspace.live.frame_shown.connect(self._framed)
        workspace.studio.opened.connect(self._reopened)
        self._reopened()

    @property
    def trip(self) -> RoundTrip | None:
        """What is shown."""
        return self._trip

    def start(self) -> None:
        """Carry the points of the newest weights and settings there and back; nothing without a model."""
        wanted = self._wanted()
        if wanted is None or wanted.snapshot is None or wanted.data is None:
            return
        points = _shown(wanted.snapshot, wanted.data, wanted.request)
        self._basis, self._total = self._basis_of(wanted), len(points)
        way, last = cast("Way", self.form.way.currentData()), cast("LastStep", self.form.last.currentData())
        flow, settings = wanted.snapshot.flow, replace(wanted.request, steps=self.form.steps.value(), last=last)
        self._problem = ""

        def work(check: Check) -> Iterator[RoundTrip]:
            from dnf_studio.core.exploration.round_trip import round_trips

            return round_trips(flow, points, way, settings, check=check)

        self.task.start(work, self._take, self._fail, self._end)
        self._refresh()

    def set_theme(self, theme: Theme) -> None:
        """Recolour both plots."""
        self.map.set_theme(theme)
        self.histogram.set_theme(theme)

    def showEvent(self, event: QShowEvent) -> None:
        """What nobody asked for while it was hidden."""
        super().showEvent(event)
        if self._trip is None and not self.task.running:
            self.start()

    def _make_controls(self) -> None:
        self.cells = QCheckBox("&Mean of cells")
        self.cells.setToolTip("Colour small squares by the mean error of the points in them")
        self.button, self.bar = QPushButton(GO), QProgressBar()
        self.worst = QPushButton(f"Select the &worst {WORST}")
        self.worst.setToolTip("Choose the points that come back farthest off, in every view")
        self.numbers, self.stale = caption(), caption(STALE, warning=True)
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(6)
        self.bar.setAccessibleName("Points that are back")
        self.form.chosen.connect(self._chosen)
        self.form.placed.connect(self._draw)
        self.button.clicked.connect(self._pressed)
        self.worst.clicked.connect(self._choose_worst)
        self.cells.toggled.connect(self.map.set_binned)

    def _arrange(self) -> None:
        buttons, below = QHBoxLayout(), QHBoxLayout()
        buttons.addWidget(self.button)
        buttons.addWidget(self.bar, 1)
        below.addWidget(self.cells)
        below.addStretch(1)
        below.addWidget(self.worst)
        self.histogram.setMaximumHeight(170)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 8)
        column.addWidget(self.form)
        column.addLayout(buttons)
        column.addWidget(self.stale)
        column.addWidget(self.map, 1)
        column.addLayout(below)
        column.addWidget(self.histogram)
        column.addWidget(self.numbers)

    def _wanted(self) -> FrameRequest | None:
        """What the explorer shows or will show; None before there is a model."""
        if self._workspace.studio.current is None:
            return None
        wanted = self._workspace.studio.explorer.newest
        return wanted if wanted.ready else None

    def _basis_of(self, wanted: FrameRequest) -> tuple[object, ...]:
        """All that the result depends on beside what is chosen here."""
        version = wanted.snapshot.version if wanted.snapshot is not None else None
        sampling = self._session.state.sampling
        return version, id(wanted.data), sampling.grid, sampling.seed

    @Slot()
    def _reopened(self, _opened: object = None) -> None:
        """Another model: what was shown is not of it."""
        self.task.cancel()
        current = self._workspace.studio.current
        if current is not None:
            self.form.follow_steps(self._session.state.sampling.steps or current.shown.steps, anew=True)
        self._chosen()

    @Slot(object)
    def _framed(self, _frame: object) -> None:
        if self._trip is None and not self.task.running and not self._problem and self.isVisible():
            self.start()
        self._refresh()

    def _follow(self, names: frozenset[str]) -> None:
        state, current = self._session.state, self._workspace.studio.current
        if (
            "steps" in names
            and current is not None
            and self.form.follow_steps(state.sampling.steps or current.shown.steps)
        ):
            self._chosen()
        if names & CHOICE:
            self.map.set_selection(state.chosen_in("forward"))
        if names & {"axes", "projection"}:
            self._draw()
        if names & {"grid", "seed"}:
            self._refresh()

    @Slot()
    def _chosen(self) -> None:
        """Something else is asked for: at once where somebody looks, else when somebody does."""
        self._trip, self._problem = None, ""
        self._draw()
        if self.isVisible():
            self.start()
        self._refresh()

    @Slot()
    def _pressed(self) -> None:
        if self.task.running:
            # What a person has cancelled does not begin again with the next frame
            self._problem = "Cancelled." if self._trip is None else ""
            self.task.cancel()
        else:
            self.start()

    def _take(self, trip: RoundTrip) -> None:
        self._trip = trip
        self._draw()
        self._refresh()

    def _end(self, _whole: bool) -> None:
        self._refresh()

    def _fail(self, error: Exception) -> None:
        self._problem = str(error) if isinstance(error, StudioError) else "It could not be carried through."
        if not isinstance(error, StudioError):
            self._workspace.tell(error)

    @Slot(int, bool)
    def _pick(self, point: int, adds: bool) -> None:
        self._session.apply(choice(after_click(self._session.state.chosen_in("forward"), point, adds), "forward"))

    @Slot()
    def _choose_worst(self) -> None:
        if self._trip is not None:
            self._session.apply(choice(self._trip.worst(WORST), "forward"))

    def _draw(self) -> None:
        """Map and histogram of the result; empty where there is none."""
        trip = self._trip
        if trip is None:
            self.map.set_errors(np.empty((0, 2), np.float32), np.empty(0))
            self.histogram.set_errors(np.empty(0))
            return
        points = getattr(trip, self.form.place.currentData())
        self.map.set_errors(self._workspace.live.plane_of(points), trip.error)
        self.histogram.set_errors(trip.error)

    def _refresh(self) -> None:
        """Everything but the plots."""
        trip, wanted, running = self._trip, self._wanted(), self.task.running
        self.button.setText(CANCEL if running else GO)
        self.button.setToolTip(
            "Stop the computation" if running else "Carry the points of the newest weights to noise and back"
        )
        self.button.setEnabled(running or wanted is not None)
        done = len(trip.x0) if trip is not None and running else 0
        self.bar.setMaximum(max(1, self._total))
        self.bar.setValue(done)
        self.bar.setEnabled(running)
        old = trip is not None and not running and wanted is not None and self._basis_of(wanted) != self._basis
        self.stale.setVisible(old)
        self.worst.setEnabled(trip is not None and not running)
        self.numbers.setText(self._problem or ("" if trip is None else _sentence(trip)))


def _shown(snapshot: Snapshot, data: Tensor, request: SampleSettings) -> Tensor:
    """As many of the points as the views show, so that each has its number there."""
    from dnf_studio.workers.display_set import blocks

    return data[: blocks(len(data), request.steps or snapshot.steps, snapshot.dim)[-1].stop]


def _sentence(trip: RoundTrip) -> str:
    """The numbers of a result."""
    lost = f" {trip.lost:,} more left the finite numbers." if trip.lost else ""
    numbers = ", ".join(
        f"{name} {short_number(value)}"
        for name, value in (("root mean square", trip.rms), ("median", trip.median), ("worst", trip.largest))
    )
    return f"{len(trip.x0) - trip.lost:,} points, N = {trip.steps}: {numbers}, in model units.{lost}"

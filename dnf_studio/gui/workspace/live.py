"""The one place where session, explorer, run and views meet, driven by the explorer's word and two timers."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from dnf_studio.gui.frame.views import Views
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.state import SAMPLING
from dnf_studio.gui.workspace.studio import Studio
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.workers.excess import affordable
from dnf_studio.workers.fields import FieldRequest
from dnf_studio.workers.frames import Frame, InspectRequest

__all__ = ["Live"]

TICK_MS = 16
TRAINING_MS = 30
"""Between two moves of a playing cursor while a model trains, which needs the processor more."""
COMPARE_SECONDS = 1.0
"""Between two comparisons of marginals while a model trains."""


class Live(QObject):
    """Shows frames as they come, empties the report log at every tick, plays the cursor, and asks for new frames.

    A tick with nothing new looks into empty slots and draws nothing.
    """

    frame_shown = Signal(object)
    """A new `Frame` is in the views."""
    inspected = Signal(object)
    """A new `Inspection` of the point that is asked for."""
    field_found = Signal(object)
    """A new `FieldAnswer`."""
    excess_found = Signal(object)
    """A new `ExcessFrame`; None where another model was opened, of which nothing is known yet."""
    _told = Signal()
    compared = Signal(object)
    """A new `Comparison` of marginals."""
    failed = Signal(object)
    """An exception of the explorer's thread."""

    def __init__(self, session: Session, studio: Studio, views: Views, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._studio, self._views = session, studio, views
        self._last_move = perf_counter()
        self._inspect: InspectRequest | None = None
        self._field: FieldRequest | None = None
        self._exported: bool | None = None
        self._compared: tuple[Frame | None, float] = None, 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        # A clock of its own: counted in late ticks a cursor would come later still
        self._player = QTimer(self)
        self._player.setTimerType(Qt.TimerType.PreciseTimer)
        self._player.setInterval(TICK_MS)
        self._player.timeout.connect(self._play)
        studio.opened.connect(views.hold)
        studio.opened.connect(self._begin)
        session.changed.connect(self._ask)
        session.lacks_changed.connect(lambda: self._ask(SAMPLING))
        # From the explorer's thread: half a tick sooner than the next tick
        self._told.connect(self._take)

    def start(self) -> None:
        """Begin; the explorer must be running."""
        self._studio.explorer.tell(self._told.emit)
        self._studio.explorer.request(self._session.effective.sampling)
        self._studio.explorer.inspect(self._inspect)
        self._studio.explorer.field(self._field)
        self._last_move = perf_counter()
        self._timer.start()
        self._player.start()

    def inspect(self, asked: InspectRequest | None) -> None:
        """Ask for the numbers of one path, or of none; `inspected` brings them with every change."""
        self._inspect = asked
        if self._timer.isActive():
            self._studio.explorer.inspect(asked)

    def field(self, asked: FieldRequest | None) -> None:
        """Ask for the vector fields at one node, or none; `field_found` brings them with every change."""
        self._field = asked
        if self._timer.isActive():
            self._studio.explorer.field(asked)

    def stop(self) -> None:
        """Touch nothing any more."""
        if self._timer.isActive():
            self._timer.stop()
            self._player.stop()
            self._studio.explorer.tell(None)

    @Slot(object)
    def _begin(self, opened: Opened) -> None:
        """Of another model nothing is known yet, also where the settings are the same."""
        self._views.show_excess(None)
        self.excess_found.emit(None)
        self._views.set_excess_known(affordable(opened.snapshot))

    def _ask(self, names: frozenset[str]) -> None:
        if names & SAMPLING and self._timer.isActive():
            self._studio.explorer.request(self._session.effective.sampling)

    @Slot()
    def _tick(self) -> None:
        now = perf_counter()
        explorer = self._studio.explorer
        found = explorer.inspections.take()
        if found is not None and found.asked == self._inspect:
            self.inspected.emit(found)
        self._compare(now)
        error = explorer.errors.take()
        if error is not None:
            self.failed.emit(error)
        reports = self._studio.training.take_reports()
        if reports:
            self._views.loss.append(reports)
            self._studio.note_reports(reports, self._views.loss.smoothed)

    @Slot()
    def _take(self) -> None:
        """What the explorer has told of."""
        if not self._timer.isActive():
            return
        frame = self._studio.explorer.mailbox.take()
        if frame is not None:
            self._show(frame)
        excess = self._studio.explorer.excess.take()
        if excess is not None:
            if self._exported:
                # The backward paths that are shown are not the model's own
                excess = replace(excess, backward=excess.backward[:, :0])
            self._views.show_excess(excess)
            self.excess_found.emit(excess)
        found = self._studio.explorer.fields.take()
        if found is not None and self._field is not None:
            self.field_found.emit(found)

    def _compare(self, now: float) -> None:
        """Marginals of every complete frame that somebody sees, or is told of; while training, of one a second."""
        explorer, plot, frame = self._studio.explorer, self._views.marginals, self._views.frame
        found = explorer.comparing.found.take()
        if found is not None:
            plot.set_comparison(found)
            self.compared.emit(found)
        last, since = self._compared
        if frame is None or frame is last or not frame.complete or not (plot.isVisible() or frame.whole is not None):
            return
        if self._studio.training.phase is not Phase.RUNNING or now >= since + COMPARE_SECONDS:
            self._compared = frame, now
            explorer.compare(frame)

    @Slot()
    def _play(self) -> None:
        now = perf_counter()
        interval = TRAINING_MS if self._studio.training.phase is Phase.RUNNING else TICK_MS
        if interval != self._player.interval():
            self._player.setInterval(interval)
        self._session.cursor.advance(min(0.1, now - self._last_move))
        self._last_move = now

    def _show(self, frame: Frame) -> None:
        frame = self._with_export(frame)
        self._views.show_frame(frame)
        self.frame_shown.emit(frame)

    def _with_export(self, frame: Frame) -> Frame:
        """The samples of an opened export in place of the model's own, as long as the settings are theirs."""
        opened = self._studio.current
        export = opened.export if opened is not None else None
        if opened is None or export is None or export.paths is None or frame.weights != opened.snapshot.version:
            self._exported = None
            return frame
        fits = export.fits(frame)
        if self._exported is not None and fits != self._exported:
            self._studio.said.emit(
                opened.note
                if fits
                else f"The settings are no longer those of {export.name}: the backward view is the model's own."
            )
        self._exported = fits
        if not fits:
            return frame
        count = min(frame.forward.shape[1], export.paths.shape[1])
        steps = frame.step_disagreement[:, :count]
        return replace(
            frame, forward=frame.forward[:, :count], backward=export.paths[:, :count], step_disagreement=steps
        )

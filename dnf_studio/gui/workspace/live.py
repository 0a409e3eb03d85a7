"""Connects session, explorer and run: passes new frames on, driven by the explorer's signal and two timers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from dnf_studio.core.exploration.projection import PrincipalComponents
from dnf_studio.errors import LinkError
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.plots import PrincipalAxes
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.state import SAMPLING
from dnf_studio.gui.workspace.studio import Studio
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.workers.frames import Frame, InspectRequest

if TYPE_CHECKING:
    from dnf_studio.workers.crowd import CrowdRequest
    from dnf_studio.workers.excess import ExcessFrame
    from dnf_studio.workers.fields import FieldRequest

TICK_MS = 16
TRAINING_MS = 30
"""Milliseconds between two moves of a playing cursor while a model trains, which needs the processor more."""
FOLLOWING_MS = 60
"""The same while a script trains, whose loop and answers alone fill two cores."""
COMPARE_SECONDS = 1.0
"""Seconds between two comparisons of marginals while a model trains."""


class Live(QObject):
    """Hands on frames as they come, empties the report log at every tick, plays the cursor, and asks for new frames.

    A tick with nothing new looks into empty slots and emits nothing.
    """

    frame_changes = Signal()
    """Emitted before `frame_shown`: there is a new `frame`, which no plot shows yet."""
    frame_shown = Signal(object)
    """A new `Frame`, which is `frame` from now on."""
    reported = Signal(object)
    """The `StepReport`s of a run that came since the last tick."""
    inspected = Signal(object)
    """A new `Inspection` of the point that is asked for."""
    field_found = Signal(object)
    """A new `FieldAnswer`."""
    excess_found = Signal(object)
    """A new `ExcessFrame` of the settings that are shown, from now on `excess`; None where nothing is known."""
    excess_known = Signal(bool)
    """Whether the excess of the model that was opened will be looked for."""
    _told = Signal()
    crowd_found = Signal(object)
    """A new `Crowd` that follows the frame that is shown."""
    compared = Signal(object)
    """A new `Comparison` of marginals."""
    failed = Signal(object)
    """An exception of the explorer's thread."""

    def __init__(self, session: Session, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._studio = session, studio
        self._frame: Frame | None = None
        self._excess: ExcessFrame | None = None
        self._principal = PrincipalAxes()
        self.comparison_seen: Callable[[], bool] = lambda: False
        """Whether somebody sees the comparison of marginals, which is made for nobody else."""
        self.following = False
        """Whether a script trains the model that is shown."""
        self._last_move = perf_counter()
        self._inspect: InspectRequest | None = None
        self._field: FieldRequest | None = None
        self._crowd: CrowdRequest | None = None
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
        studio.opened.connect(self._begin)
        session.changed.connect(self._ask)
        session.lacks_changed.connect(lambda: self._ask(SAMPLING))
        # From the explorer's thread: half a tick sooner than the next tick
        self._told.connect(self._take)

    @property
    def frame(self) -> Frame | None:
        """The `Frame` that is shown; None before the first."""
        return self._frame

    @property
    def excess(self) -> ExcessFrame | None:
        """The excess as far as it is known of the settings that are shown."""
        return self._excess

    @property
    def principal(self) -> PrincipalComponents | None:
        """The principal components of the data that is shown; None of one or two components."""
        return self._principal.follow(self._frame) if self._frame is not None else None

    def plane_of(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """The two coordinates of `points` (…, D) that the views show, (…, 2), or the only one, (…, 1)."""
        last, state, principal = points.shape[-1] - 1, self._session.state, self.principal
        if state.projection == "principal" and principal is not None and len(principal.mean) == last + 1:
            return principal.project(points)
        shown = [min(axis, last) for axis in state.axes] if last else [0]
        return np.ascontiguousarray(points[..., shown], np.float32)

    def start(self) -> None:
        """Start the timers; the explorer must be running."""
        self._studio.explorer.tell(self._told.emit)
        self._studio.explorer.request(self._session.effective.sampling)
        self._studio.explorer.inspect(self._inspect)
        self._studio.explorer.field(self._field)
        self._studio.explorer.follow(self._crowd)
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

    def follow(self, asked: CrowdRequest | None) -> None:
        """Ask for more points than the display set has, or for none; `crowd_found` brings them as they come."""
        self._crowd = asked
        if self._timer.isActive():
            self._studio.explorer.follow(asked)

    def stop(self) -> None:
        """Stop the timers and emit nothing any more."""
        if self._timer.isActive():
            self._timer.stop()
            self._player.stop()
            self._studio.explorer.tell(None)

    @Slot(object)
    def _begin(self, opened: Opened) -> None:
        """Forget the excess: nothing is known yet of another model, even where the settings are the same."""
        self.show_excess(None)
        from dnf_studio.workers.excess import excess_affordable

        self.excess_known.emit(excess_affordable(opened.snapshot))

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
        if isinstance(error, LinkError):
            # Not in a dialog: it comes with every change once the script that holds the model has ended
            self._studio.said.emit(str(error))
        elif error is not None:
            self.failed.emit(error)
        reports = self._studio.training.take_reports()
        if reports:
            self.reported.emit(reports)

    @Slot()
    def _take(self) -> None:
        """Take what the explorer has left in its mailboxes, and emit it."""
        if not self._timer.isActive():
            return
        frame = self._studio.explorer.mailbox.take()
        if frame is not None:
            self.show(self._with_export(frame))
        excess = self._studio.explorer.excess.take()
        if excess is not None:
            if self._exported:
                # The backward paths that are shown are not the model's own
                excess = replace(excess, backward=excess.backward[:, :0])
            self.show_excess(excess)
        crowd = self._studio.explorer.crowd.take()
        if crowd is not None and self._crowd is not None and crowd.fits(self._frame):
            self.crowd_found.emit(crowd)
        found = self._studio.explorer.fields.take()
        if found is not None and self._field is not None:
            self.field_found.emit(found)

    def _compare(self, now: float) -> None:
        """Ask for the marginals of each complete frame, while training of one a second, where somebody sees them."""
        explorer, frame = self._studio.explorer, self._frame
        found = explorer.comparing.found.take()
        if found is not None:
            self.compared.emit(found)
        last, since = self._compared
        seen = frame is not None and (frame.whole is not None or self.comparison_seen())
        if frame is None or frame is last or not frame.complete or not seen:
            return
        if self._studio.training.phase is not Phase.RUNNING or now >= since + COMPARE_SECONDS:
            self._compared = frame, now
            explorer.compare(frame)

    @Slot()
    def _play(self) -> None:
        now = perf_counter()
        training = self._studio.training.phase is Phase.RUNNING
        interval = TRAINING_MS if training else FOLLOWING_MS if self.following else TICK_MS
        if interval != self._player.interval():
            self._player.setInterval(interval)
        self._session.cursor.advance(min(0.1, now - self._last_move))
        self._last_move = now

    def show(self, frame: Frame) -> None:
        """Make `frame` the one that is shown, and emit it."""
        self._frame = frame
        if self._excess is not None and not self._excess.fits(frame):
            self._excess = None
        self._session.cursor.set_steps(len(frame.t) - 1)
        self.frame_changes.emit()
        self.frame_shown.emit(frame)

    def show_excess(self, found: ExcessFrame | None) -> None:
        """Make this the excess that is shown, unless it is of settings that are no longer shown."""
        if found is None or found.fits(self._frame):
            self._excess = found
            self.excess_found.emit(found)

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
        steps = frame.contributions[:, :count]
        return replace(frame, forward=frame.forward[:, :count], backward=export.paths[:, :count], contributions=steps)

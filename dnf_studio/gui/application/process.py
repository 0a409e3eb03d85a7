"""What the process of the window has beside it: garbage, measures and what is written to the log."""

from __future__ import annotations

import gc
import platform
import signal
import socket
from pathlib import Path
from time import perf_counter

from PySide6.QtCore import QEvent, QObject, QSocketNotifier, QTimer, Signal, Slot
from PySide6.QtWidgets import QWidget

from dnf_studio.errors import StudioError, stop_signals
from dnf_studio.gui.workspace.log import LOGGER, versions
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.shown import data_label
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.frames import Frame

INTERVAL_MS = 250


class StopRequest(QObject):
    """Says `came` once a signal asks the program to end: from the event loop, whatever the signal interrupted.

    Raised as a KeyboardInterrupt it would end a paint event halfway, of which Qt died. Python's own part of a signal
    waits for Python code to run, which an idle window does not do: a byte through a socket wakes the event loop.
    """

    came = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._here, self._there = socket.socketpair()
        for end in (self._here, self._there):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._here.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._read)
        self._wakeup = signal.set_wakeup_fd(self._there.fileno(), warn_on_full_buffer=False)
        self._handlers = [(number, signal.signal(number, lambda *_: None)) for number in stop_signals()]

    def close(self) -> None:
        """Give the signals back to whoever had them."""
        for number, handler in self._handlers:
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._notifier.setEnabled(False)
        for end in (self._here, self._there):
            end.close()

    @Slot()
    def _read(self) -> None:
        if set(self._here.recv(4096)) & {number for number, _ in self._handlers}:
            self.came.emit()


class Garbage(QObject):
    """Collects in this thread from `start` on, with the collector of every other thread switched off."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._collect)

    @Slot()
    def start(self) -> None:
        """Begin; what there is by now, torch and the window, stays and is not looked at again."""
        if not self._timer.isActive():
            gc.disable()
            gc.freeze()
            self._timer.start()

    @Slot()
    def _collect(self) -> None:
        collect_garbage()


def collect_garbage() -> int | None:
    """Collect the oldest generation that Python's own collector would collect by now, and return it, or None."""
    for generation, (count, limit) in reversed(list(enumerate(zip(gc.get_count(), gc.get_threshold(), strict=True)))):
        if 0 < limit < count:
            gc.collect(generation)
            return generation
    return None


class Measures(QObject):
    """Counts paint events of one view and complete frames since the first of them.

    `started` is when the process started, on the clock of `time.perf_counter`.
    """

    def __init__(self, started: float, window: QWidget, view: QWidget) -> None:
        super().__init__(window)
        self._started = started
        self._window_at: float | None = None
        self._first_frame_at: float | None = None
        self._redraws = 0
        self._frames = 0
        self._view = view
        view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Count what is painted; nothing is held back."""
        if watched is self._view and event.type() == QEvent.Type.Paint:
            self._redraws += 1
            if self._window_at is None:
                self._window_at = perf_counter()
        return False

    def count_frame(self, frame: Frame) -> None:
        """A frame is in the views."""
        if self._first_frame_at is None:
            self._first_frame_at = perf_counter()
            self._redraws = 0
        elif frame.complete:
            self._frames += 1

    def results(self) -> dict[str, float | None]:
        """The four numbers that ``--json`` prints; null where it did not come so far."""
        since = None if self._first_frame_at is None else perf_counter() - self._first_frame_at
        return {
            "window_ms": self._milliseconds(self._window_at),
            "first_frame_ms": self._milliseconds(self._first_frame_at),
            "redraws_per_second": round(self._redraws / since, 2) if since else None,
            "model_frames_per_second": round(self._frames / since, 2) if since else None,
        }

    def _milliseconds(self, moment: float | None) -> float | None:
        return None if moment is None else round(1000 * (moment - self._started), 1)


class Recorder(QObject):
    """Start, opened files, runs, changes of their settings, and errors; of files their names alone."""

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        session, studio = workspace.session, workspace.studio
        self._studio = studio
        numbers = ", ".join(f"{name} {number}" for name, number in versions().items())
        LOGGER.info("started on %s: %s; device %s", platform.platform(), numbers, session.state.config.training.device)
        studio.opened.connect(self._opened)
        studio.said.connect(self._said)
        studio.training.phase_changed.connect(self._phase)
        workspace.parts["training"].said.connect(self._said)
        workspace.files.told.connect(self._told)

    def _opened(self, opened: Opened) -> None:
        shown = opened.shown
        data = Path(data_label(shown.data)).name
        LOGGER.info("shown: %s, data %s, %d components, N %d", Path(shown.title).name, data, shown.dim, shown.steps)

    def _said(self, sentence: str) -> None:
        LOGGER.info("%s", sentence)

    def _phase(self, phase: Phase) -> None:
        run = self._studio.training.run
        if run is None:
            LOGGER.info("run: %s", phase.value)
        else:
            done = f"{run.iteration:,} iterations, {run.seconds:.1f} s"
            LOGGER.info("run: %s, %s, device %s, %s", phase.value, done, run.device, run.precision)

    def _told(self, error: BaseException) -> None:
        known = isinstance(error, StudioError) and error.__cause__ is None
        LOGGER.error("%s: %s", type(error).__name__, error, exc_info=None if known else error)

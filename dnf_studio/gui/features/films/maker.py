"""Makes a film while the window goes on: pictures are painted here between other events, and packed in a thread."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from queue import Empty, Queue
from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtGui import QImage

from dnf_studio.errors import Check, StudioError
from dnf_studio.gui.features.films.script import Moment, Script
from dnf_studio.gui.features.films.stage import Stage, pixels_of
from dnf_studio.workers.background import Background, Task

if TYPE_CHECKING:
    from dnf_studio.core.storage.film import FilmPlan, Pixels
    from dnf_studio.gui.features.films.training import TrainingReel

AHEAD = 4
"""Pictures that are painted and not packed yet, at most."""
PAUSE_MS = 2
"""Between two pictures, for what else the window has to do."""
TURN = 0.04
"""Seconds in a turn of the event loop after which the next plot of a picture waits for another turn. With one plot a
turn a window that plays is painted five times for every picture, and films of two models take twice as long."""
WAIT_MS = 15
"""Until the next look whether there is room for another picture."""
SAMPLES = 5
"""Pictures that a GIF takes its colours from."""
PATIENCE = 0.2
Shots = Queue[tuple[QImage, int] | None]


class FilmMaker(QObject):
    """Writes one film at a time; cancelled or failed it leaves no file."""

    running_changed = Signal(bool)
    progressed = Signal(int, int, float)
    """Pictures painted, pictures of the film, seconds left."""
    written = Signal(object)
    """The path of the film, which is in place."""
    failed = Signal(str)
    """One sentence."""
    cancelled = Signal()

    def __init__(self, background: Background, tell: Callable[[Exception], object], parent: QObject) -> None:
        super().__init__(parent)
        self._background, self._tell = background, tell
        self._task = Task()
        self._queue: Shots = Queue()
        self._stage: Stage | None = None
        self._reel: TrainingReel | None = None
        self._rest: Iterator[tuple[Moment, int]] = iter(())
        self._next: tuple[Moment, int] | None = None
        self._picture: Iterator[QImage | None] | None = None
        """The one that is being painted."""
        self._done = self._whole = 0
        self._since = 0.0
        self._error: Exception | None = None
        self._clock = QTimer(self, singleShot=True)
        self._clock.timeout.connect(self._paint)

    @property
    def running(self) -> bool:
        """Whether a film is being written."""
        return self._task.running

    def start(self, stage: Stage, script: Script, plan: FilmPlan, reel: TrainingReel | None = None) -> None:
        """Begin to paint what `script` says on `stage`, which must stay as it is until the end.

        A film over training takes its frames from a `reel`.
        """
        self._queue = Queue(AHEAD + SAMPLES)
        self._stage, self._reel, self._error = stage, reel, None
        shots = list(script.shots())
        self._done, self._whole, self._since = 0, len(shots), perf_counter()
        # Over training there is no looking ahead
        samples = SAMPLES if plan.kind == ".gif" and reel is None else 0
        chosen = [shots[round(k * (len(shots) - 1) / (samples - 1))][0] for k in range(samples)]
        self._rest = iter([*((moment, 0) for moment in chosen), *shots])
        self._next = self._picture = None
        work = partial(_write, plan, self._queue, samples)
        self._task = self._background.start(work, self.written.emit, self._fail, self._end)
        if reel is not None:
            reel.start(self._background, self._give_up)
        self.running_changed.emit(True)
        self._clock.start(0)

    def cancel(self) -> None:
        """Leave no file; `cancelled` says when that is so."""
        self._clock.stop()
        self._task.cancel()
        if self._reel is not None:
            self._reel.cancel()

    @Slot()
    def _paint(self) -> None:
        """Paint a picture where there is room for it, or as many of its plots as a turn has time for."""
        if self._picture is None and self._queue.qsize() >= AHEAD:
            self._clock.start(WAIT_MS)
            return
        self._next = self._next or next(self._rest, None)
        if self._next is None:
            self._queue.put_nowait(None)
            return
        moment, stays = self._next
        self._picture = self._picture or self._painting(moment)
        if self._picture is None:
            self._clock.start(WAIT_MS)
            return
        end = perf_counter() + TURN
        while (picture := next(self._picture)) is None:
            if perf_counter() > end:
                self._clock.start(0)
                return
        self._next = self._picture = None
        self._queue.put_nowait((picture, stays))
        self._done += stays > 0
        left = (perf_counter() - self._since) / max(1, self._done) * (self._whole - self._done)
        self.progressed.emit(self._done, self._whole, left)
        self._clock.start(PAUSE_MS)

    def _painting(self, moment: Moment) -> Iterator[QImage | None] | None:
        """The picture, as a stage paints it; None while its frame is to come."""
        assert self._stage is not None
        if self._reel is None or moment.place is None:
            return self._stage.painting(moment.position)
        frame = self._reel.frame(moment.place)
        if frame is None:
            return None
        return self._stage.painting(moment.position, self._reel.reading(moment.place), frame)

    def _give_up(self, error: Exception) -> None:
        """There will be no more frames."""
        self._error = error
        self.cancel()

    def _fail(self, error: Exception) -> None:
        self._error = error

    def _end(self, whole: bool) -> None:
        self._clock.stop()
        self._stage = self._reel = self._picture = None
        error = self._error
        self.running_changed.emit(False)
        if isinstance(error, StudioError):
            self.failed.emit(str(error))
        elif error is not None:
            self.failed.emit("The film could not be written.")
            self._tell(error)
        elif not whole:
            self.cancelled.emit()


def _write(plan: FilmPlan, queue: Shots, samples: int, check: Check) -> Generator[object, None, None]:
    """Called in a thread: pack the pictures as they come."""
    from dnf_studio.core.storage.film import write_film

    shots = _taken(queue, check)
    write_film(plan, shots, [next(shots)[0] for _ in range(samples)])
    yield plan.path


def _taken(queue: Shots, check: Check) -> Iterator[tuple[Pixels, int]]:
    """The pictures of the queue until its end."""
    while True:
        check()
        try:
            shot = queue.get(timeout=PATIENCE)
        except Empty:
            continue
        if shot is None:
            return
        yield pixels_of(shot[0]), shot[1]

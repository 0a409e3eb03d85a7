"""The thread that alone computes display paths, from the newest weights and the newest request.

It imports torch itself, so whoever makes an `Explorer` pays nothing at start-up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread
from time import perf_counter
from typing import TYPE_CHECKING

from dnf_studio.errors import Cancelled, cancel_when
from dnf_studio.workers.explorer_requests import ExplorerRequests
from dnf_studio.workers.frames import Frame, FrameRequest
from dnf_studio.workers.threads import BEHIND, stand_back

if TYPE_CHECKING:
    from dnf_studio.workers.passes import Passes

FRAME_SECONDS = 0.45
"""Least time between two frames of new weights."""
PATIENCE = 0.25
"""Seconds that a pass may take to its first points although the settings have changed again: else a slider that is
moved without rest would show nothing before it stops."""
CROWD = 3.0
"""Seconds for further points to one for the excess, where both are wanted."""


class Explorer(ExplorerRequests):
    """Carries the display set through both SDEs and leaves frames in `mailbox`.

    New data cancels the running pass at once, a new request as soon as the first points of the pass have been shown;
    what is new is shown block by block as it grows. New weights alone let the running pass finish, so that frames keep
    coming while a model trains, and are shown only when complete, so that nothing flickers. The numbers of one point
    follow the frames in `inspections`, vector fields in `fields`, marginals in `comparing.found`, the excess, on more
    and more points, in `excess`. All methods may be called from any thread and return at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._spent = {True: 0.0, False: 0.0}
        self._done: FrameRequest | None = None
        self._running: FrameRequest | None = None
        self._patient_until = 0.0
        """Until when the running pass is let come to its first points; 0 where some have been shown."""
        self._answering = Lock()
        self._thread = Thread(target=self._work, name="dnf-explorer", daemon=True)
        self._thread.start()

    def close(self, seconds: float = 5.0) -> bool:
        """Cancel, end the thread and wait for it; False if it did not end in time."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        # Else two cores are shared in equal parts with the training and the window, which need them more
        stand_back(BEHIND)
        try:
            import torch

            from dnf_studio.workers.passes import Passes

            torch.set_num_threads(1)
            passes = Passes(lambda frame: self._post(passes, frame))
        except Exception as error:
            self.errors.put(error)
            return
        try:
            while self._next(passes):
                pass
        finally:
            passes.close()

    def _next(self, passes: Passes) -> bool:
        """Wait for work and do one piece of it; False when the thread is to end."""
        with self._condition:
            self._condition.wait_for(lambda: self._closing or self._pending() or self._has_questions())
            if self._closing:
                return False
            wanted = self._wanted
        try:
            if self._unanswered(self._pending()):
                self._answer(passes)
            elif self.comparing.waiting and not self._changed():
                with self._telling():
                    self.comparing.run(lambda: self._unanswered() or self._changed())
            elif self._pieces_due() and not (
                self._changed() if self._training and self._excess.brief else self._pending()
            ):
                # While a model trains newer weights always wait: the little that is looked for then goes first
                self._find_piece(passes)
            else:
                started = perf_counter()
                self._running, self._patient_until = wanted, started + PATIENCE
                # Two questions go to another process at once, which is idle between none of them
                remote = wanted.snapshot is not None and wanted.snapshot.flow.elsewhere is not None
                passes.use(1 if self._training and not remote else 2, self._shared)
                overtaken, between = (lambda w: self._overtaken(passes, w)), (lambda: self._find_piece(passes))
                passes.run(wanted, overtaken, self._training or wanted.hurried, between)
                self._done = wanted
                self._rest(wanted, started + FRAME_SECONDS - perf_counter())
        except Exception as error:
            self.errors.put(error)
            self._done = wanted
        return True

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Let what fails within be told, and not tried again."""
        try:
            yield
        except Exception as error:
            self.errors.put(error)

    def _has_questions(self) -> bool:
        return self._unanswered() or self.comparing.waiting or self._pieces_due()

    def _pieces_due(self) -> bool:
        """Whether there is more to find of what is still wanted; what is not is left to the next frame."""
        if self._framed is None or self._cancelled(self._framed):
            return False
        return self._excess.pending or self._crowd.pending

    def _find_piece(self, passes: Passes) -> None:
        """Compute a piece of the excess or of the crowd unless a change is to be shown; answer meanwhile."""
        shown = self._framed
        if shown is None:
            return
        crowded = self._crowd_is_next()
        started = perf_counter()
        with self._telling(), suppress(Cancelled):
            overtaken = cancel_when(lambda: self._overtaken(passes, shown) or self.comparing.waiting)
            (self._crowd if crowded else self._excess).run(overtaken, passes.pool(self._shared))
        self._spent[crowded] += perf_counter() - started

    def _crowd_is_next(self) -> bool:
        """Whether a piece of the crowd is due: of the time since both wait it gets `CROWD` for one of the excess, whose
        pieces are up to twenty times as long; it was asked for, and the excess of a few points is soon there."""
        if not (self._crowd.pending and self._excess.pending):
            self._spent = {True: 0.0, False: 0.0}
            return self._crowd.pending
        return self._spent[True] <= CROWD * self._spent[False]

    def _overtaken(self, passes: Passes, wanted: FrameRequest) -> bool:
        """Whether to end the pass for `wanted`; a point asked for is answered at once, not after a long pass.

        Two threads of a pass may be here at the same time.
        """
        if self._unanswered(busy=True):
            with self._answering:
                if self._unanswered(busy=True):
                    self._answer(passes)
        early = wanted is self._running and perf_counter() < self._patient_until
        return self._left(wanted) if early else self._cancelled(wanted)

    def _post(self, passes: Passes, frame: Frame) -> None:
        """Post a frame, and with the first one of a pass the numbers that belong to it."""
        with self._condition:
            newest, running = self._wanted, self._running
            if running is None or newest.data is not running.data or newest.turn is not running.turn:
                # Something else has been opened, or looked back at, in the meantime
                return
            self.mailbox.put(frame)
        self._tell()
        self._framed, self._patient_until = self._running, 0.0
        self._fields.show(frame, self._framed)
        self._excess.show(frame, running, self._training or running.hurried)
        self._crowd.show(frame, running, self._training or running.hurried)
        if self._unanswered(busy=True):
            self._answer(passes)

    def _answer(self, passes: Passes) -> None:
        """Answer the requests: the numbers of a point before a field, which takes longer."""
        with self._telling():
            if self._points.pending(self._framed):
                self._points.answer(passes, self._framed)
            else:
                self._fields.answer()

    def _unanswered(self, busy: bool = False) -> bool:
        """Whether somebody waits for an answer that is due; a field leaves time to a pass where there is one."""
        return self._points.pending(self._framed) or (self._fields.pending and not (busy and self._fields.resting))

    def _rest(self, wanted: FrameRequest, seconds: float) -> None:
        """While a model trains, leave it the time until the next frame is due."""
        if self._training and seconds > 0:
            with self._condition:
                self._condition.wait_for(
                    lambda: not self._training or self._cancelled(wanted) or self._unanswered(), seconds
                )

    def _pending(self) -> bool:
        return self._wanted is not self._done and self._wanted.ready

    def _changed(self) -> bool:
        """Whether the thread ends or something else than newer weights waits to be shown."""
        return self._closing or (self._pending() and (self._done is None or self._cancelled(self._done)))

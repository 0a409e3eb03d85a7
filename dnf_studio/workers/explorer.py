"""The thread that alone computes display paths, from the newest weights and the newest request.

It imports torch itself, so whoever makes an `Explorer` pays nothing at start-up.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from threading import Condition, Lock, Thread
from time import perf_counter
from typing import TYPE_CHECKING

from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import Cancelled, cancel_when
from dnf_studio.workers.excess import ExcessFrame, ExcessWatch
from dnf_studio.workers.fields import FieldRequest, FieldWatch
from dnf_studio.workers.frames import Frame, FrameRequest, Inspection, InspectRequest
from dnf_studio.workers.marginals import MarginalsWorker
from dnf_studio.workers.threads import Mailbox, stand_back

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.workers.passes import Passes
    from dnf_studio.workers.snapshot import Snapshot

FRAME_SECONDS = 0.45
"""Least time between two frames of new weights."""


class Explorer:
    """Carries the display set through both SDEs and leaves frames in `mailbox`.

    A new request or new data cancels the running pass at once and is shown block by block as it
    grows. New weights alone let the running pass finish, so that frames keep coming while a model
    trains, and are shown only when complete, so that nothing flickers. The numbers of one point follow
    the frames in `inspections`, vector fields in `fields`, marginals in `comparing.found`, the excess, on more and
    more points, in `excess`. All methods may be called from any thread and return at once.
    """

    def __init__(self) -> None:
        self.mailbox: Mailbox[Frame] = Mailbox()
        self.inspections: Mailbox[Inspection] = Mailbox()
        self.errors: Mailbox[Exception] = Mailbox()
        self.comparing = MarginalsWorker()
        self._told: Callable[[], None] | None = None
        self._fields = FieldWatch(self._tell)
        self.fields = self._fields.mailbox
        self.excess: Mailbox[ExcessFrame] = Mailbox()
        self._excess = ExcessWatch(self._post_excess)
        self._condition = Condition()
        self._wanted = FrameRequest()
        self._done: FrameRequest | None = None
        self._running: FrameRequest | None = None
        self._framed: FrameRequest | None = None
        self._asked: InspectRequest | None = None
        self._answered: tuple[object, ...] = ()
        self._answering = Lock()
        self._closing = self._training = False
        self._thread = Thread(target=self._work, name="dnf-explorer", daemon=True)
        self._thread.start()

    def publish(self, snapshot: Snapshot, data: Tensor | None = None) -> None:
        """Show these weights from now on, with another display set where one is given."""
        with self._condition:
            if data is not None:
                # What nobody has taken is of what was opened before
                self.mailbox.take()
                self.excess.take()
            self._want(lambda w: FrameRequest(snapshot, w.request, w.data if data is None else data, perf_counter()))

    def request(self, request: SampleSettings) -> None:
        """Compute the frames by these settings from now on."""
        self._want(lambda w: FrameRequest(w.snapshot, request, w.data, perf_counter()))

    def set_data(self, x0: Tensor) -> None:
        """Start the forward process from these points (P, D), model units, which nobody changes any more."""
        self._want(lambda w: FrameRequest(w.snapshot, w.request, x0, perf_counter()))

    @property
    def newest(self) -> FrameRequest:
        """What is or will be shown: the newest weights, points and settings."""
        return self._wanted

    def inspect(self, asked: InspectRequest | None) -> None:
        """Inspect this path, now and whenever what is shown changes; None stops it."""
        with self._condition:
            self._asked = asked
            self._condition.notify()

    def compare(self, frame: Frame | None) -> None:
        """Compare the marginals of this frame once nothing else changes the picture; None stops it."""
        with self._condition:
            self.comparing.ask(frame)
            self._condition.notify()

    def field(self, asked: FieldRequest | None) -> None:
        """Compute the vector fields there, now and whenever what is shown changes; None stops it."""
        with self._condition:
            self._fields.ask(asked)
            self._condition.notify()

    def tell(self, told: Callable[[], None] | None) -> None:
        """Call this, in the explorer's thread, when there is something new in `mailbox`, `fields` or `excess`."""
        self._told = told

    def set_training(self, training: bool) -> None:
        """Whether a model trains, which needs the cores: the next passes then use one thread instead of two.

        When it no longer does, what is shown is computed once more, in float32.
        """
        if training != self._training:
            self._training = training
            if not training:
                self._want(lambda w: FrameRequest(w.snapshot, w.request, w.data, perf_counter()))

    def close(self, seconds: float = 5.0) -> bool:
        """Cancel, end the thread and wait for it; False if it did not end in time."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _want(self, change: Callable[[FrameRequest], FrameRequest]) -> None:
        with self._condition:
            self._wanted = change(self._wanted)
            self._condition.notify()

    def _work(self) -> None:
        # Else two cores are shared in equal parts with the training and the window, which need them more
        stand_back()
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
                self._compare()
            elif self._excess_due() and not (
                self._changed() if self._training and self._excess.brief else self._pending()
            ):
                # While a model trains newer weights always wait: the little that is looked for then goes first
                self._find_excess(passes)
            else:
                started = perf_counter()
                self._running = wanted
                passes.use(1 if self._training else 2)
                overtaken, between = (lambda w: self._overtaken(passes, w)), (lambda: self._find_excess(passes))
                passes.run(wanted, overtaken, self._training, between)
                self._done = wanted
                self._rest(wanted, started + FRAME_SECONDS - perf_counter())
        except Exception as error:
            self.errors.put(error)
            self._done = wanted
        return True

    def _has_questions(self) -> bool:
        return self._unanswered() or self.comparing.waiting or self._excess_due()

    def _excess_due(self) -> bool:
        """Whether there is more to find of what is still wanted; what is not is left to the next frame."""
        return self._excess.pending and self._framed is not None and not self._cancelled(self._framed)

    def _compare(self) -> None:
        """Compare the marginals of the waiting frame; what failed is not tried again."""
        try:
            self.comparing.run(lambda: self._unanswered() or self._changed())
        except Exception as error:
            self.errors.put(error)

    def _find_excess(self, passes: Passes) -> None:
        """Compute the next piece of the excess unless a change is to be shown; answer questions meanwhile."""
        shown = self._framed
        if shown is None:
            return
        try:
            overtaken = cancel_when(lambda: self._overtaken(passes, shown) or self.comparing.waiting)
            self._excess.run(overtaken, passes.pool)
        except Cancelled:
            return
        except Exception as error:
            self.errors.put(error)

    def _post_excess(self, found: ExcessFrame) -> None:
        """Post an excess, unless something else is to be shown in the meantime."""
        with self._condition:
            if self._framed is None or self._cancelled(self._framed):
                return
            self.excess.put(found)
        self._tell()

    def _overtaken(self, passes: Passes, wanted: FrameRequest) -> bool:
        """Whether to end the pass for `wanted`; a point asked for is answered at once, not after a long pass.

        Two threads of a pass may be here at the same time.
        """
        if self._unanswered(busy=True):
            with self._answering:
                if self._unanswered(busy=True):
                    self._answer(passes)
        return self._cancelled(wanted)

    def _post(self, passes: Passes, frame: Frame) -> None:
        """Post a frame, and with the first one of a pass the numbers that belong to it."""
        with self._condition:
            if self._running is None or self._wanted.data is not self._running.data:
                # Something else has been opened in the meantime
                return
            self.mailbox.put(frame)
        self._tell()
        self._framed = self._running
        self._fields.show(frame, self._framed)
        self._excess.show(frame, self._framed, self._training)
        if self._unanswered(busy=True):
            self._answer(passes)

    def _tell(self) -> None:
        told = self._told
        if told is not None:
            told()

    def _answer(self, passes: Passes) -> None:
        """Answer the requests: the numbers of a point before a field, which takes longer."""
        if not self._point_unanswered():
            try:
                self._fields.answer()
            except Exception as error:
                self.errors.put(error)
            return
        asked, shown = self._asked, self._framed
        if asked is None or shown is None:
            return
        self._answered = _question(asked, shown)
        try:
            found = passes.inspect(shown, asked)
        except Exception as error:
            self.errors.put(error)
            return
        if found is not None:
            self.inspections.put(found)

    def _unanswered(self, busy: bool = False) -> bool:
        """Whether somebody waits for an answer that is due; a field leaves time to a pass where there is one."""
        return self._point_unanswered() or (self._fields.pending and not (busy and self._fields.resting))

    def _point_unanswered(self) -> bool:
        asked, shown = self._asked, self._framed
        if asked is None or shown is None:
            return False
        return any(a is not b for a, b in zip_longest(_question(asked, shown), self._answered))

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

    def _cancelled(self, wanted: FrameRequest) -> bool:
        """Whether the pass for `wanted` has been overtaken by more than newer weights."""
        newest = self._wanted
        return self._closing or newest.request is not wanted.request or newest.data is not wanted.data


def _question(asked: InspectRequest, shown: FrameRequest) -> tuple[object, ...]:
    """The key of all that the numbers of a point depend on."""
    return asked, shown.snapshot, shown.request, shown.data

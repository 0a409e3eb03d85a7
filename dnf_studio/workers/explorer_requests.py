"""What is asked of the explorer, from any thread, and the mailboxes in which its answers lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from threading import Condition
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.workers.crowd import Crowd, CrowdRequest, CrowdWatch
from dnf_studio.workers.excess import ExcessFrame, ExcessWatch
from dnf_studio.workers.fields import FieldRequest, FieldWatch
from dnf_studio.workers.frames import Frame, FrameRequest, InspectRequest
from dnf_studio.workers.marginals import MarginalsWorker
from dnf_studio.workers.points import PointWatch
from dnf_studio.workers.threads import Mailbox

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.workers.snapshot import Snapshot

P = TypeVar("P")


class ExplorerRequests:
    """The newest wishes of the window, of which only these count. All public methods return at once."""

    def __init__(self) -> None:
        self.mailbox: Mailbox[Frame] = Mailbox()
        self._told: Callable[[], None] | None = None
        self._points = PointWatch(self._tell)
        self.inspections = self._points.mailbox
        self.errors: Mailbox[Exception] = Mailbox()
        self.comparing = MarginalsWorker()
        self._fields = FieldWatch(self._tell)
        self.fields = self._fields.mailbox
        self.excess: Mailbox[ExcessFrame] = Mailbox()
        self._excess = ExcessWatch(partial(self._post_piece, self.excess))
        self.crowd: Mailbox[Crowd] = Mailbox()
        self._crowd = CrowdWatch(partial(self._post_piece, self.crowd))
        self._condition = Condition()
        self._wanted = FrameRequest()
        self._framed: FrameRequest | None = None
        self._now: Snapshot | None = None
        self._closing = self._training = self._past = self._shared = False

    def publish(self, snapshot: Snapshot, data: Tensor | None = None) -> None:
        """Show these weights from now on, with another display set where given; else not while one looks back."""
        with self._condition:
            self._now = snapshot
            if data is not None:
                self._past = False
                self._empty()
                self._want(snapshot=snapshot, data=data, hurried=False)
            elif not self._past:
                self._want(snapshot=snapshot)

    def look_back(self, past: Snapshot | None, at_once: bool = True, hurried: bool = False) -> None:
        """Show the weights of `past`, whatever is published meanwhile, until None comes back to the newest.

        They are shown as a change of settings is, at once and block by block, or else when all points are there;
        `hurried` where the next ones follow soon.
        """
        with self._condition:
            turn = self._wanted.turn
            if at_once or self._past != (past is not None):
                turn = object()
                self._empty()
            self._past = past is not None
            self._want(snapshot=past or self._now, turn=turn, hurried=hurried)

    def request(self, request: SampleSettings) -> None:
        """Compute the frames by these settings from now on; of the same ones nothing is computed again."""
        with self._condition:
            if request != self._wanted.request:
                self._want(request=request)

    def set_data(self, x0: Tensor) -> None:
        """Start the forward process from these points (P, D), model units, which nobody changes any more."""
        self._want(data=x0)

    @property
    def newest(self) -> FrameRequest:
        """What is or will be shown: the newest weights, points and settings."""
        return self._wanted

    def inspect(self, asked: InspectRequest | None) -> None:
        """Inspect this path, now and whenever what is shown changes; None stops it."""
        with self._condition:
            self._points.ask(asked)
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

    def follow(self, asked: CrowdRequest | None) -> None:
        """Carry so many points in all, the further ones for `crowd` alone; None leaves it at the display set."""
        with self._condition:
            self._crowd.ask(asked)
            self.crowd.take()
            self._condition.notify()

    def tell(self, told: Callable[[], None] | None) -> None:
        """Call this, in the explorer's thread, when there is something new in a mailbox."""
        self._told = told

    def set_training(self, training: bool) -> None:
        """Whether a model trains, which needs the cores: the next passes then use one thread instead of two.

        When it no longer does, what is shown is computed once more, in float32.
        """
        if training != self._training:
            self._training = training
            if not training:
                self._want()

    def share(self, shared: bool) -> None:
        """Whether another explorer is at work beside this one, as while two models are compared: excess and crowd are
        then computed on one thread each. On four together they come no sooner, and the window waits for all of them
        when it wants Python's lock back.
        """
        self._shared = shared

    def _want(self, **change: Any) -> None:  # noqa: ANN401 - fields of `FrameRequest`
        with self._condition:
            self._wanted = replace(self._wanted, since=perf_counter(), **change)
            self._condition.notify()

    def _empty(self) -> None:
        """Forget what nobody has taken: it is of what was shown before."""
        self.mailbox.take()
        self.excess.take()

    def _post_piece(self, mailbox: Mailbox[P], found: P) -> None:
        """Post what was found of a frame, unless something else is to be shown in the meantime."""
        with self._condition:
            if self._framed is None or self._cancelled(self._framed):
                return
            mailbox.put(found)
        self._tell()

    def _tell(self) -> None:
        told = self._told
        if told is not None:
            told()

    def _cancelled(self, wanted: FrameRequest) -> bool:
        """Whether the pass for `wanted` has been overtaken by more than newer weights."""
        return self._left(wanted) or self._wanted.request is not wanted.request

    def _left(self, wanted: FrameRequest) -> bool:
        """Whether nobody wants to see anything of `wanted` any more, whatever the settings."""
        newest = self._wanted
        return self._closing or newest.data is not wanted.data or newest.turn is not wanted.turn

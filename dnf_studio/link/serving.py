"""Answers a window's questions in a thread of the script: for single values, and for whole paths between whose steps it
looks what else is asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import copy
from threading import Lock
from time import monotonic, perf_counter, thread_time
from typing import TYPE_CHECKING, Any

from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.wrapped.base import WrappedModel
from dnf_studio.errors import Cancelled, Check, LinkError, StudioError, UnsupportedError
from dnf_studio.link.answers import LOG, in_words
from dnf_studio.link.messages import Array, Kind, Message, receive, send
from dnf_studio.link.remote import set_version

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from dnf_studio.link.loop import LoopState, Turn
    from dnf_studio.link.versions import Budget, Versions

LONG = "carry", "density"
"""Questions whose answer takes many steps."""
LOOK_SECONDS = 0.004
"""Between two looks, while a path is computed, at what else the window asks."""
REST_SECONDS = 0.05
TURN_SECONDS = 0.1
LOOP_SECONDS = 1.0
"""After which a loop that calls nothing is not one."""


class Serving:
    """Answers from copies of the weights at once, and where there are none in the loop, when its turn comes.

    A path is stepped here, by the code and the model of the window: `described` is what that was told of it. Make it in
    the thread that trains, before that begins: a model that is tried at a few points puts the random numbers of all
    threads back to where they were.
    """

    _questions: Connection

    def __init__(self, versions: Versions, loop: tuple[LoopState, Turn], budget: Budget, described: Message) -> None:
        self._versions, self._budget = versions, budget
        (self._state, self._turn), self._described = loop, described
        self._twin: WrappedModel | None = None
        self._later: deque[Message] = deque()
        self._looked = self._worked = 0.0
        self._working = Lock()
        with suppress(StudioError):
            self._make_twin()

    def picture(self) -> Message | None:
        """What the window shows first, as `picture_of` says; None where the model has none, or fails: the window asks
        and is told why."""
        from dnf_studio.link.picture import picture_of

        try:
            version, parts = self._versions.at(self._versions.newest)
            flow = parts if isinstance(parts, GenerativeModel) else self._with_weights(version)
            with self._working:
                return picture_of(flow, self._described, self._go_on)
        except Exception:
            LOG.info("There is no first picture", exc_info=True)
            return None

    def run(self, questions: Connection) -> None:
        """Answer `questions` until the script follows its model no longer; `LinkError` where the window is gone."""
        self._questions = questions
        while not self._state.ended.is_set():
            asked = self._later.popleft() if self._later else receive(self._questions)
            with self._working:
                self._serve(asked)

    def rest(self, seconds: float) -> None:
        """Begin no answer any more, once that which is being computed is there or so many seconds are over.

        A thread that is within torch when Python ends takes the whole process down: C++ cannot be left there.
        """
        self._working.acquire(timeout=seconds)

    def _serve(self, asked: Message) -> None:
        """Answer, unless it is no question: what is left by the window has its answer then."""
        if asked.kind in LONG:
            number = asked.facts.get("number")
            self._looked, self._worked = perf_counter(), thread_time()
            try:
                found = in_words(lambda: self._stepped(asked, lambda: self._between(number)))
            except Cancelled:
                return
            self._tell(asked, found)
        elif asked.kind != "leave":
            self._stand_back()
            started = thread_time()
            found = self._answered(asked)
            if self._apart:
                self._budget.spend(thread_time() - started)
            self._tell(asked, found)

    @property
    def _apart(self) -> bool:
        """Whether this thread evaluates callables, not the loop."""
        return self._versions.copied or not self._state.looping

    def _tell(self, asked: Message, found: Message) -> None:
        send(self._questions, Message(found.kind, {**found.facts, "number": asked.facts.get("number")}, found.arrays))

    def _answered(self, asked: Message) -> Message:
        """The answer: from copies at once, else where the loop is."""
        if self._apart or asked.kind == "shown":
            return self._turn.answers(asked)
        pending = self._turn.put(asked)
        while not pending.done.wait(TURN_SECONDS):
            if self._state.ended.is_set():
                raise LinkError("The script follows its model no longer.")
            if not self._state.looping:
                self._turn.settle()
        assert pending.answer is not None
        return pending.answer

    def _stepped(self, asked: Message, check: Check) -> Message:
        from dnf_studio.link.whole_paths import stepped

        self._make_twin()
        return Message("answer", {}, stepped(self._with_weights, asked, check))

    def _make_twin(self) -> None:
        """Make the model that the window makes; raises `LinkError` where that is no model of callables."""
        from dnf_studio.link.description import described

        if self._twin is None:
            if self._described.facts.get("form") != "callables":
                raise LinkError("The window has this model itself and need not ask.")
            twin = described(self._described, self._value)[1]
            assert isinstance(twin, WrappedModel)
            self._twin = twin

    def _with_weights(self, version: int) -> WrappedModel:
        """The window's model with callables that are here, or that ask for their values where those are elsewhere."""
        assert self._twin is not None
        set_version(self._twin, version)
        parts = self._versions.at(version)[1] if self._apart else ()
        if not isinstance(parts, tuple) or not parts or not all(one.here for one in parts):
            return self._twin
        flow = copy(self._twin)
        flow._modules = {**flow._modules, **dict(zip(flow.networks, parts, strict=True))}
        return flow

    def _value(self, kind: Kind, facts: Mapping[str, Any], arrays: Mapping[str, Array]) -> Message:
        """What the twin of the window's model asks."""
        found = self._answered(Message(kind, facts, arrays))
        if found.kind == "fault":
            raise UnsupportedError(found.facts["sentence"])
        return found

    def _go_on(self) -> None:
        if self._state.ended.is_set():
            raise Cancelled

    def _between(self, number: object) -> None:
        """Between two steps of the path that answers the question `number`; raises `Cancelled` to leave it."""
        self._go_on()
        if self._apart:
            # What it takes of a processor, not how long it waits for one, or for Python's lock
            self._budget.spend(thread_time() - self._worked)
        now = perf_counter()
        if now >= self._looked + LOOK_SECONDS:
            self._looked = now
            self._look(number)
        self._stand_back(lambda: self._look(number))
        self._worked = thread_time()

    def _look(self, number: object) -> None:
        """Answer what else is asked, but other paths later."""
        while self._questions.poll(0):
            asked = receive(self._questions)
            if asked.kind == "leave":
                left = asked.facts.get("number")
                if left == number:
                    raise Cancelled
                self._later = deque(one for one in self._later if one.facts.get("number") != left)
            elif asked.kind in LONG:
                self._later.append(asked)
            else:
                self._serve(asked)

    def _stand_back(self, look: Callable[[], None] | None = None) -> None:
        """Leave the processor to a loop that runs now, once this thread has had its part of the time."""
        state = self._state
        while (left := self._budget.left()) < 0 and monotonic() - state.updated < LOOP_SECONDS:
            seconds = min(REST_SECONDS, -left)
            if look is None:
                if state.ended.wait(seconds):
                    return
            elif self._questions.poll(seconds):
                look()

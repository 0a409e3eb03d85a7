"""What the loop of a script and the threads beside it hand to each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Event, Lock, Thread
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from dnf_studio.link.messages import Message

if TYPE_CHECKING:
    from dnf_studio.link.versions import Budget

MOST_LOSSES = 10_000
LINGER = 0.002
"""Seconds for which a loop waits for the next question of a computation that goes on."""


class LoopState:
    """What the loop writes, and other threads read."""

    def __init__(self) -> None:
        self.step = self.copied_at = 0
        self.updated = self.due = 0.0
        self.started = monotonic()
        self.losses: deque[tuple[int, Any, float]] = deque(maxlen=MOST_LOSSES)
        self.looping = False
        self.ended = Event()

    def count(self, step: object) -> None:
        """Note the number of a step; one more than the last where it is None or no number."""
        try:
            self.step = self.step + 1 if step is None else int(step)  # type: ignore[call-overload]
        except (TypeError, ValueError):
            self.step += 1

    def news(self, version: int) -> Message:
        """What there is to tell, with the losses (K, 3) since the last time: step, loss, seconds."""
        rows = []
        while self.losses:
            step, loss, moment = self.losses.popleft()
            try:
                rows.append((float(step), float(loss), moment - self.started))
            except (TypeError, ValueError, RuntimeError):
                continue
        facts = {
            "step": int(self.step),
            "version": version,
            "version_step": int(self.copied_at),
            "trained": self.updated > 0,
        }
        return Message("news", facts, {"losses": np.array(rows, np.float64).reshape(-1, 3)})


class Pending:
    """A question that waits for the loop."""

    def __init__(self, asked: Message) -> None:
        self.asked, self.done = asked, Event()
        self.answer: Message | None = None


class Turn:
    """Hands questions, one at a time, from the thread that has them to the loop, whose callables nobody else calls."""

    def __init__(self, answers: Callable[[Message], Message], budget: Budget) -> None:
        self.answers, self._budget = answers, budget
        self._claim, self._came = Lock(), Event()
        self._pending: Pending | None = None

    @property
    def waited_for(self) -> bool:
        """Whether a question waits."""
        return self._pending is not None

    def put(self, asked: Message) -> Pending:
        """Let `asked` wait for the loop."""
        self._pending = pending = Pending(asked)
        self._came.set()
        return pending

    def settle(self) -> bool:
        """Answer the question that waits, if one does; whether one did."""
        with self._claim:
            pending, self._pending = self._pending, None
        if pending is None:
            return False
        self._came.clear()
        pending.answer = self.answers(pending.asked)
        pending.done.set()
        return True

    def answer_here(self) -> None:
        """Answer in the loop as long as there is time for it."""
        import torch

        left = self._budget.left()
        if left <= 0:
            return
        started = perf_counter()
        with torch.random.fork_rng(devices=[]):
            while self.settle():
                if perf_counter() - started > left or not (self._came.wait(LINGER) or self._pending):
                    break
        self._budget.spend(perf_counter() - started)


def use_one_thread() -> None:
    """Compute with one thread in this thread, but leave the number for the threads of others as it is."""
    import torch

    count = torch.get_num_threads()
    torch.set_num_threads(1)
    # The number is one of each thread, and that of new threads is what any thread has set last
    other = Thread(target=lambda: torch.set_num_threads(count))
    other.start()
    other.join()

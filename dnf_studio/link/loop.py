"""What the loop of a script and the threads beside it hand to each other."""

from __future__ import annotations

from collections import deque
from threading import Event, Thread
from time import monotonic
from typing import Any

import numpy as np

from dnf_studio.link.messages import Message

MOST_LOSSES = 10_000


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


def use_one_thread() -> None:
    """Compute with one thread in this thread, but leave the number for the threads of others as it is."""
    import torch

    count = torch.get_num_threads()
    torch.set_num_threads(1)
    # The number is one of each thread, and that of new threads is what any thread has set last
    other = Thread(target=lambda: torch.set_num_threads(count))
    other.start()
    other.join()

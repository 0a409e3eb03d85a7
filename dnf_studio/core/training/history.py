"""The loss curve of a run, kept small however long the run is."""

from __future__ import annotations

import itertools
import math
from typing import Any

__all__ = ["History"]

MOST_POINTS = 1000


class History:
    """Mean losses of `stride` iterations each; the stride doubles when the curve is full."""

    def __init__(self) -> None:
        self.stride = 1
        self.iterations: list[int] = []
        self.losses: list[float] = []
        self._open: list[float] = []

    def add(self, iteration: int, loss: float) -> None:
        """Take up the loss of one iteration."""
        self._open.append(loss)
        if len(self._open) < self.stride:
            return
        self.iterations.append(iteration)
        self.losses.append(sum(self._open) / len(self._open))
        self._open.clear()
        if len(self.losses) >= MOST_POINTS:
            self.iterations = self.iterations[1::2]
            self.losses = [(a + b) / 2 for a, b in zip(self.losses[::2], self.losses[1::2], strict=True)]
            self.stride *= 2

    def as_dict(self) -> dict[str, Any]:
        """For the JSON of a checkpoint."""
        return {"stride": self.stride, "iterations": self.iterations, "losses": self.losses, "open": self._open}

    @classmethod
    def read(cls, values: object) -> History:
        """Read what `as_dict` gave, for a look only; anything else is empty."""
        try:
            history = cls.from_dict(values)  # type: ignore[arg-type]
            steps = [b - a for a, b in itertools.pairwise([0, *history.iterations])]
            losses = [float(loss) for loss in history.losses]
            increasing = len(losses) == len(steps) and all(step > 0 for step in steps)
            sound = increasing and history.stride >= 1 and all(map(math.isfinite, losses))
        except (TypeError, ValueError, KeyError, OverflowError):
            return cls()
        return history if sound else cls()

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> History:
        """Read what `as_dict` gave."""
        history = cls()
        history.stride = values["stride"]
        history.iterations, history.losses = list(values["iterations"]), list(values["losses"])
        history._open = list(values["open"])
        return history

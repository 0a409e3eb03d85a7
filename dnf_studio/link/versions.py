"""The weights of a model that a script trains, as they were at its last few updates, and what that may take."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from time import monotonic

from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.wrapped.base import WrappedModel
from dnf_studio.core.models.wrapped.called import Called
from dnf_studio.workers.snapshot import Snapshot

KEPT = 4
"""Copies that are kept: what the window shows, what it computes, what it is told of, and what it exports."""
LARGE, KEPT_OF_LARGE = 128 << 20, 2
"""Bytes of a copy from which on fewer are kept."""
Parts = tuple[Called, ...] | GenerativeModel
"""What is evaluated or sent of one version: the callables of a person, or a model of the studio."""


class Budget:
    """Seconds that may be spent: a `share` of the time that passes, saved up to `most`."""

    def __init__(self, share: float, most: float, clock: Callable[[], float] = monotonic) -> None:
        self._share, self._most, self._clock = share, most, clock
        self._left, self._since = most, clock()

    def left(self) -> float:
        """Seconds that may be spent now; below 0 where more was."""
        now = self._clock()
        self._left = min(self._most, self._left + self._share * (now - self._since))
        self._since = now
        return self._left

    def spend(self, seconds: float) -> None:
        """Note that so many were."""
        self._left -= seconds


class Versions:
    """Copies of the weights by number. One of them never changes; the one used least lately goes for a new one.

    A model without modules has nothing that could be copied: each of its versions is what it is now.
    """

    def __init__(self, model: GenerativeModel) -> None:
        self._model, self._lock = model, Lock()
        self.copied = not isinstance(model, WrappedModel) or any(one.has_modules for one in model.calls)
        self.newest = 1
        self.used = False
        """Whether the window has asked for the newest one."""
        self._copies: OrderedDict[int, Parts] = OrderedDict()
        self._kept = KEPT
        if self.copied:
            self._copies[1] = copy = self._copy()
            parts = copy if isinstance(copy, tuple) else (copy,)
            size = sum(one.nbytes for part in parts for one in part.state_dict().values())
            self._kept = KEPT if size < LARGE else KEPT_OF_LARGE

    def renew(self) -> None:
        """Take up the weights as they are: in the thread that trains, between two steps."""
        copy = self._copy() if self.copied else None
        with self._lock:
            self.newest, self.used = self.newest + 1, False
            if copy is not None:
                self._copies[self.newest] = copy
                while len(self._copies) > self._kept:
                    self._copies.popitem(last=False)

    def at(self, version: int) -> tuple[int, Parts]:
        """This version, or the oldest that is left after it, and its number."""
        with self._lock:
            if not self.copied:
                self.used = True
                return self.newest, self._own()
            number = version if version in self._copies else min((n for n in self._copies if n > version), default=None)
            number = self.newest if number is None else number
            self._copies.move_to_end(number)
            # The newest goes last even before anybody asks for it
            self._copies.move_to_end(self.newest)
            self.used = self.used or number == self.newest
            return number, self._copies[number]

    def clear(self) -> None:
        """Let the copies go."""
        with self._lock:
            self._copies.clear()
            self.copied = False

    def _own(self) -> Parts:
        return self._model.calls if isinstance(self._model, WrappedModel) else self._model

    def _copy(self) -> Parts:
        if isinstance(self._model, WrappedModel):
            return tuple(one.renewed() for one in self._model.calls)
        return Snapshot.of(self._model).flow

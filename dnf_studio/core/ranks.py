"""The processes that torchrun starts to do one piece of work together: which one this is, and how they speak.

Without torchrun's variables there is one, `ALONE`, whose every method answers at once, and torch.distributed is never
imported. Small objects go through torchrun's store, so that who does not answer is known by name; numbers go through
a process group, of gloo on processors and of nccl on GPUs.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from dnf_studio.errors import Check, SettingError, StudioError

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch._C._distributed_c10d import Store
    from torch.distributed import ProcessGroup

PATIENCE = 600.0
"""Seconds after which a rank that does not answer is given up."""
ROLL_CALL = 3.0
"""Seconds in which those that lost another rank say that they are still there."""
SAID_EVERY = 5.0
"""Seconds between two words of a rank that is at long work."""

T = TypeVar("T")


class RankError(StudioError):
    """A rank is gone, or has not answered for a long time."""


class RanksDiffer(StudioError):
    """Ranks that are to do the same have other settings, versions or data; raised by all of them alike."""


class Ranks:
    """The ranks 0 … `count` − 1 of a piece of work, as seen by the one with the number `rank`.

    All call the same methods in the same order; each waits for the others and raises `RankError`, with the number of
    the rank that is missing, where one has ended or has not answered for `patience` seconds.
    """

    def __init__(
        self,
        rank: int = 0,
        count: int = 1,
        store: Store | None = None,
        group: Callable[[], ProcessGroup] | None = None,
        patience: float = PATIENCE,
    ) -> None:
        """`store` and `group`, called when first needed, are torch.distributed's; one rank alone needs neither."""
        self.rank, self.count, self.patience = rank, count, patience
        self._store, self._make_group = store, group
        self._group: ProcessGroup | None = None
        self._gathered = 0
        self._said = -math.inf

    @property
    def writes(self) -> bool:
        """Whether this is the rank that writes files and tells people; the others are silent."""
        return self.rank == 0

    def run_of(self, count: int, rank: int | None = None) -> slice:
        """Which of `count` parts of the work are this rank's, or those of another `rank`: runs one after the other."""
        own = self.rank if rank is None else rank
        return slice(own * count // self.count, (own + 1) * count // self.count)

    def gather(self, value: Any, check: Check = lambda: None) -> list[Any]:  # noqa: ANN401 - any JSON value
        """What each rank has given, in their order: small values that JSON can hold.

        `check` is called again and again while it waits; where that raises, no rank can go on.
        """
        if self._store is None:
            return [value]
        self._gathered += 1
        keys = [f"gathered {self._gathered} {rank}" for rank in range(self.count)]
        try:
            self._store.set(keys[self.rank], json.dumps(value))
            self._await(keys, check)
            found = [json.loads(self._store.get(key)) for key in keys]
            # Whoever has come here has read all that was gathered before
            self._store.delete_key(f"gathered {self._gathered - 1} {self.rank}")
        except RuntimeError as error:
            raise RankError("The store of torchrun, through which the ranks speak, is gone; start again.") from error
        return found

    def first(self, value: T) -> T:
        """The `value` of rank 0, which JSON can hold, for all ranks."""
        found: T = self.gather(value if self.writes else None)[0]
        return found

    def barrier(self) -> None:
        """Wait until all ranks have come here."""
        self.gather(None)

    def require_same(self, facts: Mapping[str, Any], check: Check = lambda: None) -> None:
        """Raise `RanksDiffer`, on all ranks alike, unless each has the same value of every one of these `facts`."""
        first, *others = self.gather(dict(facts), check)
        for rank, own in enumerate(others, start=1):
            for name in [*first, *(own.keys() - first.keys())]:
                if own.get(name) != first.get(name):
                    raise RanksDiffer(
                        f"Rank {rank} has another {name} than rank 0, {_shown(own.get(name))} in the place of "
                        f"{_shown(first.get(name))}; start all ranks with the same command, files and versions."
                    )

    def all_gather(self, values: Tensor) -> Tensor:
        """The `values` (n,) of each rank, on the device they are on, (R, n)."""
        if self._store is None:
            return values[None]
        found = values.new_empty(self.count * len(values))
        self._together(lambda: self.group._allgather_base(found, values.contiguous()).wait())
        return found.view(self.count, -1)

    def swap(self, received: Tensor, sent: Tensor, taken: list[int], given: list[int]) -> Callable[[], object]:
        """Begin to send each rank its part of `sent` and to fill `received` with what each has for this one, in order.

        `given` and `taken` are how many numbers go to each rank and come from it. The function that is returned waits
        until they are there.
        """
        work = self._together(lambda: self.group.alltoall_base(received.flatten(), sent, taken, given))
        return lambda: self._together(work.wait)

    def _together(self, collective: Callable[[], T]) -> T:
        """What a `collective` of torch.distributed returns; raises `RankError` where another rank is missing."""
        started = time.monotonic()
        try:
            return collective()
        except RuntimeError as error:
            raise self._missing(started) from error

    @property
    def group(self) -> ProcessGroup:
        """The process group of all ranks."""
        assert self._make_group is not None
        if self._group is None:
            self._group = self._make_group()
        return self._group

    def require_own(self, device: torch.device) -> None:
        """Raise `SettingError` where the ranks of this machine would have to share a `device` that is no processor."""
        if self.count == 1 or device.type == "cpu":
            return
        import torch

        here, there = _number("LOCAL_WORLD_SIZE", self.count), torch.cuda.device_count() if device.type == "cuda" else 1
        if there < here:
            raise SettingError(
                f"{here} ranks on this machine need a GPU each, and it has {there}; "
                f"start as many with --nproc-per-node, or work with --device cpu."
            )

    def _await(self, keys: list[str], check: Check) -> None:
        """Wait until the store has all `keys`, which end with the rank they are of; signals are answered meanwhile."""
        assert self._store is not None
        until, pause, heard = time.monotonic() + self.patience, 0.001, self._heard()
        # Asked again and again: while it waits by itself the store answers no signal, and complains on stderr
        while not self._store.check(keys):
            check()
            if time.monotonic() >= until:
                missing = [int(key.rpartition(" ")[2]) for key in keys if not self._store.check([key])]
                now = self._heard()
                if silent := [rank for rank in missing if now[rank] == heard[rank]]:
                    raise self._given_up(silent)
                until, heard = time.monotonic() + self.patience, now
            time.sleep(pause)
            pause = min(2 * pause, 0.1)

    def alive(self) -> None:
        """Say, while at long work, that this rank is at it: who waits is patient from the last such word on.

        It may be called at every step; what is said more than once in some seconds goes nowhere.
        """
        if self._store is not None and time.monotonic() - self._said >= SAID_EVERY:
            self._said = time.monotonic()
            with suppress(RuntimeError):  # what is wrong is told by whoever waits
                self._store.set(f"alive {self.rank}", str(time.monotonic_ns()))

    def _heard(self) -> list[bytes]:
        """The last word of each rank."""
        assert self._store is not None
        keys = [f"alive {rank}" for rank in range(self.count)]
        return [self._store.get(key) if self._store.check([key]) else b"" for key in keys]

    def _missing(self, started: float) -> RankError:
        """What to say after a collective, begun at `started`, that failed: all that are left say that they are."""
        waited = time.monotonic() - started
        assert self._store is not None
        with suppress(RuntimeError):
            self._store.set(f"left {self.rank}", "")
            time.sleep(min(ROLL_CALL, self.patience))
            missing = [rank for rank in range(self.count) if not self._store.check([f"left {rank}"])]
            if missing:
                ended = RankError(f"{_named(missing)} ended before the work was done; what it said last tells why.")
                return ended if waited < self.patience else self._given_up(missing)
        return RankError("The ranks lost each other, or torchrun ended; start again.")

    def _given_up(self, missing: list[int]) -> RankError:
        late = f"{_named(missing)} of {self.count} did not answer for {self.patience:g} s"
        return RankError(f"{late}; look at what it does, and start again.")


ALONE = Ranks()
"""The one process that does all of the work."""


def under_torchrun() -> bool:
    """Whether torchrun, or what sets its variables, started this process, be it alone or one of several."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def ranks_here() -> int:
    """How many ranks share this machine, 1 without torchrun."""
    return _number("LOCAL_WORLD_SIZE", 1) if under_torchrun() else 1


def place_here() -> int:
    """Which of the ranks on this machine this one is, 0 without torchrun."""
    return _number("LOCAL_RANK", 0) if under_torchrun() else 0


def restarts() -> int:
    """How often torchrun has started the ranks again, after one of them ended."""
    return _number("TORCHELASTIC_RESTART_COUNT", 0)


def our_ranks() -> Ranks:
    """Those that torchrun started, who meet when this is first called; `ALONE` without it, or where it starts one."""
    return _meet() if under_torchrun() and _number("WORLD_SIZE", 1) > 1 else ALONE


@cache
def _meet() -> Ranks:
    import torch
    import torch.distributed as dist
    from torch._C._distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    wait = timedelta(seconds=PATIENCE)
    try:
        everyone, rank, count = next(rendezvous("env://", timeout=wait))
        store = PrefixStore(session(everyone, rank, count), everyone)
    except (RuntimeError, ValueError) as error:
        raise RankError(f"The ranks cannot meet: {str(error).splitlines()[0].rstrip('.')}.") from error
    if torch.cuda.is_available():
        # What says "cuda" means this one from now on; too few are told by `require_own`
        torch.cuda.set_device(_number("LOCAL_RANK", rank) % torch.cuda.device_count())

    def group() -> ProcessGroup:
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=wait)
        return cast("ProcessGroup", dist.group.WORLD)

    return Ranks(rank, count, store, group)


def session(store: Store, rank: int, count: int, patience: float = PATIENCE) -> str:
    """A name for what these ranks say to each other in `store`, the same for all of them and new.

    The store of torchrun outlives ranks that ended: what they left there must not be taken for what is said now. So
    each looks at the marks of all until they see the same ones, its own among them.
    """
    ranks = Ranks(rank, count, store, patience=patience)
    store.set(f"mark {rank}", f"{rank} {os.getpid()} {time.time_ns()}")
    while True:
        marks, seen = ([f"{kind} {other}" for other in range(count)] for kind in ("mark", "seen"))
        ranks._await(marks, lambda: None)
        own = " ".join(store.get(key).decode() for key in marks)
        store.set(f"seen {rank}", own)
        ranks._await(seen, lambda: None)
        if all(store.get(key).decode() == own for key in seen):
            return hashlib.sha256(own.encode()).hexdigest()
        time.sleep(0.02)


def _number(name: str, otherwise: int) -> int:
    text = os.environ.get(name, str(otherwise))
    if not text.isdecimal():
        raise SettingError(f"The variable {name} is '{text}', where torchrun puts a number; unset it to work alone.")
    return int(text)


def _named(ranks: list[int]) -> str:
    return f"Rank {ranks[0]}" if len(ranks) == 1 else f"Ranks {', '.join(map(str, ranks))}"


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:80]}…"

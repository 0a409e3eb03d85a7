"""Blocks of work on threads that each run torch's kernels single-threaded.

On a processor, blocks that stay in cache beat one large batch whose kernels are split over
threads, and no spinning barrier takes a core from the window (method.md, section 3).
"""

from __future__ import annotations

import ctypes
import itertools
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import torch

from dnf_studio.core.ranks import ALONE, Ranks, ranks_here
from dnf_studio.errors import Check, check_interrupt

SWITCH_SECONDS = 2e-4
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
"""Options of glibc's `mallopt`."""
MIB = 1 << 20
KEPT, AHEAD, LARGE = 64 * MIB, 16 * MIB, 32 * MIB
FREED, PLACES = 1 << 17, 8
"""Bytes, enough that malloc looks what it can give back, and threads, more than there are places to take them from."""

T = TypeVar("T")
R = TypeVar("R")


def worker_threads(device: torch.device | str = "cpu") -> int:
    """How many block threads serve `device`: the usable cores for the processor, else one.

    Ranks on one machine share its cores.
    """
    if torch.device(device).type != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // ranks_here())


@contextmanager
def single_threaded_kernels() -> Iterator[None]:
    """Within it the calling thread's torch kernels use one thread; then the count is put back."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def equal_slices(count: int, parts: int) -> list[slice]:
    """`count` points in so many parts, as equal as they can be."""
    edges = [round(k * count / parts) for k in range(parts + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


@cache
def keep_freed_memory() -> None:
    """Keep what is freed for the next array of its size: at most 64 MiB go back to the system, and arrays of 32 MiB.

    Left to itself glibc gives arrays of a megabyte back as soon as they are freed and gets them again, page after
    page, for the next one: up to a third of a computation, for a frame of 2,000 points 70,000 page faults, while the
    window's own arrays wait for the same lock. For the whole process, mallopt(3); other C libraries are left as they
    are.
    """
    _set_options((TRIM_THRESHOLD, KEPT), (TOP_PAD, AHEAD), (MMAP_THRESHOLD, LARGE))


def give_memory_back() -> None:
    """Give what is free to the system, which takes some hundredths of a second; what is freed later is kept again.

    malloc_trim(3) leaves what is free at the end of each place that threads take memory from. There it goes back with
    the next piece that is freed, where little is to be kept; the last thread of a few comes to the last place.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "malloc_trim"):
        return
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    together = threading.Barrier(PLACES)

    def free() -> None:
        libc.free(libc.malloc(ctypes.c_size_t(FREED)))
        # A thread that has ended leaves its place to the next one
        with suppress(threading.BrokenBarrierError):
            together.wait(1.0)

    threads = [threading.Thread(target=free, daemon=True) for _ in range(PLACES)]
    _set_options((TRIM_THRESHOLD, 0), (TOP_PAD, 0))
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        libc.malloc_trim(0)
    finally:
        _set_options((TRIM_THRESHOLD, KEPT), (TOP_PAD, AHEAD))


def _set_options(*options: tuple[int, int]) -> None:
    """Set `options` of malloc for the whole process, where it is glibc's: mallopt(3)."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_option is not None:
        for option, size in options:
            set_option(option, size)


class Deferred(Generic[R]):
    """Work for whichever thread comes to it first: an idle one of the pool, or the one that asks for its result."""

    def __init__(self, function: Callable[[], R]) -> None:
        self._function, self._outcome, self._unclaimed = function, Future[R](), threading.Lock()

    def run(self) -> None:
        """Do the work, unless a thread has come to it before."""
        if self._unclaimed.acquire(blocking=False):
            try:
                self._outcome.set_result(self._function())
            except Exception as error:
                self._outcome.set_exception(error)

    @property
    def done(self) -> bool:
        """Whether its result is there."""
        return self._outcome.done()

    def result(self) -> R:
        """What the function returned, or the error it raised."""
        self.run()
        return self._outcome.result()

    def drop(self) -> None:
        """Nobody is to begin it any more."""
        self._unclaimed.acquire(blocking=False)


class BlockPool:
    """Maps a function over blocks, in order, on `threads` threads; 1 means the calling thread.

    As a context manager it ends its threads at its end.
    """

    def __init__(self, threads: int) -> None:
        keep_freed_memory()
        self.threads = max(1, threads)
        if self.threads > 1:
            # Python's lock goes round thousands of times a step: asked for at once a step takes a twentieth less
            sys.setswitchinterval(min(SWITCH_SECONDS, sys.getswitchinterval()))
        self.ranks: Ranks = ALONE
        """Those that share the blocks of a training step."""
        self.parts: list[tuple[float, float]] = []
        """What each of several ranks gave to the loss of the last step, and its share of the blocks."""
        self.check: Check = check_interrupt
        """Ends what is being computed where it is no longer wanted; called on any thread of the pool."""
        self._executor = (
            ThreadPoolExecutor(self.threads, "dnf-block", initializer=torch.set_num_threads, initargs=(1,))
            if self.threads > 1
            else None
        )
        self._waiting: deque[Deferred[Any]] = deque()

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """`[function(item) for item in items]`, computed in blocks on the pool's threads."""
        with single_threaded_kernels():
            return list(self.each(function, items))

    def each(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """What `map` gives, one after the other; the caller sees to it that his own kernels are single-threaded."""
        return map(function, items) if self._executor is None else self._executor.map(function, items)

    def later(self, function: Callable[[], R], urgent: bool = True) -> Deferred[R]:
        """Leave `function` for idle threads of the pool: what is urgent first, of that the newest."""
        work = Deferred(function)
        if self._executor is not None:
            (self._waiting.append if urgent else self._waiting.appendleft)(work)
            self._executor.submit(self._run_waiting)
        return work

    def result(self, work: Deferred[R]) -> R:
        """The result of `work`; while another thread is at it, this one does what else waits."""
        work.run()
        while not work.done and self._run_waiting():
            pass
        return work.result()

    def _run_waiting(self) -> bool:
        """Do the first piece of work that waits, if any does."""
        try:
            work = self._waiting.pop()
        except IndexError:
            return False
        work.run()
        return True

    def close(self) -> None:
        """End the threads; a pool of one thread has none."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._executor is not None and kind is not None and issubclass(kind, KeyboardInterrupt):
            # Whoever ends the program waits for no block, which may take half a minute
            self._executor.shutdown(wait=False, cancel_futures=True)
        else:
            self.close()

"""Blocks of work on threads that each run torch's kernels single-threaded.

On a processor, blocks that stay in cache beat one large batch whose kernels are split over
threads, and no spinning barrier takes a core from the window (METHOD 3).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeVar

import torch

__all__ = ["BlockPool", "Interrupted", "single_threaded_kernels", "worker_threads"]

T = TypeVar("T")
R = TypeVar("R")


def worker_threads(device: torch.device | str = "cpu") -> int:
    """How many block threads serve `device`: the usable cores for the processor, else one."""
    if torch.device(device).type != "cpu":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def single_threaded_kernels() -> Iterator[None]:
    """Within it the calling thread's torch kernels use one thread; then the count is put back."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Interrupted(Exception):
    """The work is no longer wanted."""


class BlockPool:
    """Maps a function over blocks, in order, on `threads` threads; 1 means the calling thread.

    As a context manager it ends its threads on leaving.
    """

    def __init__(self, threads: int) -> None:
        self.threads = max(1, threads)
        self.interrupted: Callable[[], bool] = lambda: False
        """Whether what is being computed is no longer wanted; any thread asks."""
        self._executor = (
            ThreadPoolExecutor(self.threads, "dnf-block", initializer=torch.set_num_threads, initargs=(1,))
            if self.threads > 1
            else None
        )

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """`[function(item) for item in items]`, computed in blocks on the pool's threads."""
        with single_threaded_kernels():
            if self._executor is None:
                return [function(item) for item in items]
            return list(self._executor.map(function, items))

    def check(self) -> None:
        """Raise `Interrupted` within work that is no longer wanted."""
        if self.interrupted():
            raise Interrupted

    def close(self) -> None:
        """End the threads; a pool of one thread has none."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

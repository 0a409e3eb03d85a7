"""Timing several things in turn, so that a noisy machine hits all alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter

import torch

from dnf_studio.core.parallel import worker_threads

Work = Callable[[], object]
PLAIN = "plain"


def in_turn(
    works: Mapping[str, Work], rounds: int, seconds: float = 20.0, warm_up: bool = True
) -> dict[str, list[float]]:
    """The seconds of each of `works`, one after the other `rounds` times, after an unmeasured round.

    Two rounds at least where so many are asked for; no further one begins once `seconds` are over.
    """
    taken: dict[str, list[float]] = {name: [] for name in works}
    begun = perf_counter()
    if warm_up:
        for work in works.values():
            work()
    for number in range(rounds):
        if number >= 2 and perf_counter() - begun > seconds:
            break
        for name, work in works.items():
            started = perf_counter()
            work()
            taken[name].append(perf_counter() - started)
    return taken


def on_threads(threads: int, work: Work) -> Work:
    """`work` with torch's kernels on so many threads."""

    def run() -> object:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            return work()
        finally:
            torch.set_num_threads(before)

    return run


def plain_works(work: Work) -> dict[str, Work]:
    """The reference `work` on one thread and, where there are cores for it, on two."""
    return {f"{PLAIN}, {n} threads": on_threads(n, work) for n in range(1, 1 + min(2, worker_threads()))}


def fastest(taken: Mapping[str, list[float]]) -> float:
    """The least seconds of the works of `plain_works` among those timed."""
    return min(min(times) for name, times in taken.items() if name.startswith(PLAIN))

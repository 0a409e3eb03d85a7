"""Timing two things in turn, so that a noisy machine hits both alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter

__all__ = ["in_turn", "report"]


def in_turn(works: Mapping[str, Callable[[], object]], rounds: int = 7) -> dict[str, float]:
    """The least seconds of each of `works` over `rounds` in turn, after one unmeasured round."""
    best = dict.fromkeys(works, float("inf"))
    for number in range(rounds + 1):
        for name, work in works.items():
            started = perf_counter()
            work()
            if number:
                best[name] = min(best[name], perf_counter() - started)
    return best


def report(title: str, seconds: Mapping[str, float], reference: float) -> None:
    """One line a row: milliseconds and the ratio to `reference` seconds."""
    for name, value in seconds.items():
        print(f"{title:32} {name:24} {1e3 * value:9.1f} ms   {reference / value:5.2f}x")

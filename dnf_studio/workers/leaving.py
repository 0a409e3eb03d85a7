"""Work that ends early because nobody waits for its result: `core` is given a check that raises.

Imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Left", "leaving"]


class Left(Exception):
    """Nobody waits for the result, or something else goes first."""


def leaving(left: Callable[[], bool]) -> Callable[[], None]:
    """A check that raises `Left` as soon as `left()`."""

    def check() -> None:
        if left():
            raise Left

    return check

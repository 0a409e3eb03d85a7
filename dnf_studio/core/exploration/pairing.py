"""Where the backward process of the views begins, and with it what a forward and a backward point share."""

from __future__ import annotations

from typing import Literal, get_args

from dnf_studio.errors import SettingError

__all__ = ["PAIRINGS", "Start", "check_start"]

Start = Literal["noise", "forward"]
"""``noise``: latents of its own, so that points of the same number share nothing; ``forward``: where the forward path
of the same point ends, so that the two are one round trip."""
PAIRINGS: dict[str, str] = {"noise": "fresh noise", "forward": "the forward ends"}
"""The same in words, as they follow “the backward process starts from”."""


def check_start(start: object) -> None:
    """Raise `SettingError` where `start` is none of `Start`."""
    if start not in get_args(Start):
        raise SettingError(f"The backward process starts from noise or forward, not {start!r}.")

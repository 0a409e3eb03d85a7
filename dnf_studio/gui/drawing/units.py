"""Times, sizes and long names as the window writes them."""

from __future__ import annotations

import math
import re

__all__ = ["DATA_SHOWN", "about", "breakable", "counted", "duration", "in_bytes"]

DATA_SHOWN = (
    "Settings that you changed stay: its bundled model is shown where they are those of SDE and network that it was "
    "trained with, else an untrained one"
)


def counted(number: int, noun: str) -> str:
    """So many of `noun`, which is given in the singular: 1 iteration, 1,240 iterations."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Minutes and seconds as 2:10, hours as 1:02:10."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def about(seconds: float) -> str:
    """A time no finer than it is known."""
    return "a second" if seconds < 1.5 else f"{seconds:.0f} seconds" if seconds < 90 else duration(seconds)


def in_bytes(size: int) -> str:
    """A size of three digits."""
    power = min(4, max(1, int(math.log(max(size, 1), 1000))))
    return f"{size / 1024**power:.3g} {('KiB', 'MiB', 'GiB', 'TiB')[power - 1]}"


def breakable(text: str) -> str:
    """`text` with places where a long name may go to the next line, so that it does not widen its panel."""
    return re.sub(r"([_.]|[^\s_./-]{24})(?=\S)", "\\1\u200b", text)

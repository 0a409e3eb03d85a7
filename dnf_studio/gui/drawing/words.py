"""Numbers, names, times and sizes as the window writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
FAR, FEW = 4.0, 0.01
"""Distance from which on points are far from the data (method.md, section 15), and the least share that is told."""
MOST_LETTERS = 40
"""Most letters of a column's name that are shown."""
Array = NDArray[np.float32]
WAITING = "Looking for densities at every node …"
"""What a plot says while the excess is not known yet."""
UNAFFORDABLE = (
    "With networks as slow as this model's, or of a script that has ended, nobody looks for densities at every node, "
    "which the excess needs"
)
DATA_SHOWN = (
    "Settings that you changed stay: its bundled model is shown where they are those of SDE and network that it was "
    "trained with, else an untrained one"
)


def component_name(component: int, columns: tuple[str, ...] = ()) -> str:
    """``x₁`` for component 0, and ``x₁  length`` where the data calls it so."""
    name = "x" + str(component + 1).translate(SUBSCRIPTS)
    own = columns[component] if component < len(columns) else ""
    return f"{name}  {own if len(own) <= MOST_LETTERS else own[: MOST_LETTERS - 1] + '…'}".rstrip()


def principal_name(component: int, share: float) -> str:
    """``PC 1 (63%)`` for component 0 with 0.63 of the variance."""
    return f"PC {component + 1} ({100 * share:.0f}%)"


def node_at(position: float) -> int:
    """The node at or before `position` in node units; what rounding leaves just below a node is at it."""
    return int(position + 1e-6)


def time_note(t: Array, position: float) -> tuple[str, str]:
    """Where the cursor is: t and the node it is at, and the same in short."""
    digits = max(0, 2 - math.floor(math.log10(max(float(t[-1]), 1e-9))))
    now = float(np.interp(position, np.arange(len(t)), t))
    i = node_at(position)
    return f"t = {now:.{digits}f}    i = {i} of {len(t) - 1}", f"i = {i}"


def hint(sentence: str) -> str:
    """`sentence` as a tooltip that breaks into lines; nothing stays nothing."""
    return f"<qt>{escape(sentence)}</qt>" if sentence else ""


def short_number(value: float) -> str:
    """Three significant digits with a true minus, as in 0.0123 and 4.2e−07."""
    return f"{value:.3g}".replace("-", "−")


def nats(value: float) -> str:
    """A number of nats with its sign and a true minus; what rounds to nothing has neither."""
    return "0.000" if round(value, 3) == 0 else f"{value:+.3f}".replace("-", "−")


def percent(share: float) -> str:
    """``0.24%``, ``7.1%`` or ``78%`` of a share 0 … 1."""
    value = 100 * share
    if 0 < value < 0.01:
        return "<0.01%"
    return f"{value:.0f}%" if value >= 10 else f"{value:.2g}%"


def far_points(points: Array, half: float) -> tuple[str, ...]:
    """Ever shorter sentences that over one in a hundred of `points` (P, 2) is far out of a picture of ±`half`."""
    reach = max(FAR, 1.2 * half)
    with np.errstate(invalid="ignore"):
        # A column at a time: numpy is ten times slower along an axis of two
        near = np.logical_and(*(np.abs(column) <= reach for column in points.T))
    far = len(points) - int(np.count_nonzero(near))
    if far <= FEW * len(points):
        return ()
    beyond = f"beyond ±{reach:.2g}"
    return f"{far:,} of {len(points):,} points {beyond}", f"{far:,} {beyond}", f"{far:,} far"


def lost_paths(paths: Array) -> int:
    """How many of the paths (N+1, P, D) hold a number that is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        # One sum tells that all is well, twenty times sooner than looking at every number
        if np.isfinite(paths.sum()):
            return 0
    return int((~np.isfinite(paths).all(axis=(0, 2))).sum())


def lost_words(lost: int, whole: int, what: str = "paths") -> tuple[str, ...]:
    """Ever shorter sentences that so many of the whole left the finite numbers; none where none did."""
    some = f"{lost:,} of {whole:,} {what}"
    return (f"{some} left the finite numbers", f"{some} lost", f"{lost:,} lost") if lost else ()


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


def steps_named(steps: Sequence[int]) -> str:
    """Rising step numbers with their runs joined: “step 4”, “steps 0–3 and 7”."""
    runs: list[list[int]] = []
    for step in steps:
        if runs and step == runs[-1][-1] + 1:
            runs[-1].append(step)
        else:
            runs.append([step])
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs]
    joined = texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
    return f"step{'s' if len(steps) > 1 else ''} {joined}"


def subject_of(title: str) -> str:
    """What a title speaks of, without what it says of that: "Forward" for "Forward: data → noise"."""
    return re.split(":| by | over ", title)[0]

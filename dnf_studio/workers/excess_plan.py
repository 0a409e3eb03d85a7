"""The order in which the excess of a frame is computed: what is soon there first, then what is better."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from dnf_studio.core.exploration.by_step import MOST_NEIGHBOUR_DIM

FIRST = 32
"""Points whose excess is told first; every further block doubles their number, up to `BLOCK`."""
BLOCK = 512
TRAINING_POINTS = 24
RESOLVED_STEPS = 20
"""More steps than these are first told in groups: ln q at every second, third, … node costs as much less."""
MOST_STATES = 120_000
"""States of both processes, so many each, whose density is looked for at all: with many steps of fewer points."""
FEWEST_TIMES = 15
"""Steps of the ODE in a draft, at least."""
NEIGHBOURS_AFTER = 256
"""Points by the ODE before the nearest neighbours of all points are looked for."""
Job = tuple[Literal["draft", "forward", "backward", "neighbours"], slice, int]
"""What to compute, of which points, and at every how manieth node. A draft is of forward paths, with steps of the ODE
that nobody chose, and is forgotten with the next."""


def jobs_of(steps: int, points: int, dim: int, both: bool) -> Iterator[Job]:
    """First a few forward points, in groups of steps where there are many, then more of `both` processes."""
    count = min(points, max(2 * FIRST, MOST_STATES // steps))
    first = FIRST if steps <= 2 * RESOLVED_STEPS else FIRST // 2
    yield "draft", slice(0, min(first, count)), -(-steps // RESOLVED_STEPS)
    blocks = list(_blocks(count))
    for part in blocks:
        yield "forward", part, 1
        if part.start < NEIGHBOURS_AFTER <= part.stop or (part is blocks[-1] and count < NEIGHBOURS_AFTER):
            if dim <= MOST_NEIGHBOUR_DIM:
                yield "neighbours", slice(0, 0), 1
            for back in blocks if both else ():
                if back.stop <= part.stop:
                    yield "backward", back, 1
        elif both and part.start >= NEIGHBOURS_AFTER:
            yield "backward", part, 1


def _blocks(count: int) -> Iterator[slice]:
    start = 0
    while start < count:
        stop = min(count, start + min(BLOCK, max(FIRST, start)))
        yield slice(start, stop)
        start = stop


def training_jobs(steps: int, points: int) -> Iterator[Job]:
    """The jobs while a model trains: few points are enough."""
    yield "draft", slice(0, min(TRAINING_POINTS, points)), -(-steps // RESOLVED_STEPS)


def draft_times(t: list[float]) -> list[float]:
    """Steps of the ODE as a first guess: the nodes t of training, singly at the data, by twos and threes further on.

    That is right to about .01 nats a bar of the bundled models; what follows rests on steps that were chosen.
    """
    steps, third = len(t) - 1, (len(t) - 1) // 3
    parts = -(-FEWEST_TIMES // steps)
    if parts > 1:
        return [a + (b - a) * k / parts for a, b in pairwise(t) for k in range(parts)] + t[-1:]
    kept = {*range(5), *range(5, third, 2), *range(max(5, third), steps, 3)}
    return [t[i] for i in sorted(kept)] + t[-1:]

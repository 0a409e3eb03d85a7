"""Which rows training sees: decided by what a row holds, not by where it stands or how many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

KEY = 0x646E665F73706C74
"""Makes these positions independent of every other use of the same mixing."""
FACTORS = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
HELD_OUT = 0.1
"""The share of the rows of a table to test on; as many are to validate on."""
LEAST, MOST = 0.5, 0.4
"""Least part of its share, and greatest part of all rows, that a side may hold before its edge is moved: edges that
stay are the same for a file when it is small and when it has grown."""
FEWEST_TO_VALIDATE = 100
"""Rows without which none are to validate on: fewer than ten would say little of when to end."""
TRAIN, VALIDATION, TEST = 0, 1, 2
Positions = Callable[[], Iterable[NDArray[np.float64]]]
"""The positions of all rows in order, block by block; asked for again where one pass is not enough."""


@dataclass(frozen=True)
class SplitRule:
    """How the rows of a file are split; a checkpoint keeps it, so that rows stay on their side.

    By ``content-1`` a row has a position in [0, 1) that its own values alone decide, as `row_positions` says. Below
    `test` it is to test on, from there to below `validation` to validate on, and to train on above. By ``order-1``,
    the rule of checkpoints that name none, a tenth of the places in the file is held out by a fixed seed, which other
    rows take once the file changes.
    """

    name: Literal["content-1", "order-1"]
    test: float
    validation: float


BY_ORDER = SplitRule("order-1", HELD_OUT, HELD_OUT)


def row_positions(rows: NDArray[Any]) -> NDArray[np.float64]:
    """A number (n,) in [0, 1) of each row (n, D), uniform over different rows and equal for equal ones.

    Values count as they are in single precision, in which a model learns them, so that a file in float64, a copy of
    it in float32 and one as text are split alike; −0 is 0. Levels of images, uint8, count as they are. The bits of
    a row, eight bytes at a time, go through the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), which
    needs nothing but integers and so gives the same on every machine.
    """
    if rows.dtype == np.uint8:
        raw = np.ascontiguousarray(rows)
    else:
        # Adding 0 makes 0 of −0
        raw = (np.ascontiguousarray(rows, "<f4") + np.float32(0)).astype("<f4", copy=False).view(np.uint8)
    if missing := -raw.shape[1] % 8:
        raw = np.pad(raw, ((0, 0), (0, missing)))
    state = np.full(len(raw), KEY, np.uint64)
    for word in np.ascontiguousarray(raw.view("<u8").T):
        state ^= word
        for factor, shift in zip(FACTORS, (30, 27), strict=True):
            state ^= state >> np.uint64(shift)
            state *= np.uint64(factor)
        state ^= state >> np.uint64(31)
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53


def divided(positions: Positions, count: int, rule: SplitRule) -> NDArray[np.uint8]:
    """To which side each of `count` rows falls by a rule of content: `TRAIN`, `VALIDATION` or `TEST`."""
    sides = np.zeros(count, np.uint8)
    start = 0
    for block in positions():
        part = sides[start : start + len(block)]
        part[block < rule.validation] = VALIDATION
        part[block < rule.test] = TEST
        start += len(block)
    return sides


def fitted(
    positions: Positions,
    count: int,
    validation: float = HELD_OUT,
    test: float = HELD_OUT,
    fewest: int = FEWEST_TO_VALIDATE,
) -> SplitRule | None:
    """The rule by which `count` rows are split: these shares of all positions, which are about those of the rows.

    Where a side would have none of the rows, less than half its share or more than two fifths of all, as happens in
    small files and in those with many equal rows, its edge is moved to where it comes nearest to its share. At least
    one row is to test on where a share is; with fewer than `fewest` rows none are to validate on. Returns None where
    there are too few different rows to test on some and train on two.
    """
    validation = validation if count >= fewest else 0.0
    rule = SplitRule("content-1", test, test + validation)
    divided_so = divided(positions, count, rule)
    # np.bincount would make wide numbers of all of them
    sides = {side: int(np.count_nonzero(divided_so == side)) for side in (TEST, VALIDATION)}
    if all(_near(sides[side], share, count) for side, share in ((TEST, test), (VALIDATION, validation))):
        return rule
    edges, numbers = np.unique(np.concatenate(list(positions())), return_counts=True)
    if len(edges) < 2 + (test > 0):
        return None
    # rows_below[i] lie below edges[i]; two different rows stay above every edge
    rows_below = np.concatenate([[0], np.cumsum(numbers)])[: len(edges) - 1]
    if not _near(sides[TEST], test, count):
        test = float(edges[_nearest(rows_below, 1, test * count)])
    first = int(np.searchsorted(edges, test))
    if not validation or first + 1 >= len(rows_below):
        return SplitRule("content-1", test, test)
    wanted = validation * count
    last = _nearest(rows_below, first + 1, rows_below[first] + wanted)
    sound = rows_below[last] - rows_below[first] <= MOST * count
    return SplitRule("content-1", test, float(edges[last]) if sound else test)


def _near(rows: int, share: float, count: int) -> bool:
    """Whether a side with so many rows of `count` is near enough to its share."""
    return not share or max(1, LEAST * share * count) <= rows <= MOST * count


def _nearest(rows_below: NDArray[np.int64], least: int, wanted: float) -> int:
    """The number, `least` or greater, of the edge below which there are most nearly as many rows as wanted."""
    return least + int(np.argmin(np.abs(rows_below[least:] - wanted)))

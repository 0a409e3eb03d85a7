"""The numbers of one path as the columns of a table, and what is said of the chosen points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnf_studio.gui.drawing.words import component_name, nats
from dnf_studio.gui.widgets.table import Column

if TYPE_CHECKING:
    from dnf_studio.core.exploration.inspect import PointTable

DIGITS = 5
MOST_DECIMALS = 6
Array = NDArray[np.float64]
MOST_OFFERED = 200
"""Most selected points that are listed; of more only those around the current one are, as thousands fill slowly."""


def point_columns(table: PointTable, log_ratios: NDArray[np.floating] | None = None) -> list[Column]:
    """i, t, x, f, g²s, δF, δB, what a step adds to the bound, its log-ratio: row i is node i and the step to i + 1.

    Vectors have a column a component; the last node has no step, and `log_ratios` (N,) are those of the steps of this
    path, where they are known.
    """
    steps = len(table.t) - 1
    vectors = (
        ("x", "State x(t_i) on this path", table.x),
        ("f", "Drift f(x_i, t_i)", table.drift),
        ("g²s", "g² times the score s(x_i, t_i). No step uses it at t₀, so training never shaped it there",
         table.score_term),
        ("δF", "Noise with which the forward SDE takes the step from i to i + 1", table.forward_noise),
        ("δB", "Noise with which the backward SDE takes the step from i + 1 to i", table.backward_noise),
    )  # fmt: skip
    columns = [
        _column("i", "Node i of the time grid, 0 at the data", np.arange(steps + 1.0), 0),
        _column("t", "Time of the node, dimensionless", table.t, _decimals_of_times(table.t)),
    ]
    for name, tip, values in vectors:
        for k in range(values.shape[1] if len(values) else 0):
            end = component_name(k).removeprefix("x") if values.shape[1] > 1 else ""
            # In data units each component has a unit of its own
            columns.append(_column(name + end, tip, values[:, k], _decimals(values[:, k])))
    if not len(table.contributions):
        return columns
    known = log_ratios is not None and len(log_ratios) == steps
    ratios = log_ratios.astype(np.float64) if log_ratios is not None and known else np.empty(0)
    told = (
        ("to the bound", "What the step from i to i + 1 contributes to the bound, ½(‖δB‖² − ‖δF‖²), nats",
         table.contributions),
        ("log-ratio", "ln p_F(x_i | x_i+1) − ln p_B(x_i | x_i+1) of this step, nats, a moment later than the rest; "
         "the mean over points is the excess", ratios),
    )  # fmt: skip
    return [*columns, *(_column(name, tip, values, _decimals(values)) for name, tip, values in told)]


def compared_columns(first: Sequence[Column], second: Sequence[Column], names: Sequence[str]) -> list[Column]:
    """Each column of A, then that of B, the models called `names`: row i is node i of A and the node of B that is
    nearest to it on the way, counted in steps; those of both are listed where N or the times differ.

    Where nothing is known of B yet, `second` is empty and so are its columns.
    """
    rows, own = len(first[0].values), len(second[0].values) if second else 0
    nodes = np.rint(np.linspace(0, own - 1, rows)).astype(np.intp) if own else np.empty(0, np.intp)
    theirs = {
        # A step has its number with the node before it, so the last rows may have none
        column.head: replace(column, values=column.values[nodes[nodes < len(column.values)]])
        for column in second
    }
    ours, found = {column.head: column for column in first}, list[Column]()
    for column in max(first, second, key=len):
        head, both = column.head, (ours.get(column.head), theirs.get(column.head))
        if head in ("i", "t") and (not own or np.array_equal(ours[head].values, theirs[head].values)):
            found.append(ours[head])
            continue
        if not own:
            both = ours[head], replace(ours[head], values=np.empty(0))
        for letter, name, each in zip("AB", names, both, strict=True):
            if each is not None:
                tip, exact = f"{each.tip}. {letter} is {name}", f"{head} {letter} ({name})"
                found.append(replace(each, head=f"{head} {letter}", tip=tip, name=exact))
    return found


def _column(head: str, tip: str, values: Array, decimals: int) -> Column:
    """What left the finite numbers is written as it is: whether it is too large or no number tells why."""
    return Column(head, tip, values, f".{decimals}f", lost=None)


def _decimals(values: Array) -> int:
    """As many as show five digits of the largest value, at most six while that leaves three of them."""
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max(initial=0))
    if not largest:
        return 1
    first = -math.floor(math.log10(largest))
    return max(0, min(DIGITS - 1 + first, max(MOST_DECIMALS, 2 + first)))


def _decimals_of_times(t: Array) -> int:
    """At least as many as tell the shortest step."""
    return max(_decimals(t), -math.floor(math.log10(float(np.diff(t).min()))))


def offered(selection: tuple[int, ...]) -> list[int]:
    """The chosen points by rising number, of very many those around the current one."""
    points = sorted(selection)
    if len(points) <= MOST_OFFERED:
        return points
    first = min(max(0, points.index(selection[-1]) - MOST_OFFERED // 2), len(points) - MOST_OFFERED)
    return points[first : first + MOST_OFFERED]


def statistic(chosen: NDArray[np.intp], log_ratios: NDArray[np.floating]) -> str:
    """How many points are chosen, and the mean log-ratio (P,) of their paths against that of all where it is known."""
    several = f"{len(chosen):,} points: " if len(chosen) > 1 else ""
    finite = log_ratios[np.isfinite(log_ratios)]
    if not len(chosen) or chosen.max() >= len(log_ratios) or not len(finite):
        return several.rstrip(": ")
    own = log_ratios[chosen]
    known = own[np.isfinite(own)]
    if not len(known):
        return f"{several}log-ratio not known yet"
    some = f", of {len(known):,} of them" if len(known) < len(own) else ""
    mean, every = (float(values.mean(dtype=np.float64)) for values in (known, finite))
    return f"{several}log-ratio {nats(mean)} nats{some} (all: {nats(every)})"

"""The chosen points: which lie in a region that was drawn, how they differ from the rest, and the table of them.

NumPy only: the window needs it before torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.files import atomic_file
from dnf_studio.errors import ExportError

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]
Mode = Literal["replace", "add", "subtract"]
MOST_COMPONENTS = 8
"""Components of a state that have columns; the HDF5 export holds all of them."""
FORMATS = {"i8": "%d", "f4": "%.9g", "f8": "%.12g"}
States = NDArray[np.floating]
PLACES = {
    "data": "Where the forward path of the point begins, x₀",
    "now": "Where the point is at the time cursor",
    "latent": "Where the point is at the noise end, x_N",
    "sample": "Where the backward path of the point ends, x₀",
}
"""The places of a point, in this order; only one that is a round trip has all."""


@dataclass(frozen=True, eq=False)
class Group:
    """Statistics of some points at one node, and the whole paths they are on."""

    count: int
    mean: NDArray[np.float64]
    """Mean of the states (D,), in the units shown; states that are not finite do not count, here and below."""
    spread: NDArray[np.float64]
    """Standard deviation (D,) of the states, in the same units."""
    radius: float
    """Mean distance of the states from their own mean, model units: components of a table may have any others."""
    latent: float
    """Mean ‖x_N‖, about √D for standard normal noise."""
    log_ratio: float
    """Mean of the paths' Σ_i e_i (`excess`), nats, of those where it is known."""
    known: int
    """Number of paths whose log-ratios are known."""
    above: float
    """Share of them whose sum is above zero: likelier by the forward than by the backward process, 0 … 1."""
    worst: int
    """The step with the largest mean log-ratio, −1 where none is known."""
    worst_value: float
    """Mean log-ratio of that step, nats."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """The selected points compared with all others."""

    chosen: Group
    rest: Group


def crossing(values: Array, polygon: NDArray[np.floating], position: float) -> Mask:
    """Which paths, drawn as `values` (N+1, P) over their steps, are chosen by a `polygon` (K, 2) drawn there.

    A region over the time cursor at `position` (node units) chooses the points drawn on it; one elsewhere
    the paths that pass through it at one of its nodes, or at its middle where it holds none.
    """
    corners = np.asarray(polygon, np.float64)
    low, high = float(corners[:, 0].min()), float(corners[:, 0].max())
    if low <= position <= high:
        columns = [position]
    else:
        nodes = range(max(0, int(np.ceil(low))), min(len(values) - 1, int(np.floor(high))) + 1)
        columns = [float(node) for node in nodes] or [(low + high) / 2]
    found = np.zeros(values.shape[1], bool)
    for column in columns:
        if 0 <= column <= len(values) - 1:
            cuts = _cuts(corners, column)
            # Between the first and the second cut, the third and the fourth, … lies the region
            found |= np.searchsorted(cuts, _values_at(values, column), side="right") % 2 == 1
    return found


def combined(selection: tuple[int, ...], found: Rows, mode: Mode) -> tuple[int, ...]:
    """What is chosen after the points `found` replace `selection`, join it, or leave it.

    The last one is the current one and stays it wherever it is still chosen.
    """
    old = np.asarray(selection, np.intp)
    size = 1 + int(max(old.max(initial=-1), found.max(initial=-1)))
    if mode == "add":
        both = np.concatenate([found[~mask_of(old, size)[found]], old])
    elif mode == "subtract":
        both = old[~mask_of(found, size)[old]]
    else:
        both = found
        if len(old) and mask_of(found, size)[old[-1]]:
            both = np.append(found[found != old[-1]], old[-1])
    return tuple(both.tolist())


def mask_of(rows: Rows, count: int) -> Mask:
    """(count,) whether each point is among `rows`; rows beyond `count` do not exist."""
    mask = np.zeros(count, bool)
    mask[rows[rows < count]] = True
    return mask


def compare(
    states: Array, latents: Array, log_ratios: Array, chosen: Mask, shown: NDArray[np.floating] | None = None
) -> Comparison:
    """The points `chosen` (P,) against all others.

    `states` (P, D) are where the points are at one node, `latents` (P, D) their x_N, model units;
    `log_ratios` (N, P) those of each step, nats, not a number where not known, or (0, 0) where none is. `shown`
    (P, D) are the states in the units of mean and spread, where those are others.
    """
    places = states if shown is None else shown
    return Comparison(*(_group(states, latents, log_ratios, some, places) for some in (chosen, ~chosen)))


def _group(states: Array, latents: Array, log_ratios: Array, some: Mask, shown: NDArray[np.floating]) -> Group:
    x, places, dim = _finite(states[some]), _finite(shown[some]), states.shape[1]
    empty = np.full(dim, np.nan)
    ends = _finite(latents[some])
    steps = log_ratios[:, some] if log_ratios.size else np.empty((0, 0), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        totals = steps.sum(axis=0)
        kept = np.isfinite(totals)
        by_step = steps.mean(axis=1, where=kept, dtype=np.float64) if kept.any() else np.empty(0)
    worst = int(np.argmax(by_step)) if len(by_step) else -1
    return Group(
        count=int(some.sum()),
        mean=places.mean(axis=0) if len(places) else empty,
        spread=places.std(axis=0) if len(places) else empty,
        radius=_mean(np.linalg.norm(x - x.mean(axis=0), axis=1)) if len(x) else float("nan"),
        latent=_mean(np.linalg.norm(ends, axis=1)),
        log_ratio=_mean(totals[kept]),
        known=int(kept.sum()),
        above=_mean(totals[kept] > 0),
        worst=worst,
        worst_value=float(by_step[worst]) if len(by_step) else float("nan"),
    )


def _finite(x: NDArray[np.floating]) -> NDArray[np.float64]:
    kept: NDArray[np.float64] = x[np.isfinite(x).all(axis=1)].astype(np.float64)
    return kept


def _mean(values: NDArray[np.generic]) -> float:
    return float(values.astype(np.float64).mean()) if len(values) else float("nan")


def _cuts(corners: NDArray[np.float64], column: float) -> NDArray[np.float64]:
    """Where the edges of a polygon cross the vertical line at `column`, rising."""
    x, y = corners.T
    x2, y2 = np.roll(x, -1), np.roll(y, -1)
    cut = (x <= column) != (x2 <= column)
    x, y, x2, y2 = x[cut], y[cut], x2[cut], y2[cut]
    return np.sort(y + (column - x) * (y2 - y) / (x2 - x))


def _values_at(values: Array, position: float) -> NDArray[np.float64]:
    """The values (P,) at `position`, linear between nodes."""
    i = min(int(position), max(0, len(values) - 2))
    part = position - i
    with np.errstate(over="ignore", invalid="ignore"):
        found: NDArray[np.float64] = values[i] * (1 - part) + (values[i + 1] * part if part > 0 else 0.0)
    return found


@dataclass(frozen=True, eq=False)
class LineageColumn:
    """One column; `name` is ASCII, for other programs."""

    name: str
    tip: str
    values: NDArray[Any]
    """(K,) float32, float64 or integers."""
    component: int = -1
    """Which component of `name`, −1 of a number that is not one."""


@dataclass(frozen=True, eq=False)
class LineageTable:
    """Columns of equal length, a row a point, by rising number."""

    columns: tuple[LineageColumn, ...]

    def __len__(self) -> int:
        return len(self.columns[0].values) if self.columns else 0

    @property
    def names(self) -> tuple[str, ...]:
        """Heads of the columns: the component is counted from 1."""
        return tuple(c.name if c.component < 0 else f"{c.name}_{c.component + 1}" for c in self.columns)

    def as_text(self, separator: str, rows: Sequence[int] | NDArray[np.intp] | None = None) -> str:
        """Head and these rows, or all, in nine digits, those of float64 in twelve."""
        chosen = [
            column.values if rows is None else column.values[np.asarray(rows, np.intp)] for column in self.columns
        ]
        line = separator.join(FORMATS[values.dtype.str[1:]] for values in chosen)
        body = (line % row for row in zip(*(values.tolist() for values in chosen), strict=True))
        return "\n".join((separator.join(self.names), *body)) + "\n"


def lineage_table(rows: NDArray[np.intp], places: Mapping[str, States], steps: Array) -> LineageTable:
    """The points `rows` (K,), each at those of `PLACES`, (P, D) in whatever units, that its process has.

    `steps` (N, P) are the log-ratios of each step, nats, not a number where not known, or (0, 0) where none is.
    """
    columns = [LineageColumn("point", "Number of the point among those shown", rows.astype(np.int64))]
    for name in (name for name in PLACES if name in places):
        states = places[name]
        for k in range(min(states.shape[1], MOST_COMPONENTS)):
            columns.append(LineageColumn(name, PLACES[name], states[rows, k], k))
    if steps.size:
        own = steps[:, rows]
        with np.errstate(over="ignore", invalid="ignore"):
            total = own.sum(axis=0)
            known = np.isfinite(total)
            largest = np.where(np.isfinite(own), own, -np.inf).argmax(axis=0)
            worst = np.where(known, largest, -1).astype(np.int64)
        columns.append(LineageColumn("log_ratio", "Log-ratio of its path, the sum over the steps, nats", total))
        columns.append(LineageColumn("worst_step", "The step i that adds most to it, −1 where unknown", worst))
    return LineageTable(tuple(columns))


def write_csv(path: Path, table: LineageTable) -> None:
    """Write all rows to `path`, whole or not at all; raises `ExportError` where that cannot be."""
    with atomic_file(path, ExportError) as partial:
        partial.write_text(table.as_text(","), encoding="utf-8", newline="\n")

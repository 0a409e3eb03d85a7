"""Numbers of each step: how far two excesses differ, and how much of the backward drift is the score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dnf_studio.errors import SettingError

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.sde.grid import TimeGrid
    from dnf_studio.core.sde.paths import Field

MOST_NEIGHBOUR_DIM = 3
"""The most dimensions in which nearest neighbours tell densities; in more, far too many points would be needed."""
FAR_APART = 3.0
"""Two ways to one number differ where they do by so many of both their errors: of thirty steps, by chance in one model
of twelve."""
Array = NDArray[np.float32]


def space_time(values: Array, nats: Array, low: float, high: float, rows: int) -> Array:
    """Mean nats of the paths in each cell, (rows, N), not a number where no path is.

    `values` (N, P) says how high each path is at the beginning of step i, `nats` (N, P) is its excess or
    its contribution to the bound in that step. Row k holds what lies in the k-th of `rows` equal parts
    of `low` … `high`; paths beyond, and those that left the finite numbers, are left out.
    """
    steps = len(values)
    with np.errstate(over="ignore", invalid="ignore"):
        place = np.floor((values - low) * (rows / (high - low)))
        inside = (place >= 0) & (place < rows) & np.isfinite(nats)
    step = np.broadcast_to(np.arange(steps)[:, None], values.shape)[inside]
    return mean_by_cell(place[inside].astype(np.intp) * steps + step, nats[inside], (rows, steps))


def worst_points(nats: Array, step: int, count: int = 5) -> tuple[int, ...]:
    """The points that cost most at `step` of `nats` (N, P), the worst last; those that left do not count."""
    row = np.where(np.isfinite(nats[step]), nats[step], -np.inf)
    order = np.argsort(row, kind="stable")[-count:]
    return tuple(int(point) for point in order if np.isfinite(row[point]))


def differ(one: ArrayLike, other: ArrayLike, error: ArrayLike, other_error: ArrayLike) -> NDArray[np.bool_]:
    """Where two ways to the same numbers (…) are farther apart than their standard errors explain (`FAR_APART`)."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(np.subtract(one, other)) > FAR_APART * np.hypot(error, other_error))


def mean_of_cells(points: NDArray[Any], values: NDArray[Any], half: float, rows: int) -> NDArray[np.float32]:
    """Mean of `values` (P,) over the points (P, 2) in each cell of the square −half … half, (rows, rows).

    Row 0 is the lowest; a cell without a point has no number. Points beyond and those whose value is not
    finite are left out.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        place = np.floor((points + half) * (rows / (2 * half)))
        inside = ((place >= 0) & (place < rows)).all(axis=1) & np.isfinite(values)
    column, row = place[inside].astype(np.intp).T
    return mean_by_cell(row * rows + column, values[inside], (rows, rows))


def mean_by_cell(cell: NDArray[np.intp], values: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Mean of `values` (K,) over those with one number `cell` (K,), row by row, of `shape`; NaN where there is none."""
    size = shape[0] * shape[1]
    count = np.bincount(cell, minlength=size)
    total = np.bincount(cell, values.astype(np.float64), size)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean.reshape(shape).astype(np.float32)


IDLE = 0.01
"""Share of the backward drift below which the score counts as idle. In three trained models leaving the score
out cost a step of a smaller share less than 0.001 nats of the bound, and only steps of a larger one more."""
Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScoreShare:
    """What drift and score add to the backward drift, by step: row i is that of the step t_{i+1} → t_i."""

    drift: Doubles
    """Mean ‖f‖ at t_{i+1}, (N,); NaN where no point is finite."""
    score: Doubles
    """Mean ‖½(1+λ²) g² s‖ at t_{i+1}, (N,), the term of (17), with λ = 1 that of (9)."""

    @property
    def share(self) -> Doubles:
        """The score's length as a share of both lengths, (N,), 0 … 1; 0 where both are nothing."""
        total = self.drift + self.score
        return np.divide(self.score, total, out=np.where(np.isnan(total), np.nan, 0.0), where=total > 0)

    @property
    def idle(self) -> NDArray[np.bool_]:
        """Whether the score is too small to matter, (N,)."""
        return self.share < IDLE


def summed_lengths(states: Tensor, drift: Tensor, score: Tensor) -> Tensor:
    """Σ‖f‖, Σ‖s‖ and the number of points, (3, N) float64, of f and s (N, B, D) at `states` (N, B, D).

    Points whose state, drift or score left the finite numbers do not count. Batches of points add up.
    """
    import torch

    with torch.no_grad():
        # Sums over few components are faster as a product with ones
        ones = states.new_ones(states.shape[-1])
        lengths = torch.stack([(part.square() @ ones).sqrt() for part in (drift, score)])
        counted = (lengths.sum(0) + states @ ones).isfinite()
        sums = torch.where(counted, lengths, 0).sum(-1, dtype=torch.float64)
        return torch.cat([sums, counted.sum(-1, dtype=torch.float64)[None]])


def share_of_lengths(lengths: Doubles, g: Doubles, lam: float = 1.0) -> ScoreShare:
    """The share of `summed_lengths` (3, N) at t_1 … t_N with g (N+1,) and the noise level λ of (17)."""
    with np.errstate(invalid="ignore"):
        drift, score = lengths[:2] / np.where(lengths[2] > 0, lengths[2], np.nan)
    return ScoreShare(drift, 0.5 * (1 + lam * lam) * np.square(g[1:], dtype=np.float64) * score)


def score_share(fields: tuple[Field, Field], grid: TimeGrid, paths: Tensor, lam: float = 1.0) -> ScoreShare:
    """How long the two parts of the backward drift are along `paths` (N+1, B, D), by step.

    Points that left the finite numbers do not count. No step uses the score at t_0. Raises
    `SettingError` where the paths do not belong to the grid.
    """
    import torch

    if paths.dim() != 3 or len(paths) != grid.steps + 1:
        raise SettingError(f"Paths of {grid.steps} steps have {grid.steps + 1} states each.")
    with torch.no_grad():
        nodes = range(1, len(paths))
        drift, score = (torch.stack([field(i, paths[i]) for i in nodes]) for field in fields)
    return share_of_lengths(summed_lengths(paths[1:], drift, score).cpu().numpy(), grid.g.cpu().numpy(), lam)

"""Samples that explode or leave the data's support, and the step of their backward path that went wrong.

**Exploded** is a sample with a state that is not finite, with an end beyond ±4 in a component
(the share of method.md, section 15, of standardised data), or with a state on the way beyond ±4 and beyond its own
latent. **Off the support** is a finite end farther than 0.02 from the support where the data set knows
it, else farther from the nearest data point than 99.9% of held-out data are (one in a thousand of the
data itself is off by that rule). A sample may be both.

**Where it went wrong.** Going from its bad state (the end, or the farthest one on the way) back
towards the noise, the path is followed as long as its states are out of what the forward process
visits (see `visited`). The step that led into this last, unbroken run of states is the one. So an
early state that is out by chance and comes back is not blamed. The step may be the last one: the
path never left until then. It may be none: the bad state lies where the forward process goes too,
and so no step of the backward process went wrong. It may be the latent: the path began out there
and never came in, as one in a thousand does by chance, whatever happens to it later.
Beside it stands the largest jump ‖x_i − x_{i+1}‖ in units of what forward paths move at that step.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.by_steps import FAR, TOLERANCE_OUTSIDE
from dnf_studio.core.evaluation.fresh import in_model_units
from dnf_studio.core.exploration.visited import VisitedRegion, visit
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sampling.blocks import sample_blocks
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import Check

COUNT = 20_000
NEVER = -1
"""Stands for a step: the sample never left what the forward process visits."""
ROWS = 4096
"""Number of samples between two results."""
Z95 = 1.959964
Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class OutlierRows:
    """The outliers, one row each, by rising number; model units."""

    number: Whole
    """Number of the sample (K,):  the row of an export of the same seed, or the point of the display set."""
    lost: Mask
    """Whether a state is not finite, (K,)."""
    beyond: Mask
    """Whether, (K,), the end has a component beyond ±4, or is not finite."""
    way: Mask
    """Whether, (K,), a state on the way, and not the end, is beyond ±4 and beyond its own latent."""
    off: Mask
    """Whether, (K,), the end is finite and off the support."""
    end: Array
    """The samples x_0, (K, D)."""
    latent: Array
    """The latents x_N, (K, D)."""
    distance: Floats
    """Distance (K,) of the end to the nearest data point compared with; infinite where it is not finite."""
    step: Whole
    """Index i, (K,), of the step i + 1 → i that went wrong; N stands for the latent and `NEVER` for none."""
    jump: Floats
    """(K,) the largest ‖x_i − x_{i+1}‖ over what forward paths move at that step."""
    jump_step: Whole
    """Index i, (K,), of the step i + 1 → i with that jump."""

    def __len__(self) -> int:
        return len(self.number)

    @property
    def radius(self) -> Floats:
        """Norm ‖x_N‖ of the latents, (K,)."""
        lengths: Floats = np.linalg.norm(self.latent.astype(np.float64), axis=1)
        return lengths

    @property
    def exploded(self) -> Mask:
        """Whether each exploded, (K,)."""
        return self.lost | self.beyond | self.way


@dataclass(frozen=True, eq=False)
class Outliers:
    """The outliers among the first `drawn` of `total` samples of N = `steps`."""

    drawn: int
    total: int
    steps: int
    rows: OutlierRows
    known: bool
    """Whether the data set knows its support; else the nearest data points tell."""
    reach: float
    """How far from the support, or from the nearest data point, an end may be, model units."""
    compared: int
    """R: data and forward points that samples are compared with, and M = R of those held out."""
    data_beyond: float
    """Share of the held-out data with a component beyond ±4."""
    data_off: float
    """Share of the held-out data that is off the support by the same rule."""

    @property
    def exploded(self) -> int:
        """How many exploded."""
        return int(self.rows.exploded.sum())

    @property
    def beyond(self) -> int:
        """How many ends are beyond ±4 or not finite, the share of method.md, section 15."""
        return int(self.rows.beyond.sum())

    @property
    def off(self) -> int:
        """How many are off the support, exploded ones with a finite end included."""
        return int(self.rows.off.sum())

    @property
    def by_step(self) -> Whole:
        """(N+1,) how many went wrong in the step i + 1 → i, and last of all those whose latent did."""
        return np.bincount(self.rows.step[self.rows.step != NEVER], minlength=self.steps + 1).astype(np.int64)


def find_outliers(
    flow: GenerativeModel,
    dataset: Dataset,
    count: int = COUNT,
    settings: SampleSettings | None = None,
    *,
    visited: VisitedRegion | None = None,
    threads: int | None = None,
    check: Check | None = None,
) -> Iterator[Outliers]:
    """Draw `count` samples in blocks of bounded memory; what is told after each block holds all so far.

    The samples are those that an export with the same `settings` writes. `visited` spares the
    forward paths where somebody has them for this flow and grid; `check` is called between blocks and
    raises to leave. Raises `SettingError` and `DataError` for what cannot be.
    """
    chosen = settings or SampleSettings()
    grid = flow.grid_of(chosen)
    known = visited or visit(flow, dataset, grid, chosen.seed, check=check)
    model = in_model_units(flow)
    blocks = sample_blocks(model, count, chosen, trajectories=True, threads=threads, rows=ROWS, diverging=True)
    found: list[OutlierRows] = []
    for block in blocks:
        if check is not None:
            check()
        assert block.trajectories is not None
        paths = block.trajectories[:, ::-1].swapaxes(0, 1)
        here = outliers_among(paths, known, block.start)
        found.append(here.rows)
        yield replace(here, drawn=block.start + len(block.samples), total=count, rows=_joined(found))


def outliers_among(paths: Array, visited: VisitedRegion, first: int = 0) -> Outliers:
    """The outliers among whole backward paths (N+1, P, D), row i at t_i, model units, numbered from `first` on."""
    off = visited.off_support(paths[0])
    size = np.abs(paths).max(axis=2)
    size[~np.isfinite(size)] = np.inf
    finite = np.isfinite(size)
    lost = ~finite.all(axis=0)
    beyond = size[0] > FAR
    on_way = size[1:-1].max(axis=0, initial=0.0)
    way = ~lost & ~beyond & (on_way > np.maximum(FAR, size[-1]))
    bad = np.flatnonzero(lost | beyond | way | off)
    some = paths[:, bad]
    worst = np.where(way[bad], size[:, bad].argmax(axis=0), 0)
    jump, jump_step = _largest_jump(some, visited)
    rows = OutlierRows(
        number=bad + first,
        lost=lost[bad],
        beyond=beyond[bad],
        way=way[bad],
        off=off[bad],
        end=some[0].copy(),
        latent=some[-1].copy(),
        distance=visited.nodes[0].distance(some[0]),
        step=_gone_wrong(some, worst, off[bad], visited),
        jump=jump,
        jump_step=jump_step,
    )
    return Outliers(
        drawn=paths.shape[1],
        total=paths.shape[1],
        steps=len(paths) - 1,
        rows=rows,
        known=visited.support_known,
        reach=TOLERANCE_OUTSIDE if visited.support_known else float(visited.reach[0]),
        compared=len(visited.held_out),
        data_beyond=float((np.abs(visited.held_out) > FAR).any(axis=1).mean()),
        data_off=visited.data_off,
    )


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Wilson's interval for a share of which `hits` of `count` trials are known, at 95%.

    Reference: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
    """
    if count < 1:
        return 0.0, 1.0
    share, extra = hits / count, Z95 * Z95 / count
    middle = (share + extra / 2) / (1 + extra)
    half = Z95 * math.sqrt(share * (1 - share) / count + extra / (4 * count)) / (1 + extra)
    # At both ends rounding must not leave a share that is not there
    return (max(0.0, middle - half) if hits else 0.0), (min(1.0, middle + half) if hits < count else 1.0)


def _gone_wrong(paths: Array, worst: Whole, off: Mask, visited: VisitedRegion) -> Whole:
    """(K,) of the unbroken run of states out of what is visited that node `worst` is in, the node nearest the noise."""
    step = np.full(len(worst), NEVER, np.int64)
    follows = np.zeros(len(worst), np.bool_)
    for i, states in enumerate(paths):
        asked = np.flatnonzero(follows | (worst == i))
        if not len(asked):
            if not (worst > i).any():
                break
            continue
        out = visited.leaves(i, states[asked])
        if i == 0:
            out |= off[asked]
        follows[asked] = out
        step[asked[out]] = i
    return step


def _largest_jump(paths: Array, visited: VisitedRegion) -> tuple[Floats, Whole]:
    """(K,) the largest step of each path over the expected one, and which it is; infinite where it is not finite."""
    if not paths.shape[1]:
        return np.empty(0), np.empty(0, np.int64)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        moves = np.linalg.norm(np.diff(paths.astype(np.float64), axis=0), axis=2) / visited.stride[:, None]
    # In sampling order, so that of several that are not finite the first one counts
    later: Floats = np.where(np.isnan(moves), np.inf, moves)[::-1]
    first = later.argmax(axis=0)
    return later[first, np.arange(later.shape[1])], len(moves) - 1 - first


def _joined(parts: list[OutlierRows]) -> OutlierRows:
    names = [each.name for each in fields(OutlierRows)]
    return OutlierRows(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

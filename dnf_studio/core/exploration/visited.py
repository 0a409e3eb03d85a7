"""Where the forward process goes: its points at every node, and how near to them another of its points would be.

A backward path that the model gets right runs where forward paths run. Whether a state does is told
by its distance to the nearest of R forward points at the same node: it is out of what they visit
where that exceeds the 99.9% quantile of the same distance of M other forward points, from other data
and other noise. One in a thousand states of a perfect model is out by that rule at each node. In
many dimensions all distances are much alike, and only what is far away is told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.evaluation.by_steps import TOLERANCE_OUTSIDE
from dnf_studio.core.evaluation.fresh import between_units, check_columns
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import single_threaded_kernels
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.errors import Check

POINTS, FEWER = 10_000, 5_000
"""Forward points compared with, and as many held out to say how far apart they are; the fewer where the nearest are
found slowly, beyond three components."""
FAST_DIM = 3
QUANTILE = 0.999
MAX_NUMBERS = 16_000_000
"""Most numbers in all forward points: with very many steps or components there are fewer of them."""
TREE_DIM = 8
"""Beyond so many components a tree finds the nearest no sooner than looking at all."""
ROWS = 512
STREAM = 0x0F0B
Array = NDArray[np.float32]
Distances = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class VisitedRegion:
    """The region that forward paths visit, in model units; row i of everything belongs to node i at t_i."""

    nodes: tuple[Nearest, ...]
    """(N+1,) the R forward points of each node."""
    reach: Distances
    """(N+1,) the 99.9% quantile of the distances of held-out forward points to those; infinite where there are none."""
    stride: Distances
    """(N,) the expected step: root mean square of ‖x_{i+1} − x_i‖ over the forward paths."""
    held_out: Array
    """(M, D) the data that the held-out forward points began at."""
    dataset: Dataset
    units: Standardisation
    """Standardisation of the model."""

    def leaves(self, i: int, x: Array) -> Mask:
        """Which states (K, D) are out of what the forward process visits at node i; those not finite are."""
        inside: Mask = self.nodes[i].distance(x, float(self.reach[i])) <= self.reach[i]
        return ~inside

    def off_support(self, ends: Array) -> Mask:
        """Which finite `ends` (K, D) are off the support of the data."""
        finite = np.isfinite(ends.sum(axis=1, dtype=np.float64))
        outside = self._outside(np.where(finite[:, None], ends, np.float32(0)))
        off: Mask = finite & (self.leaves(0, ends) if outside is None else outside)
        return off

    @cached_property
    def support_known(self) -> bool:
        """Whether the data set knows its support; else the nearest data points tell."""
        return self._outside(self.held_out[:1]) is not None

    @cached_property
    def data_off(self) -> float:
        """Share of the held-out data that is off the support by the rule of `off_support`."""
        return float(self.off_support(self.held_out).mean())

    def _outside(self, x: Array) -> Mask | None:
        own = between_units(self.units, self.dataset.standardisation, torch.from_numpy(x))
        return self.dataset.outside(own, TOLERANCE_OUTSIDE)


class Nearest:
    """Distances to the nearest of some points (R, D)."""

    def __init__(self, points: Array) -> None:
        self.points = points[np.isfinite(points).all(axis=1)]
        small = self.points.shape[1] <= TREE_DIM and len(self.points) > 0
        self._tree = KDTree(self.points) if small else None

    def distance(self, x: Array, bound: float = np.inf) -> Distances:
        """Distance (K,) of x (K, D) to the nearest point; infinite where x is not finite or none is within `bound`."""
        found = np.full(len(x), np.inf)
        finite = np.isfinite(x).all(axis=1)
        if not len(self.points) or not finite.any():
            return found
        if self._tree is not None:
            # The bound is exclusive, and whoever compares with it means it to be inclusive
            found[finite] = self._tree.query(x[finite], distance_upper_bound=np.nextafter(bound, np.inf))[0]
        else:
            found[finite] = _all_distances(x[finite], self.points)
        return found


def visit(
    flow: GenerativeModel,
    dataset: Dataset,
    grid: TimeGrid,
    seed: int = 0,
    points: int | None = None,
    check: Check | None = None,
) -> VisitedRegion:
    """Carry `points` training points and as many held-out ones forward (11) on `grid`, each with noise of its own.

    There are 10,000 of either, 5,000 beyond three components, unless `points` says another number. A
    data set with fewer held-out rows begins several paths at each. `check` is called at every step
    and raises to leave. Raises `DataError` where the data does not fit the model.
    """
    check_columns(flow, dataset)
    most = points or (POINTS if flow.dim <= FAST_DIM else FEWER)
    count = max(2, min(most, MAX_NUMBERS // (2 * (grid.steps + 1) * flow.dim)))
    x, held_out = _starts(flow, dataset, count, seed)
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(STREAM,)))
    nodes, reach, stride = [Nearest(_numpy(x[:count]))], [], []
    reach.append(_quantile(nodes[0].distance(held_out)))
    with torch.inference_mode(), single_threaded_kernels():
        shape, like = tuple(x.shape), x

        def eps(_: int) -> Tensor:
            return torch.from_numpy(random.standard_normal(shape, np.float32)).to(like)

        states = flow.encoder(grid)(x, eps)
        next(states)
        for moved in states:
            if check is not None:
                check()
            stride.append(_root_mean_square(_numpy(moved - x)))
            x = moved
            nodes.append(Nearest(_numpy(x[:count])))
            reach.append(_quantile(nodes[-1].distance(_numpy(x[count:]))))
    return VisitedRegion(tuple(nodes), np.array(reach), np.array(stride), held_out, dataset, flow.standardisation)


def _starts(flow: GenerativeModel, dataset: Dataset, count: int, seed: int) -> tuple[Tensor, Array]:
    """`count` training and then as many held-out points, (2 · count, D), model units, and the latter alone."""
    train = dataset.draw(count, torch.Generator().manual_seed(seed % 2**63))
    fresh = dataset.fresh(count, seed)
    fresh = fresh[torch.arange(count) % len(fresh)]
    x = between_units(dataset.standardisation, flow.standardisation, torch.cat([train, fresh])).to(flow.timestamps)
    return x, _numpy(x[count:])


def _quantile(distances: Distances) -> float:
    """The smallest of the distances that at least 99.9% do not exceed."""
    return float(np.quantile(distances, QUANTILE, method="inverted_cdf"))


def _root_mean_square(moves: Array) -> float:
    """(P, D) -> the root mean square length of the finite ones."""
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.square(moves, dtype=np.float64).sum(axis=1)
    kept = squares[np.isfinite(squares)]
    return float(np.sqrt(kept.mean())) if len(kept) else np.inf


def _all_distances(x: Array, points: Array) -> Distances:
    """(K,) the distance to the nearest, by looking at all."""
    others = torch.from_numpy(points)
    with torch.inference_mode(), single_threaded_kernels():
        parts = torch.split(torch.from_numpy(x), ROWS)
        found: Distances = torch.cat([torch.cdist(part, others).amin(dim=1) for part in parts]).double().numpy()
        return found


def _numpy(x: Tensor) -> Array:
    array: Array = x.cpu().float().numpy()
    return array

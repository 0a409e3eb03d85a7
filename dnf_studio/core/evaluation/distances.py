"""Sliced Wasserstein-2 distances between equally many points, and what is said of them (method.md, section 15).

Written out rather than taken from POT: its `sliced_wasserstein_distance` draws random directions
where ours are equally spaced angles, and sorts both sets at every call where a set of fresh
points is compared several times. On a line a sort of each set is the whole optimal transport.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.parallel import BlockPool, worker_threads

DIRECTIONS = 64
DIRECTION_SEED = 0
GROUP = 1 << 18
"""Projected numbers taken in one go: a line at a time of a large set, all lines of a small one."""
CONFIDENCE = 0.975
FEWEST_SHARES = 3
"""With two shares Student's t gives an interval so wide that it says nothing, and one pair of sets has one share."""
Array = NDArray[np.float32]
EQUAL = 0.005
"""A distance whose interval ends here or below is as good as none, in units of standardised data."""
RESAMPLES = 4000
Word = Literal["told apart", "equal", "unresolved"]
Shares = Mapping[int, Sequence[float]]
"""The shares in D² of the draws, by training seed."""


@cache
def directions(dim: int, count: int = DIRECTIONS) -> Array:
    """Unit vectors (K, D): the line itself in 1-D, `count` equally spaced angles of a half turn in 2-D.

    Beyond, `count` uniform directions of a fixed seed. A half turn is all there is: opposite
    directions give the same distance.
    """
    if dim == 1:
        rows = np.ones((1, 1))
    elif dim == 2:
        angles = np.arange(count) * (math.pi / count)
        rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    else:
        rows = np.random.default_rng(DIRECTION_SEED).standard_normal((count, dim))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Array = rows.astype(np.float32)
    unit.flags.writeable = False
    return unit


class Projections:
    """A set of points projected on each direction and sorted: `values` (K, n), float32.

    The directions are those of `directions` unless others are given, (K, D).
    """

    def __init__(self, points: Array, along: Array | None = None, threads: int | None = None) -> None:
        lines = directions(points.shape[1]) if along is None else along
        columns = np.ascontiguousarray(points.T, dtype=np.float32)
        self.values = np.empty((len(lines), len(points)), np.float32)

        def project(part: slice) -> None:
            rows = self.values[part]
            np.matmul(lines[part], columns, out=rows)
            rows.sort(axis=1)

        groups = _groups(self.values)
        with BlockPool(min(len(groups), worker_threads() if threads is None else threads)) as pool:
            pool.map(project, groups)


def squared_distance(a: Projections, b: Projections) -> float:
    """SWD²: the mean over directions of W₂² between two sets of equally many projected points."""
    if a.values.shape != b.values.shape:
        raise ValueError(f"projections of shapes {a.values.shape} and {b.values.shape} cannot be compared")
    parts = (np.square(a.values[part] - b.values[part]).sum(dtype=np.float64) for part in _groups(a.values))
    return float(sum(parts)) / a.values.size


def _groups(values: Array) -> list[slice]:
    """The rows of `values` in groups of at most `GROUP` numbers, at least one row each."""
    rows = max(1, GROUP // max(1, values.shape[1]))
    return [slice(k, k + rows) for k in range(0, len(values), rows)]


def signed_root(squared: float) -> float:
    """sign(D²) √|D²|: a distance that chance alone brings about is as often negative as positive."""
    return math.copysign(math.sqrt(abs(squared)), squared)


def word_of(low: float, high: float) -> Word:
    """What is said of a distance whose 95% interval goes from `low` to `high`.

    *Equal* to the data where it ends at `EQUAL` or below, though it may lie above 0; else *told apart* where it lies
    above 0; else *unresolved*, which decides nothing.
    """
    if high <= EQUAL:
        return "equal"
    return "told apart" if low > 0 else "unresolved"


@dataclass(frozen=True)
class Distance:
    """A debiased sliced Wasserstein-2 distance, in the units of the points, and what is known of it.

    Errors come from sets that share nothing; they are None of fewer than three sets.
    """

    value: float
    """sign(D²) √|D²|: negative where samples happen to be nearer to the data than the data to itself."""
    error: float | None
    """Half of what lies between the roots of D² less and plus one standard error."""
    low: float | None
    """The root of the lower end of the 95% interval of D², by Student's t over the sets."""
    high: float | None
    resolution: float | None
    """The root of half that interval: a distance has to exceed it to be told apart."""
    floor: float
    """What two sets of the data differ by, √ of the mean SWD²; debiased it is 0."""
    squares: tuple[float, ...]
    """Each set's share in D², which is their mean: what means over several models are made of."""

    @property
    def told_apart(self) -> bool | None:
        """Whether the interval of D² lies above 0; None where there is no interval."""
        return None if self.low is None else self.low > 0

    @property
    def word(self) -> Word | None:
        """What `word_of` says of its interval; None where there is no interval."""
        return None if self.low is None or self.high is None else word_of(self.low, self.high)

    @classmethod
    def of(cls, squares: Sequence[float], floor: float) -> Distance:
        """From each set's share in D² and the floor; Student's t takes the shares as draws of one quantity."""
        from scipy.special import stdtrit

        shares = np.asarray(squares, np.float64)
        mean, count = float(shares.mean()), len(shares)
        if count < FEWEST_SHARES:
            return cls(signed_root(mean), None, None, None, None, floor, tuple(squares))
        error = float(shares.std(ddof=1)) / math.sqrt(count)
        half = float(stdtrit(count - 1, CONFIDENCE)) * error
        near, far = signed_root(mean - error), signed_root(mean + error)
        ends = signed_root(mean - half), signed_root(mean + half)
        return cls(signed_root(mean), (far - near) / 2, *ends, math.sqrt(half), floor, tuple(squares))


class Comparison:
    """K sets of samples m_k beside K sets of data d_k, all of them independent and of one size.

    With second sets m′ and d′, D² = SWD²(m, d) − ½[SWD²(m, m′) + SWD²(d, d′)] (method.md, section 15). Here m and d′
    are those of one k, m′ and d those of another one, and D² is the mean over all such pairs. With δ_k = m_k − d_k, the
    differences of the sorted projections, it is the mean of δ_k · δ_l over k ≠ l: right in the mean, 0 for equal
    distributions, and as precise however the points are cut into sets. The shares of
    the sets are the jackknife's pseudo-values (Efron and Stein 1981, Annals of Statistics 9, 586), whose spread never
    comes out too small in the mean: an exact sampler is told apart from its data less often than once in twenty.
    """

    def __init__(self) -> None:
        self._rows: list[Array] = []
        self._within: list[float] = []
        self._before: Projections | None = None

    def add(self, samples: Projections, data: Projections) -> None:
        """One more pair of sets; raises `ValueError` where they are not as large as those before."""
        if self._before is not None:
            self._within.append(squared_distance(self._before, data))
        if samples.values.shape != data.values.shape:
            raise ValueError(f"{samples.values.shape} and {data.values.shape} cannot be compared")
        self._rows.append(samples.values - data.values)
        self._before = data

    def found(self) -> Distance | None:
        """What they say; None of fewer than two pairs of sets, or where a number is not finite."""
        count = len(self._rows)
        if count < 2:
            return None
        products = np.zeros((count, count))
        for k, a in enumerate(self._rows):
            for j in range(k):
                products[k, j] = products[j, k] = _mean_product(a, self._rows[j])
        own, total = products.sum(1), float(products.sum())
        if count == 2:
            squares = [total / 2]
        else:
            squares = [float(total / (count - 1) - (total - 2 * row) / (count - 2)) for row in own]
        floor = math.sqrt(float(np.mean(self._within)))
        return Distance.of(squares, floor) if np.isfinite([*squares, floor]).all() else None


def _mean_product(a: Array, b: Array) -> float:
    parts = (np.einsum("kn,kn->k", a[part], b[part]).sum(dtype=np.float64) for part in _groups(a))
    return float(sum(parts)) / a.size


@dataclass(frozen=True)
class Pooled:
    """A distance of one kind of model over its training seeds and draws: signed roots of D² and of its 95% interval."""

    value: float
    low: float
    high: float

    @property
    def word(self) -> Word:
        """What `word_of` says of the interval."""
        return word_of(self.low, self.high)


def pooled(shares: Shares) -> Pooled | None:
    """Mean and 95% interval of D² over training seeds and draws, both drawn anew; None without seeds.

    Of few seeds such an interval is rather short: comparisons of models use Student's t over seeds instead.
    """
    if not shares:
        return None
    rows, source = list(shares.values()), np.random.default_rng(0)
    # A mean over draws for each place that a seed may be drawn to
    means = [np.asarray(row)[source.integers(0, len(row), (RESAMPLES, len(rows), len(row)))].mean(-1) for row in rows]
    seeds = source.integers(0, len(rows), (RESAMPLES, len(rows)))
    drawn = np.stack(means)[seeds, np.arange(RESAMPLES)[:, None], np.arange(len(rows))].mean(1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    value = float(np.mean([np.mean(row) for row in rows]))
    return Pooled(signed_root(value), signed_root(float(low)), signed_root(float(high)))

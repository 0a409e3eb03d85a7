"""The same latents and Brownian paths sampled in several ways: what N, grid, λ or the last step does to samples.

Each way is compared with fresh data and with a way of reference, by the debiased sliced Wasserstein
distance of METHOD 8. The samples of two ways belong together row by row, which would make them look
closer than two independent sets ever are; so the set of reference has latents and noise of its own,
and its floor is what two independent sets of the reference differ by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.by_steps import TOLERANCE_OUTSIDE
from dnf_studio.core.evaluation.distances import Projections, debiased, squared_distance
from dnf_studio.core.evaluation.fresh import between_units, fresh_points, halves, in_model_units
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import single_threaded_kernels
from dnf_studio.core.sampling.blocks import SampleSettings, sample_blocks
from dnf_studio.errors import DivergenceError, SettingError

__all__ = ["Distance", "Variant", "compare_variants"]

POINTS, SEEDS, SHOWN = 20_000, 2, 2_000
OTHER_SEED = 1_000
"""From the seed of a set to that of its independent partner."""
Array = NDArray[np.float32]
Check = Callable[[], None]


@dataclass(frozen=True)
class Distance:
    """Sliced Wasserstein-2, model units."""

    value: float
    """Debiased: what is left of it beyond the floor, 0 at least."""
    floor: float
    """What two independent sets of as many points of one distribution differ by."""


@dataclass(frozen=True, eq=False)
class Variant:
    """The samples of one way."""

    settings: SampleSettings
    samples: Array
    """(P, D) the first of them, model units; none where they left the finite numbers."""
    to_data: Distance | None
    """None without data, or where samples are not finite."""
    to_reference: Distance | None
    """None without a way of reference, or where samples of either are not finite."""
    outside: float | None
    """Share of samples farther than 0.02 from the support of the data; None where that is not known."""
    evaluations: int
    """Of the networks, for each sample."""


def compare_variants(
    flow: GenerativeModel,
    ways: Sequence[SampleSettings],
    dataset: Dataset | None = None,
    reference: SampleSettings | None = None,
    *,
    points: int = POINTS,
    seeds: int = SEEDS,
    shown: int = SHOWN,
    threads: int | None = None,
    check: Check | None = None,
) -> Iterator[Variant]:
    """One `Variant` for each of `ways`, in this order; their seeds do not count.

    `seeds` times `points` samples are compared, fewer where the data has fewer; all ways begin at the
    same latents, and those with the same grid use the same noise at each step. `check` is called
    before every second or so of work and raises to leave. Raises `SettingError` for a wrong number,
    and `DataError` where the data does not fit the model, at the first `next`.
    """
    if min(points, seeds) < 1:
        raise SettingError("A comparison needs at least one point and one seed.")
    study = _Study(flow, dataset, reference, points, seeds, threads, check or (lambda: None))
    for way in ways:
        yield study.look_at(way, shown)


class _Study:
    """What all ways are compared with."""

    def __init__(
        self,
        flow: GenerativeModel,
        dataset: Dataset | None,
        reference: SampleSettings | None,
        points: int,
        seeds: int,
        threads: int | None,
        check: Check,
    ) -> None:
        self._flow, self._dataset, self._reference = flow, dataset, reference
        self._points, self._seeds = points, range(seeds)
        self._threads, self._check = threads, check
        self._data: list[Projections] = []
        self._data_floor: list[float] = []
        self._others: list[Projections] = []
        self._other_floor: list[float] = []
        if dataset is not None:
            self._take_data(dataset)
        if reference is not None:
            self._take_reference(reference)

    def look_at(self, way: SampleSettings, shown: int) -> Variant:
        """Sample it and compare."""
        cost = self._flow.evaluations(way.steps or len(self._flow.timestamps) - 1, way.solver)
        try:
            sets = [self._samples(way, seed) for seed in self._seeds]
        except DivergenceError:
            return Variant(way, np.empty((0, self._flow.dim), np.float32), None, None, None, cost)
        projected = [self._project(points) for points in sets]
        outside = [share for points in sets if (share := self._outside(points)) is not None]
        return Variant(
            way,
            sets[0][:shown].copy(),
            _distance(projected, self._data, self._data_floor),
            _distance(projected, self._others, self._other_floor),
            float(np.mean(outside)) if outside else None,
            cost,
        )

    def _take_data(self, dataset: Dataset) -> None:
        """Pairs of independent sets of the data; a small one gives fewer points."""
        for seed in self._seeds:
            self._check()
            with single_threaded_kernels():
                x = fresh_points(self._flow, dataset, 2 * self._points, seed + 1)
                data, other = halves(x, self._points, seed)
            if not len(data):
                self._data = []
                return
            self._points = len(data)
            self._data.append(self._project(data))
            self._data_floor.append(squared_distance(self._data[-1], self._project(other)))

    def _take_reference(self, way: SampleSettings) -> None:
        try:
            for seed in self._seeds:
                own = self._project(self._samples(way, seed))
                self._others.append(self._project(self._samples(way, seed + OTHER_SEED)))
                self._other_floor.append(squared_distance(own, self._others[-1]))
        except DivergenceError:
            self._others = []

    def _samples(self, way: SampleSettings, seed: int) -> Array:
        """(n, D), model units."""
        model = in_model_units(self._flow)
        drawn = []
        for block in sample_blocks(model, self._points, replace(way, seed=seed), threads=self._threads):
            self._check()
            drawn.append(block.samples)
        return np.concatenate(drawn)

    def _project(self, points: Array) -> Projections:
        self._check()
        return Projections(points, threads=self._threads)

    def _outside(self, points: Array) -> float | None:
        if self._dataset is None:
            return None
        with single_threaded_kernels():
            own = between_units(self._flow.standardisation, self._dataset.standardisation, torch.from_numpy(points))
            outside = self._dataset.outside(own, TOLERANCE_OUTSIDE)
        return None if outside is None else float(outside.mean())


def _distance(sets: Sequence[Projections], others: Sequence[Projections], floor: Sequence[float]) -> Distance | None:
    if not others:
        return None
    squares = [squared_distance(a, b) for a, b in zip(sets, others, strict=True)]
    value, within = debiased(squares, floor)
    return Distance(value, within) if np.isfinite([value, within]).all() else None

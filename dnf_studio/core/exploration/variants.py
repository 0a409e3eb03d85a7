"""The same latents and Brownian paths sampled in several ways: what N, grid, λ or the last step does to samples.

Each way is compared with fresh data and with a way of reference, by the debiased sliced Wasserstein
distance of method.md, section 15. Each way has fresh points of its own. The samples of two ways belong together row by
row, which would make them look closer than two independent sets ever are; so the sets of reference have
latents and noise of their own, the same for all ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.by_steps import TOLERANCE_OUTSIDE
from dnf_studio.core.evaluation.distances import Comparison, Distance, Projections
from dnf_studio.core.evaluation.fresh import between_units, fresh_sets, in_model_units, own_seed
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import single_threaded_kernels
from dnf_studio.core.sampling.blocks import sample_blocks
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import Check, DivergenceError, SettingError

POINTS, SETS, SHOWN = 40_000, 8, 2_000
"""As many points in fewer sets tell no more apart, and their error is known less (`distances.Comparison`)."""
SEED, OTHER_SEED = 0, 1_000
"""Seeds of the samples of each way to draw them, and of those of the reference that they are compared with."""
Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Variant:
    """The samples of one way to draw them, and their distances."""

    settings: SampleSettings
    samples: Array
    """The first of them, (P, D), model units; none where they left the finite numbers."""
    to_data: Distance | None
    """Distance to data; None without data, or where samples are not finite."""
    to_reference: Distance | None
    """Distance to the samples of reference; None without these, or where samples of either are not finite."""
    outside: float | None
    """Share of samples farther than 0.02 from the support of the data; None where that is not known."""
    evaluations: int
    """Evaluations of the networks for each sample."""
    multiply_adds: int = 0
    """Multiply-adds of these (`FieldNetwork.multiply_adds`)."""


def compare_variants(
    flow: GenerativeModel,
    ways: Sequence[SampleSettings],
    dataset: Dataset | None = None,
    reference: SampleSettings | None = None,
    *,
    points: int = POINTS,
    sets: int = SETS,
    shown: int = SHOWN,
    threads: int | None = None,
    check: Check | None = None,
) -> Iterator[Variant]:
    """One `Variant` for each of `ways`, in this order; their seeds do not count.

    `points` samples are compared in so many sets, fewer where the data has fewer; all ways begin at the
    same latents, and those with the same grid use the same noise at each step. `check` is called
    before every second or so of work and raises to leave. Raises `SettingError` for a wrong number,
    and `DataError` where the data does not fit the model, at the first `next`.
    """
    if min(points, sets) < 1:
        raise SettingError("A comparison needs at least one point and one set.")
    study = _Study(flow, dataset, reference, points, sets, threads, check or (lambda: None))
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
        sets: int,
        threads: int | None,
        check: Check,
    ) -> None:
        self._flow, self._dataset, self._reference = flow, dataset, reference
        self._points, self._sets = points, min(sets, points)
        self._threads, self._check = threads, check
        self._others: list[Projections] = []
        if dataset is not None:
            self._fit_to(dataset)
        if reference is not None:
            self._take_reference(reference)

    def look_at(self, way: SampleSettings, shown: int) -> Variant:
        """Draw samples by this way and compare them."""
        steps = way.steps or len(self._flow.timestamps) - 1
        cost = self._flow.evaluations(steps, way.solver), self._flow.multiply_adds(steps, way.solver)
        try:
            samples = self._samples(way, SEED)
        except DivergenceError:
            return Variant(way, np.empty((0, self._flow.dim), np.float32), None, None, None, *cost)
        own, data = self._projected(samples), [self._project(points) for points in self._fresh(way)]
        to_data, to_reference = _distance(own, data), _distance(own, self._others)
        return Variant(way, samples[:shown].copy(), to_data, to_reference, self._outside(samples), *cost)

    def _fit_to(self, dataset: Dataset) -> None:
        """Use as many and as large sets as the data has points for; without data all that is asked for."""
        sets = fresh_sets(self._flow, dataset, self._sets, self._points // self._sets, 0)
        if sets:
            self._points, self._sets = len(sets) * len(sets[0]), len(sets)

    def _fresh(self, way: SampleSettings) -> list[Array]:
        """The sets of data that samples of `way` are compared with."""
        if self._dataset is None:
            return []
        self._check()
        seed = own_seed(self._flow, "data", replace(way, seed=0))
        with single_threaded_kernels():
            return fresh_sets(self._flow, self._dataset, self._sets, self._points // self._sets, seed)

    def _take_reference(self, way: SampleSettings) -> None:
        try:
            self._others = self._projected(self._samples(way, OTHER_SEED))
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

    def _projected(self, samples: Array) -> list[Projections]:
        size = self._points // self._sets
        return [self._project(samples[k * size : (k + 1) * size]) for k in range(self._sets)]

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


def _distance(sets: Sequence[Projections], others: Sequence[Projections]) -> Distance | None:
    if not others:
        return None
    compared = Comparison()
    for own, other in zip(sets, others, strict=True):
        compared.add(own, other)
    return compared.found()

"""The samples of a model at each N beside fresh data, as method.md, section 15 compares them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.classes import ClassShare
from dnf_studio.core.evaluation.distances import Comparison, Distance, Projections, Word
from dnf_studio.core.evaluation.fresh import (
    BoundingBox,
    OwnSeeds,
    between_units,
    fresh_sets,
    in_data_units,
    in_model_units,
)
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sampling.blocks import sample_blocks
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import DivergenceError

POINTS = 200_000
SEEDS = 5
"""Sets of samples and of data; with `POINTS` as method.md, section 15 says: 40 s on two cores at the default steps."""
FEWEST_SETS = 5
"""With fewer sets the error is hardly known; smaller sets tell as much apart (`distances.Comparison`)."""
FAR = 4.0
TOLERANCE_OUTSIDE = 0.02
Progress = Callable[[str], None]
Array = NDArray[np.float32]


@dataclass(frozen=True)
class StepRow:
    """The samples of one N; None where a distance is not known."""

    steps: int
    nfe: int
    """Network evaluations a sample, as the model and the solver make them."""
    sliced_wasserstein: float | None = None
    """Debiased sliced Wasserstein-2 distance to fresh data, model units; negative by chance (`distances.Distance`)."""
    sliced_wasserstein_error: float | None = None
    """Its standard error, mapped through the root."""
    told_apart: bool | None = None
    """Whether the 95% interval of the squared distance lies above 0; if not, the distance is no rank."""
    resolution: float | None = None
    """What the distance has to exceed for that."""
    floor: float | None = None
    """What two independent sets of the data differ by."""
    outside: float | None = None
    """Share of samples farther than 0.02 from the support."""
    beyond_4: float | None = None
    """Share of samples with a component beyond ±4."""
    farthest: float | None = None
    """The greatest distance of a component from the middle of the fresh points' bounding box, in half its sides.

    All pixels of images have one range.
    """
    squares: tuple[float, ...] | None = None
    """Each set's share in the squared distance."""
    nll_bound: float | None = None
    """The bound at this N, nats; None where not asked."""
    attainable: float | None = None
    """The least NLL that the chain of this N can have, whatever its networks say; None where that is not known."""
    feature_distance: float | None = None
    """The squared Fréchet distance to rows to test on in a classifier's features, debiased (`Classes.distance`)."""
    feature_distance_error: float | None = None
    """Its standard error over those rows and the samples."""
    feature_floor: float | None = None
    """What as many other real rows would differ by, not debiased."""
    classes: ClassShare | None = None
    """What a classifier of the real rows says of samples at this N; None where the data has no classes."""
    multiply_adds: int | None = None
    """Multiply-adds of the network evaluations a sample."""
    word: Word | None = None
    """Whether the samples are *equal* to the data, *told apart* from it, or neither (`distances.word_of`)."""


def step_rows(
    flow: GenerativeModel,
    dataset: Dataset,
    steps: Sequence[int],
    points: int,
    seeds: int,
    tell: Progress,
    solver: str | None = None,
    purpose: str = "",
) -> tuple[StepRow, ...]:
    """The samples by `solver` at each N of `steps`, as `evaluate` compares them, without the rest of it.

    Each N of each model has samples and fresh points of its own, in `seeds` sets of `points`, or as many points in
    more sets where those would be too few for an error. Another `purpose` has others again: what a solver is chosen
    by is not what it is judged by.
    """
    parts = math.ceil(FEWEST_SETS / seeds)
    sets, purposes, own = (seeds * parts, max(1, points // parts)), (purpose,) if purpose else (), OwnSeeds(flow)
    name = flow.checked_solver(solver).name

    def seed(what: str, n: int, *more: object) -> int:
        return own(what, n, name, *purposes, *more)

    return tuple(_measured(flow, dataset, n, sets, tell, solver, seed) for n in steps)


@dataclass(frozen=True)
class _Drawn:
    """What one set of samples says besides its distance."""

    outside: float | None
    beyond: float
    farthest: float


def _measured(
    flow: GenerativeModel,
    dataset: Dataset,
    n: int,
    sets: tuple[int, int],
    tell: Progress,
    solver: str | None,
    seed: Callable[..., int],
) -> StepRow:
    cost = StepRow(n, flow.evaluations(n, solver), multiply_adds=flow.multiply_adds(n, solver))
    data = fresh_sets(flow, dataset, *sets, seed("data", n))
    if not data:  # a file with one row held out: no two sets to compare
        return cost
    box = BoundingBox.of(_in_range(flow, dataset, np.concatenate(data)), joint=dataset.image is not None)
    compared, found = Comparison(), []
    for k, points in enumerate(data):
        tell(f"samples at N = {n}, set {k + 1} of {len(data)}")
        try:
            samples = drawn(flow, len(points), n, seed("samples", n, k), solver)
        except DivergenceError as error:
            tell(str(error))
            return cost
        compared.add(Projections(samples), Projections(points))
        found.append(_looked_at(flow, dataset, samples, box))
    return _row(cost, compared.found(), found)


def _looked_at(flow: GenerativeModel, dataset: Dataset, samples: Array, box: BoundingBox) -> _Drawn:
    own = between_units(flow.standardisation, dataset.standardisation, torch.from_numpy(samples))
    outside = dataset.outside(own, TOLERANCE_OUTSIDE)
    beyond = float((np.abs(samples) > FAR).any(axis=1).mean())
    share = None if outside is None else float(outside.mean())
    return _Drawn(share, beyond, box.farthest(_in_range(flow, dataset, samples)))


def _in_range(flow: GenerativeModel, dataset: Dataset, samples: Array) -> Array:
    """Samples (n, D) in model units as a person gets them, where distances in model units would be others."""
    if dataset.image is None and flow.standardisation.logit is None:
        return samples
    return in_data_units(flow, torch.from_numpy(samples))


def _row(cost: StepRow, distance: Distance | None, found: Sequence[_Drawn]) -> StepRow:
    outside = [one.outside for one in found if one.outside is not None]
    row = replace(
        cost,
        outside=float(np.mean(outside)) if outside else None,
        beyond_4=float(np.mean([one.beyond for one in found])),
        farthest=finite(max(one.farthest for one in found)),
    )
    if distance is None:
        return row
    return replace(
        row,
        sliced_wasserstein=distance.value,
        sliced_wasserstein_error=distance.error,
        told_apart=distance.told_apart,
        resolution=distance.resolution,
        floor=distance.floor,
        squares=distance.squares,
        word=distance.word,
    )


def drawn(flow: GenerativeModel, count: int, steps: int, seed: int, solver: str | None = None) -> Array:
    """Samples (n, D) in model units."""
    settings = SampleSettings(steps=steps, seed=seed, solver=solver)
    return np.concatenate([block.samples for block in sample_blocks(in_model_units(flow), count, settings)])


def finite(value: float) -> float | None:
    """`value`, or None where it is not finite."""
    return value if math.isfinite(value) else None

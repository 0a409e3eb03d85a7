"""The samples of a model at each N beside fresh data, by the protocol of METHOD 8."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.classes import ClassShare
from dnf_studio.core.evaluation.distances import Projections, debiased, squared_distance
from dnf_studio.core.evaluation.far import BoundingBox, in_data_units
from dnf_studio.core.evaluation.fresh import between_units, fresh_points, halves, in_model_units
from dnf_studio.core.models.base import GenerativeModel, Solver
from dnf_studio.core.sampling.blocks import SampleSettings, sample_blocks
from dnf_studio.errors import DivergenceError

__all__ = [
    "FAR",
    "POINTS",
    "SEEDS",
    "TOLERANCE_OUTSIDE",
    "Progress",
    "StepRow",
    "drawn",
    "finite",
    "step_rows",
]

POINTS = 200_000
SEEDS = 5
"""Pairs of sampling and data seeds; with `POINTS` the protocol of METHOD 8, 40 s on two cores at the default steps."""
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
    sliced_wasserstein: float | None
    """Debiased sliced Wasserstein-2 distance to fresh data, model units."""
    floor: float | None
    """What two independent draws of the data differ by."""
    outside: float | None
    """Share of samples farther than 0.02 from the support."""
    beyond_4: float | None
    """Share of samples with a component beyond ±4."""
    farthest: float | None = None
    """The greatest distance of a component from the middle of the fresh points' bounding box, in half its sides.

    All pixels of images have one range.
    """
    nll_bound: float | None = None
    """The bound at this N, nats; None where not asked."""
    classes: ClassShare | None = None
    """What a classifier of the real rows says of samples at this N; None where the data has no classes."""


def step_rows(
    flow: GenerativeModel,
    dataset: Dataset,
    steps: Sequence[int],
    points: int,
    seeds: int,
    tell: Progress,
    solver: Solver | None = None,
) -> tuple[StepRow, ...]:
    """The samples by `solver` at each N of `steps`, as `evaluate` compares them, without the rest of it."""
    # Seeds are the outer loop, so that one pair of data draws is kept at a time
    floor: list[float] = []
    evaluations = {n: flow.evaluations(n, solver) for n in steps}
    found: dict[int, list[_Compared] | None] = {n: [] for n in steps}
    for seed in range(seeds):
        data, other = halves(fresh_points(flow, dataset, 2 * points, seed + 1), points, seed)
        if not len(data):  # a file with one row held out: no two sets to compare
            return tuple(_row(n, evaluations[n], None, floor) for n in steps)
        reference = Projections(data)
        box = BoundingBox.of(_in_range(flow, dataset, data), joint=dataset.image is not None)
        floor.append(squared_distance(reference, Projections(other)))
        for n in steps:
            done = found[n]
            if done is None:
                continue
            tell(f"samples at N = {n}, seed {seed + 1} of {seeds}")
            try:
                samples = drawn(flow, len(data), n, seed, solver)
            except DivergenceError as error:
                tell(str(error))
                found[n] = None
            else:
                done.append(_compare(flow, dataset, samples, reference, box))
    return tuple(_row(n, evaluations[n], found[n], floor) for n in steps)


@dataclass(frozen=True)
class _Compared:
    """One set of samples against one set of fresh points."""

    squared: float
    outside: float | None
    beyond: float
    farthest: float


def _compare(
    flow: GenerativeModel, dataset: Dataset, samples: Array, reference: Projections, box: BoundingBox
) -> _Compared:
    own = between_units(flow.standardisation, dataset.standardisation, torch.from_numpy(samples))
    outside = dataset.outside(own, TOLERANCE_OUTSIDE)
    beyond = float((np.abs(samples) > FAR).any(axis=1).mean())
    share = None if outside is None else float(outside.mean())
    farthest = box.farthest(_in_range(flow, dataset, samples))
    return _Compared(squared_distance(Projections(samples), reference), share, beyond, farthest)


def _in_range(flow: GenerativeModel, dataset: Dataset, samples: Array) -> Array:
    """Samples (n, D) in model units as a person gets them, where distances in model units would be others."""
    if dataset.image is None and flow.standardisation.logit is None:
        return samples
    return in_data_units(flow, torch.from_numpy(samples))


def _row(steps: int, nfe: int, found: list[_Compared] | None, floor: list[float]) -> StepRow:
    if found is None:
        return StepRow(steps, nfe, None, None, None, None)
    distance, within = debiased([one.squared for one in found], floor)
    outside = [one.outside for one in found if one.outside is not None]
    return StepRow(
        steps,
        nfe,
        finite(distance),
        finite(within),
        float(np.mean(outside)) if outside else None,
        float(np.mean([one.beyond for one in found])),
        finite(max((one.farthest for one in found), default=math.nan)),
    )


def drawn(flow: GenerativeModel, count: int, steps: int, seed: int, solver: Solver | None = None) -> Array:
    """Samples (n, D) in model units."""
    settings = SampleSettings(steps=steps, seed=seed, solver=solver)
    return np.concatenate([block.samples for block in sample_blocks(in_model_units(flow), count, settings)])


def finite(value: float) -> float | None:
    """`value`, or None where it is not finite."""
    return value if math.isfinite(value) else None

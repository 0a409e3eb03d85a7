"""How good a model is: its likelihood beside the entropy, its samples by number of steps.

Everything is in the model's own standardised units, nats where it is a likelihood.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.evaluation.classes import Classes, ClassShare, classes_of
from dnf_studio.core.evaluation.copying import COPIES, Copying, copying
from dnf_studio.core.evaluation.distances import Projections, debiased, squared_distance
from dnf_studio.core.evaluation.fresh import between_units, fresh_points, halves, is_identity
from dnf_studio.core.evaluation.likelihoods import PATHS, Likelihoods, likelihoods, nll_bound
from dnf_studio.core.models.base import GenerativeModel, Solver
from dnf_studio.core.sampling.blocks import SampleSettings, sample_blocks
from dnf_studio.core.sampling.mass import ode_mass
from dnf_studio.core.sde.grid import check_steps
from dnf_studio.errors import DivergenceError, SettingError

__all__ = [
    "CLASSIFIED",
    "DEFAULT_STEPS",
    "FAR",
    "TOLERANCE_OUTSIDE",
    "Evaluation",
    "RealClasses",
    "StepRow",
    "bits_per_dimension",
    "entropy_of",
    "evaluate",
    "step_row",
    "step_rows",
]

DEFAULT_STEPS = (5, 10, 20, 30)
POINTS = 200_000
CLASSIFIED = 2000
"""Samples at each N for the classifier of data with classes."""
SEEDS = 5
"""Pairs of sampling and data seeds; with `POINTS` the protocol of METHOD 8, 40 s on two cores at the default steps."""
MOST_PATHS = 10_000
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
    nll_bound: float | None = None
    """The bound at this N, nats; None where not asked."""
    classes: ClassShare | None = None
    """What a classifier of the real rows says of `CLASSIFIED` samples, and how near they are to training rows."""


@dataclass(frozen=True)
class RealClasses:
    """What the classifier of `classes_of` says of the test split."""

    names: tuple[str, ...]
    accuracy: float
    sure: float
    """Share of test rows of one class with a probability above 0.9: what perfect samples would have."""


@dataclass(frozen=True)
class Evaluation(Likelihoods):
    """What `evaluate` found, nats of the standardised data; None where not asked, not possible or not finite."""

    entropy: float | None
    by_steps: tuple[StepRow, ...]
    bits_bound: float | None = None
    """`nll_bound` in bits per dimension of the discrete levels; None where the data is not dequantised levels."""
    bits_ode: float | None = None
    """`nll_ode` so."""
    ode_mass: float | None = None
    """∫p of the ODE's density by importance sampling: 1 where the density is right."""
    ode_mass_error: float | None = None
    classes: RealClasses | None = None
    """The classifier of the real rows; None where the data has no classes."""
    copying: Copying | None = None
    """How far samples at the model's own N are from training images; None where the data are no images."""

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON, in DESIGN's keys, no NaN among them."""
        values = asdict(self)
        for key in ("by_steps", "nll_ode_grid"):
            values[key] = [dict(row) for row in values[key]]
        return values


def evaluate(
    flow: GenerativeModel,
    dataset: Dataset,
    steps: Sequence[int] = DEFAULT_STEPS,
    ode: bool = True,
    points: int = POINTS,
    seeds: int = SEEDS,
    progress: Progress | None = None,
    solver: Solver | None = None,
    paths: int = PATHS,
    mass: bool = False,
) -> Evaluation:
    """What `likelihoods` says, and at each N of `steps` the bound and the samples by `solver`; `mass` on demand.

    Distances follow METHOD 8: `seeds` times `points` samples against as many fresh points, the floor
    from as many again; a data set that holds fewer points gives two halves of what it has. Raises
    `SettingError` for a wrong N, `DataError` where the data does not fit the model.
    """
    rows = sorted({check_steps(n) for n in steps})
    if points < 1 or seeds < 1:
        raise SettingError("An evaluation needs at least one point and one seed.")
    if not 1 <= paths <= MOST_PATHS:
        raise SettingError(f"The number of paths K must be between 1 and {MOST_PATHS:,}, not {paths}.")
    tell = progress or (lambda _: None)
    flow.checked_solver(solver)
    found = likelihoods(flow, dataset, ode, paths, tell)
    by_steps = step_rows(flow, dataset, rows, points, seeds, tell, solver)
    if flow.bounded:
        tell("bound by number of steps")
        bounds = {n: _finite(nll_bound(flow, dataset, grid=flow.grid(n))) for n in rows if n != flow.grid().steps}
        by_steps = tuple(replace(row, nll_bound=bounds.get(row.steps, found.nll_bound)) for row in by_steps)
    judge = classes_of(dataset)
    if judge is not None:
        by_steps = tuple(replace(row, classes=_shown(flow, dataset, judge, row.steps, solver)) for row in by_steps)
    real = None if judge is None else RealClasses(judge.names, judge.accuracy, judge.sure_test)
    known = {field.name: getattr(found, field.name) for field in fields(found)}
    bound, exact = (_bits(flow, dataset, nll) for nll in (found.nll_bound, found.nll_ode))
    held = _mass(flow, tell) if mass else (None, None)
    return Evaluation(
        **known,
        entropy=entropy_of(flow, dataset),
        by_steps=by_steps,
        bits_bound=bound,
        bits_ode=exact,
        ode_mass=held[0],
        ode_mass_error=held[1],
        classes=real,
        copying=_copying(flow, dataset, solver, tell),
    )


def bits_per_dimension(nll: float, standardisation: Standardisation) -> float:
    """(nll + Σ log σ) / (D ln 2): an NLL in nats of standardised levels, dequantised uniformly over 1, in bits each.

    It bounds what the levels themselves take from above (Theis, van den Oord and Bethge 2016, arXiv:1511.01844).
    """
    return (nll + standardisation.log_scale) / (len(standardisation.scale) * math.log(2))


def step_row(flow: GenerativeModel, dataset: Dataset, steps: int, points: int = POINTS, seeds: int = SEEDS) -> StepRow:
    """The samples at one N as `evaluate` compares them, without the rest of it."""
    if points < 1 or seeds < 1:
        raise SettingError("An evaluation needs at least one point and one seed.")
    return step_rows(flow, dataset, [check_steps(steps)], points, seeds, lambda _: None)[0]


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
        floor.append(squared_distance(reference, Projections(other)))
        for n in steps:
            done = found[n]
            if done is None:
                continue
            tell(f"samples at N = {n}, seed {seed + 1} of {seeds}")
            try:
                samples = _samples(flow, len(data), n, seed, solver)
            except DivergenceError as error:
                tell(str(error))
                found[n] = None
            else:
                done.append(_compare(flow, dataset, samples, reference))
    return tuple(_row(n, evaluations[n], found[n], floor) for n in steps)


@dataclass(frozen=True)
class _Compared:
    """One set of samples against one set of fresh points."""

    squared: float
    outside: float | None
    beyond: float


def _compare(flow: GenerativeModel, dataset: Dataset, samples: Array, reference: Projections) -> _Compared:
    own = between_units(flow.standardisation, dataset.standardisation, torch.from_numpy(samples))
    outside = dataset.outside(own, TOLERANCE_OUTSIDE)
    beyond = float((np.abs(samples) > FAR).any(axis=1).mean())
    share = None if outside is None else float(outside.mean())
    return _Compared(squared_distance(Projections(samples), reference), share, beyond)


def _shown(
    flow: GenerativeModel, dataset: Dataset, judge: Classes, steps: int, solver: Solver | None
) -> ClassShare | None:
    """What `judge` says of samples at N = `steps`; None where sampling fails."""
    try:
        samples = _samples(flow, CLASSIFIED, steps, 0, solver)
    except DivergenceError:
        return None
    return judge.share(between_units(flow.standardisation, dataset.standardisation, torch.from_numpy(samples)))


def _row(steps: int, nfe: int, found: list[_Compared] | None, floor: list[float]) -> StepRow:
    if found is None:
        return StepRow(steps, nfe, None, None, None, None)
    distance, within = debiased([one.squared for one in found], floor)
    outside = [one.outside for one in found if one.outside is not None]
    return StepRow(
        steps,
        nfe,
        _finite(distance),
        _finite(within),
        float(np.mean(outside)) if outside else None,
        float(np.mean([one.beyond for one in found])),
    )


def _samples(flow: GenerativeModel, count: int, steps: int, seed: int, solver: Solver | None = None) -> Array:
    """Samples (n, D) in model units, never rounded to data units on the way."""
    model = copy.copy(flow)
    model.standardisation = Standardisation.identity(flow.dim)
    settings = SampleSettings(steps=steps, seed=seed, solver=solver)
    return np.concatenate([block.samples for block in sample_blocks(model, count, settings)])


def _copying(flow: GenerativeModel, dataset: Dataset, solver: Solver | None, tell: Progress) -> Copying | None:
    if dataset.image is None:
        return None
    tell("nearest training images")
    try:
        samples = _samples(flow, COPIES, flow.grid().steps, 0, solver)
    except DivergenceError as error:
        tell(str(error))
        return None
    return copying(samples, flow.standardisation, dataset)


def _bits(flow: GenerativeModel, dataset: Dataset, nll: float | None) -> float | None:
    if nll is None or not dataset.levels:
        return None
    units = flow.standardisation if not is_identity(flow.standardisation) else dataset.standardisation
    return bits_per_dimension(nll, units)


def _mass(flow: GenerativeModel, tell: Progress) -> tuple[float | None, float | None]:
    """∫p of the ODE's density and its standard error, None where samples or solver leave the finite numbers."""
    tell("mass of the density")
    try:
        found = ode_mass(flow)
    except DivergenceError as error:
        tell(str(error))
        return None, None
    return _finite(found.value), _finite(found.error)


def entropy_of(flow: GenerativeModel, dataset: Dataset) -> float | None:
    """The data's entropy in the model's units."""
    if dataset.entropy is None:
        return None
    if is_identity(flow.standardisation):
        return dataset.entropy
    return dataset.entropy + dataset.standardisation.log_scale - flow.standardisation.log_scale


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

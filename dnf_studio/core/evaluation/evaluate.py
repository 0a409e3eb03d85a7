"""How good a model is: its likelihood beside the entropy, its samples by number of steps.

Everything is in the model's own standardised units, nats where it is a likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace

import torch
from torch import Tensor

from dnf_studio.config.grids import check_steps
from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.evaluation.by_steps import POINTS, SEEDS, Progress, StepRow, drawn, finite, step_rows
from dnf_studio.core.evaluation.chain_bounds import attainable_of, entropy_of
from dnf_studio.core.evaluation.classes import Classes, classes_of
from dnf_studio.core.evaluation.excess_rows import ExcessRow, ExcessRows, excess_rows
from dnf_studio.core.evaluation.fresh import MOST_POINTS, Copying, between_units, copying, fresh_points, units_of
from dnf_studio.core.evaluation.likelihoods import (
    ODE_POINTS,
    PATHS,
    Likelihoods,
    affordable_points,
    likelihoods,
    nll_bound,
)
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sampling.mass import ode_mass
from dnf_studio.errors import DivergenceError, SettingError

__all__ = [
    "CLASSIFIED",
    "DEFAULT_STEPS",
    "Evaluation",
    "RealClasses",
    "bits_of",
    "bits_per_dimension",
    "evaluate",
]

DEFAULT_STEPS = (5, 10, 20, 30)
CLASSIFIED = 2000
"""Samples at each N for the classifier of data with classes."""
MOST_PATHS = 10_000
BLOCK = 4096


@dataclass(frozen=True)
class RealClasses:
    """What the classifier of `classes_of` says of the test split."""

    names: tuple[str, ...]
    accuracy: float
    sure: float
    """Share of test rows of one class with a probability above 0.9: what perfect samples would have."""
    shares: tuple[float, ...] = ()
    """Share of test rows of each class: what the shares of `ClassShare.likely` would be."""


@dataclass(frozen=True)
class Evaluation(Likelihoods):
    """What `evaluate` found, nats of the standardised data; None where not asked, not possible or not finite."""

    entropy: float | None
    attainable: float | None
    """The least NLL that the chain of `nll_bound` can have whatever its networks say (`attainable_of`)."""
    by_steps: tuple[StepRow, ...]
    excess_by_step: tuple[ExcessRow, ...] | None = None
    """By how much each step of the model's own chain misses, by the ODE's densities; the sum is bound − NLL (ODE)."""
    excess_by_neighbours: tuple[ExcessRow, ...] | None = None
    """The excess of each step by nearest neighbours, without the model's densities; None beyond three dimensions."""
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
    logit: float | None = None
    """The α of the model's logit, of whose standardised values all nats are then; None where it has none."""
    steps_to_the_floor: int | None = None
    """The least N of `by_steps` whose samples are *equal* to the data (`distances.word_of`); None where none is."""

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON by the keys of `evaluate --json`, no NaN among them."""
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
    solver: str | None = None,
    paths: int = PATHS,
    mass: bool = False,
) -> Evaluation:
    """What `likelihoods` says, and at each N of `steps` the bound and the samples by `solver`; `mass` on demand.

    Distances follow method.md, section 15: at each N `seeds` sets of `points` samples against as many of fresh
    points, all its own; a data set that holds fewer points is cut into so many disjoint sets. Raises
    `SettingError` for a wrong N, `DataError` where the data does not fit the model.
    """
    # Long by its signature and by the fields that it fills
    rows = sorted({check_steps(n) for n in steps})
    _check_counts(points, seeds, paths)
    tell = progress or (lambda _: None)
    flow.checked_solver(solver)
    found = likelihoods(flow, dataset, ode, paths, tell, solver)
    by_steps = step_rows(flow, dataset, rows, points, seeds, tell, solver)
    excess = ExcessRows(None, None)
    if found.nll_bound_missing is None:
        by_steps = _with_bounds(by_steps, flow, dataset, found.nll_bound, solver, tell)
        excess = _excess(flow, dataset, solver, tell) if ode else excess
    if (judge := classes_of(dataset)) is not None:
        by_steps = tuple(_shown(flow, dataset, judge, row, solver) for row in by_steps)
    mass_held = _mass(flow, tell) if mass else (None, None)
    logit = flow.standardisation.logit
    return Evaluation(
        **{field.name: getattr(found, field.name) for field in fields(found)},
        entropy=entropy_of(flow, dataset),
        attainable=attainable_of(flow, dataset, solver=solver),
        by_steps=by_steps,
        excess_by_step=excess.by_step,
        excess_by_neighbours=excess.by_neighbours,
        bits_bound=bits_of(flow, dataset, found.nll_bound, affordable_points(flow)),
        bits_ode=bits_of(flow, dataset, found.nll_ode, affordable_points(flow, ODE_POINTS)),
        ode_mass=mass_held[0],
        ode_mass_error=mass_held[1],
        classes=None if judge is None else RealClasses(judge.names, judge.accuracy, judge.sure_test, judge.shares_test),
        copying=_copying(flow, dataset, solver, tell),
        logit=None if logit is None else logit.alpha,
        steps_to_the_floor=next((row.steps for row in by_steps if row.word == "equal"), None),
    )


def _check_counts(points: int, seeds: int, paths: int) -> None:
    if points < 1 or seeds < 1:
        raise SettingError("An evaluation needs at least one point and one seed.")
    if not 1 <= paths <= MOST_PATHS:
        raise SettingError(f"The number of paths K must be between 1 and {MOST_PATHS:,}, not {paths}.")


def _with_bounds(
    rows: tuple[StepRow, ...],
    flow: GenerativeModel,
    dataset: Dataset,
    own: float | None,
    solver: str | None,
    tell: Progress,
) -> tuple[StepRow, ...]:
    """`rows` with the bound at each N, which at the model's own is `own`, and the least that such a chain can have."""
    tell("bound by number of steps")
    others = [row.steps for row in rows if row.steps != flow.grid().steps]
    bounds = {n: finite(nll_bound(flow, dataset, grid=flow.grid(n), solver=solver)) for n in others}
    return tuple(
        replace(
            row,
            nll_bound=bounds.get(row.steps, own),
            attainable=attainable_of(flow, dataset, flow.grid(row.steps), solver),
        )
        for row in rows
    )


def bits_per_dimension(nll: float, standardisation: Standardisation, x: Tensor) -> float:
    """(nll + mean of ln |det ∂data/∂model|) / (D ln 2): an NLL in nats of model units in bits of a level each.

    `x` (n, D), model units, are the points that `nll` is the mean of; the levels are dequantised uniformly over 1. The
    determinant is Π σ, with a logit another at each point. The result bounds what the levels themselves take from
    above (Theis, van den Oord and Bethge 2016, arXiv:1511.01844).
    """
    volumes = torch.cat([standardisation.log_volume(part.double()) for part in torch.split(x, BLOCK)])
    return (nll + float(volumes.mean())) / (len(standardisation.scale) * math.log(2))


def _shown(flow: GenerativeModel, dataset: Dataset, judge: Classes, row: StepRow, solver: str | None) -> StepRow:
    """`row` with what `judge` says of samples at its N, and how far they are in its features; nothing where sampling
    fails."""
    try:
        samples = drawn(flow, CLASSIFIED, row.steps, 0, solver)
    except DivergenceError:
        return row
    x = between_units(flow.standardisation, dataset.standardisation, torch.from_numpy(samples))
    row = replace(row, classes=judge.share(x))
    if (found := judge.distance(x)) is None:
        return row
    return replace(row, feature_distance=found.value, feature_distance_error=found.error, feature_floor=found.floor)


def _copying(flow: GenerativeModel, dataset: Dataset, solver: str | None, tell: Progress) -> Copying | None:
    if dataset.image is None:
        return None
    tell("nearest training images")
    try:
        samples = drawn(flow, MOST_POINTS, flow.grid().steps, 0, solver)
    except DivergenceError as error:
        tell(str(error))
        return None
    return copying(samples, flow.standardisation, dataset)


def bits_of(flow: GenerativeModel, dataset: Dataset, nll: float | None, points: int) -> float | None:
    """`nll`, the mean over `points` fresh points of seed 0, in bits per dimension; None where there are no levels."""
    if nll is None or not dataset.levels:
        return None
    return bits_per_dimension(nll, units_of(flow, dataset), fresh_points(flow, dataset, points, 0).cpu())


def _excess(flow: GenerativeModel, dataset: Dataset, solver: str | None, tell: Progress) -> ExcessRows:
    tell("excess by step")
    try:
        return excess_rows(flow, dataset, solver)
    except DivergenceError as error:
        tell(str(error))
        return ExcessRows(None, None)


def _mass(flow: GenerativeModel, tell: Progress) -> tuple[float | None, float | None]:
    """∫p of the ODE's density and its standard error, None where samples or solver leave the finite numbers."""
    tell("mass of the density")
    try:
        found = ode_mass(flow)
    except DivergenceError as error:
        tell(str(error))
        return None, None
    return finite(found.value), finite(found.error)

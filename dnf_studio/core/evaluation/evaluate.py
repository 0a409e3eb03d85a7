"""How good a model is: its likelihood beside the entropy, its samples by number of steps.

Everything is in the model's own standardised units, nats where it is a likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from dnf_studio.config.grids import check_steps
from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.evaluation.by_steps import POINTS, SEEDS, Progress, StepRow
from dnf_studio.core.evaluation.chain_bounds import attainable_of, entropy_of
from dnf_studio.core.evaluation.classes import classes_of
from dnf_studio.core.evaluation.excess_rows import ExcessRow
from dnf_studio.core.evaluation.fresh import Copying, fresh_points, units_of
from dnf_studio.core.evaluation.likelihoods import (
    ODE_POINTS,
    PATHS,
    Likelihoods,
    affordable_points,
    unmeasured,
)
from dnf_studio.core.evaluation.parts import (
    COPYING,
    EXCESS,
    MASS,
    bound_name,
    evaluation_parts,
    samples_name,
)
from dnf_studio.core.evaluation.spread import measured
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.ranks import ALONE, Ranks
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import SettingError
from dnf_studio.facts import WithFacts

DEFAULT_STEPS = (5, 10, 20, 30)
"""Numbers of steps that samples are measured at unless told."""
MOST_PATHS = 10_000
BLOCK = 4096


def default_steps(flow: GenerativeModel, solver: str | None) -> tuple[int, ...]:
    """The numbers of steps to measure at unless told: all that the solver makes, where those are some alone."""
    return flow.checked_solver(solver).only or DEFAULT_STEPS


@dataclass(frozen=True)
class RealClasses:
    """What the classifier of `classes_of` says of the test split."""

    names: tuple[str, ...]
    accuracy: float
    sure: float
    """Share of test rows of one class with a probability above 0.9: what perfect samples would have."""
    shares: tuple[float, ...] = ()
    """Share of test rows of each class: what the shares of `ClassShare.likely` would be."""


@dataclass(frozen=True, repr=False)
class Evaluation(WithFacts, Likelihoods):
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

    def _facts(self) -> Mapping[str, object]:
        distances = {row.steps: row.sliced_wasserstein for row in self.by_steps}
        return {
            "nll_bound": self.nll_bound,
            "nll_ode": self.nll_ode,
            "entropy": self.entropy,
            "sliced_wasserstein": {n: None if value is None else round(value, 5) for n, value in distances.items()},
            "steps_to_the_floor": self.steps_to_the_floor,
        }


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
    ranks: Ranks = ALONE,
) -> Evaluation:
    """What `likelihoods` says, and at each N of `steps` the bound and the samples by `solver`; `mass` on demand.

    Distances follow method.md, section 15: at each N `seeds` sets of `points` samples against as many of fresh
    points, all its own; a data set that holds fewer points is cut into so many disjoint sets. Of `ranks` each
    measures some parts (`evaluation_parts`), with the numbers that one process finds, and has all of them in the end.
    Raises `SettingError` for a wrong N, `DataError` where the data does not fit the model.
    """
    # Long by its docstring, which tells each parameter
    rows = _checked_rows(steps, points, seeds, paths)
    for count in rows:
        # An N that the solver has not is refused before minutes of work
        flow.grid_of(SampleSettings(steps=count, solver=solver))
    tell = progress or (lambda _: None)
    judge, likely = classes_of(dataset), unmeasured(flow, paths, solver)
    parts = evaluation_parts(flow, dataset, judge, rows, ode, points, seeds, tell, solver, paths, mass)
    found = measured(parts, ranks, tell)
    # Of all parts those of the likelihoods alone find fields by name
    for one in found.values():
        likely = replace(likely, **one) if isinstance(one, dict) else likely
    by_steps = tuple(
        _with_bound(found[samples_name(n)], flow, dataset, likely, found.get(bound_name(n)), solver) for n in rows
    )
    excess, held = found.get(EXCESS), found.get(MASS)
    return Evaluation(
        **_beside_the_least(likely, flow, dataset, solver),
        by_steps=by_steps,
        excess_by_step=None if excess is None else excess.by_step,
        excess_by_neighbours=None if excess is None else excess.by_neighbours,
        ode_mass=None if held is None else held[0],
        ode_mass_error=None if held is None else held[1],
        classes=None if judge is None else RealClasses(judge.names, judge.accuracy, judge.sure_test, judge.shares_test),
        copying=found.get(COPYING),
        steps_to_the_floor=next((row.steps for row in by_steps if row.word == "equal"), None),
    )


def _checked_rows(steps: Sequence[int], points: int, seeds: int, paths: int) -> list[int]:
    """Every N of `steps` once, rising; raises `SettingError` for one, or another count, that cannot be."""
    rows = sorted({check_steps(n) for n in steps})
    if points < 1 or seeds < 1:
        raise SettingError("An evaluation needs at least one point and one seed.")
    if not 1 <= paths <= MOST_PATHS:
        raise SettingError(f"The number of paths K must be between 1 and {MOST_PATHS:,}, not {paths}.")
    return rows


def _beside_the_least(
    found: Likelihoods, flow: GenerativeModel, dataset: Dataset, solver: str | None
) -> dict[str, Any]:
    """The likelihoods `found`, what is the least that they can be, and their unit, with those in bits beside."""
    logit = flow.standardisation.logit
    return {
        **{field.name: getattr(found, field.name) for field in fields(found)},
        "entropy": entropy_of(flow, dataset),
        "attainable": attainable_of(flow, dataset, solver=solver),
        "bits_bound": bits_of(flow, dataset, found.nll_bound, affordable_points(flow)),
        "bits_ode": bits_of(flow, dataset, found.nll_ode, affordable_points(flow, ODE_POINTS)),
        "logit": None if logit is None else logit.alpha,
    }


def _with_bound(
    row: StepRow,
    flow: GenerativeModel,
    dataset: Dataset,
    found: Likelihoods,
    bound: float | None,
    solver: str | None,
) -> StepRow:
    """`row` with the bound at its N and the least that such a chain can have; as it is where `found` has none."""
    if found.nll_bound_missing is not None:
        return row
    own = row.steps == flow.grid().steps
    least = attainable_of(flow, dataset, flow.grid(row.steps), solver)
    return replace(row, nll_bound=found.nll_bound if own else bound, attainable=least)


def bits_per_dimension(nll: float, standardisation: Standardisation, x: Tensor) -> float:
    """(nll + mean of ln |det ∂data/∂model|) / (D ln 2): an NLL in nats of model units in bits of a level each.

    `x` (n, D), model units, are the points that `nll` is the mean of; the levels are dequantised uniformly over 1. The
    determinant is Π σ, with a logit another at each point. The result bounds what the levels themselves take from
    above (Theis, van den Oord and Bethge 2016, arXiv:1511.01844).
    """
    volumes = torch.cat([standardisation.log_volume(part.double()) for part in torch.split(x, BLOCK)])
    return (nll + float(volumes.mean())) / (len(standardisation.scale) * math.log(2))


def bits_of(flow: GenerativeModel, dataset: Dataset, nll: float | None, points: int) -> float | None:
    """`nll`, the mean over `points` fresh points of seed 0, in bits per dimension; None where there are no levels."""
    if nll is None or not dataset.levels:
        return None
    return bits_per_dimension(nll, units_of(flow, dataset), fresh_points(flow, dataset, points, 0).cpu())

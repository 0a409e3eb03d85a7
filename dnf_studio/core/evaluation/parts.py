"""What `evaluate` is made of: parts that know nothing of each other, so that each can be measured by another rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any, TypeVar

import torch

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.by_steps import Progress, StepRow, drawn, finite, step_rows
from dnf_studio.core.evaluation.classes import Classes, ClassShare
from dnf_studio.core.evaluation.excess_rows import ExcessRow, ExcessRows, excess_rows
from dnf_studio.core.evaluation.fresh import MOST_POINTS, Copying, between_units, copying
from dnf_studio.core.evaluation.likelihoods import (
    ODE_POINTS,
    GridNLL,
    affordable_points,
    likelihood_parts,
    nll_bound,
    unmeasured,
)
from dnf_studio.core.evaluation.spread import Part
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sampling.mass import ode_mass
from dnf_studio.errors import DivergenceError

CLASSIFIED = 2000
"""Samples at each N for the classifier of data with classes."""
EXCESS, MASS, COPYING = "excess by step", "mass of the density", "nearest training images"
ODE_EVALUATIONS = 200
"""About how often an adaptive solver asks the networks at a point, with all that it takes for the density."""

Found = TypeVar("Found")


def samples_name(steps: int) -> str:
    """The name of the part with the samples of so many steps."""
    return f"samples at N = {steps}"


def bound_name(steps: int) -> str:
    """The name of the part with the bound at so many steps, of which the model's own N has none of its own."""
    return f"bound at N = {steps}"


def evaluation_parts(
    flow: GenerativeModel,
    dataset: Dataset,
    judge: Classes | None,
    rows: Sequence[int],
    ode: bool,
    points: int,
    seeds: int,
    tell: Progress,
    solver: str | None,
    paths: int,
    mass: bool,
) -> dict[str, Part[Any]]:
    """The parts of `evaluate` by their names, with about how many network evaluations each takes."""
    own, bounds = flow.grid().steps, unmeasured(flow, paths, solver).nll_bound_missing is None
    dense = "divergence" not in flow.lacks
    many, few = affordable_points(flow), affordable_points(flow, ODE_POINTS)
    by_ode = float(few * ODE_EVALUATIONS * min(flow.dim, 8))
    parts: dict[str, Part[Any]] = {}
    for name, measure in likelihood_parts(flow, dataset, ode, paths, solver=solver).items():
        cost = by_ode if "ODE" in name else 2.0 * own * (few * paths if "importance" in name else many)
        parts[name] = Part(measure, cost, _plain_likelihood, _likelihood)
    for n in rows:
        measure_row = partial(_row, flow, dataset, judge, n, points, seeds, tell, solver)
        parts[samples_name(n)] = Part(
            measure_row, float(points * seeds * flow.evaluations(n, solver)), asdict, _step_row
        )
        if bounds and n != own:
            parts[bound_name(n)] = Part(partial(_bound, flow, dataset, n, solver), 2.0 * n * many)
    if ode and dense and bounds:
        look = partial(_tried, lambda: excess_rows(flow, dataset, solver), tell)
        parts[EXCESS] = Part(look, by_ode * own / 5, _plain, _excess)
    if mass and dense:
        parts[MASS] = Part(partial(_tried, lambda: _mass(flow), tell), by_ode)
    if dataset.image is not None:
        near = partial(_tried, lambda: _copying(flow, dataset, solver), tell)
        parts[COPYING] = Part(near, float(MOST_POINTS * own), _plain, lambda found: found and Copying(**found))
    return parts


def _row(
    flow: GenerativeModel,
    dataset: Dataset,
    judge: Classes | None,
    steps: int,
    points: int,
    seeds: int,
    tell: Progress,
    solver: str | None,
) -> StepRow:
    """The samples of one N, and what a classifier says of some of them where the data has classes."""
    (row,) = step_rows(flow, dataset, (steps,), points, seeds, tell, solver)
    return row if judge is None else _shown(flow, dataset, judge, row, solver)


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


def _bound(flow: GenerativeModel, dataset: Dataset, steps: int, solver: str | None) -> float | None:
    return finite(nll_bound(flow, dataset, grid=flow.grid(steps), solver=solver))


def _mass(flow: GenerativeModel) -> tuple[float | None, float | None]:
    """∫p of the ODE's density and its error."""
    held = ode_mass(flow)
    return finite(held.value), finite(held.error)


def _copying(flow: GenerativeModel, dataset: Dataset, solver: str | None) -> Copying | None:
    steps = (*flow.checked_solver(solver).only, flow.grid().steps)[0]
    return copying(drawn(flow, MOST_POINTS, steps, 0, solver), flow.standardisation, dataset)


def _tried(work: Callable[[], Found], tell: Progress) -> Found | None:
    """What `work` finds; None where samples or a solver leave the finite numbers."""
    try:
        return work()
    except DivergenceError as error:
        tell(str(error))
        return None


def _plain(found: Any) -> dict[str, Any] | None:  # noqa: ANN401 - a dataclass or None
    return None if found is None else asdict(found)


def _plain_likelihood(found: dict[str, Any]) -> dict[str, Any]:
    return found | {name: [asdict(row) for row in found[name]] for name in ("nll_ode_grid",) if name in found}


def _likelihood(values: dict[str, Any]) -> dict[str, Any]:
    rows = {name: tuple(GridNLL(**row) for row in values[name]) for name in ("nll_ode_grid",) if name in values}
    return values | rows


def _step_row(values: dict[str, Any]) -> StepRow:
    squares, shown = values["squares"], values["classes"]
    share = None if shown is None else ClassShare(shown["sure"], tuple(shown["counts"]), tuple(shown["likely"]))
    return StepRow(**{**values, "squares": None if squares is None else tuple(squares), "classes": share})


def _excess(values: dict[str, Any] | None) -> ExcessRows | None:
    if values is None:
        return None

    def rows(name: str) -> tuple[ExcessRow, ...] | None:
        return None if values[name] is None else tuple(ExcessRow(**row) for row in values[name])

    return ExcessRows(rows("by_step"), rows("by_neighbours"), values["points"])

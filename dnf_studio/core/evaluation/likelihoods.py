"""How likely fresh data is under a model, each way with its uncertainty: the bound, its tighter form, the ODE.

Everything is in nats of the model's own standardised units.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.by_steps import Progress, finite
from dnf_studio.core.evaluation.chain_bounds import ChainBounds
from dnf_studio.core.evaluation.fresh import between_units, fresh_points
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sampling.likelihood import (
    BOUND_DRAWS,
    MAX_EXACT_DIM,
    TOLERANCE,
    DivergenceName,
    bound_nll,
    divergence_name,
    grid_ode_nll,
    ode_nll,
)
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.solvers import SDE
from dnf_studio.errors import DivergenceError, UnsupportedError

BOUND_POINTS = 20_000
VALIDATION_POINTS = 2_000
ODE_POINTS = 2_000
COSTLY = 20
"""A U-Net is measured on so many times fewer points: it takes a hundred times as long at each."""
PATHS = 16
"""Paths K a point of the importance-weighted bound, on `ODE_POINTS` points."""
COARSE = 1e-3


@dataclass(frozen=True)
class GridNLL:
    """The ODE's NLL by Heun's method on the nodes of one grid."""

    steps: int
    nll: float | None


@dataclass(frozen=True)
class Likelihoods:
    """Mean NLLs of fresh points; None where not asked, not possible or not finite.

    An `_error` is the standard error of the mean over points, with what drawn noise, paths and probes add.
    """

    nll_bound: float | None
    """Bound on the NLL by the chain of the solver that draws the samples, with the noise of its last step, at the
    model's own N."""
    nll_bound_error: float | None
    nll_bound_sampler: str | None
    """Name of the solver of `nll_bound`: ``ancestral`` or ``sde``; None where there is no such chain."""
    nll_bound_missing: str | None
    """Why there is no bound, in a word: ``deterministic`` of a solver that draws no noise, ``unknown`` of one
    whose chain no bound is known of, such as fitted steps, ``exact`` of a flow."""
    nll_bound_sde: float | None
    """Bound on the NLL by the chain of Euler–Maruyama steps (12), whose steps the window shows."""
    nll_bound_sde_error: float | None
    nll_bound_flexible: float | None
    """The mean bound over 16 drawn grids; for models trained on a flexible grid."""
    nll_importance: float | None
    """The importance-weighted bound −log (1/K) Σ_k w_k with K = `importance_paths`: tighter, of the same chain."""
    nll_importance_error: float | None
    importance_paths: int
    nll_ode: float | None
    nll_ode_error: float | None
    nll_ode_coarse: float | None
    """`nll_ode` at a hundred times the error tolerance: where the two differ, neither is to be trusted."""
    nll_ode_grid: tuple[GridNLL, ...]
    """At N and 2N: where they differ, the value is not one that training at N has settled."""
    ode_divergence: DivergenceName | None


NOTHING = Likelihoods(None, None, None, None, None, None, None, None, None, 0, None, None, None, (), None)
"""Before anything is measured."""
Part = Callable[[], dict[str, Any]]
"""Measures some fields of `Likelihoods`."""


def likelihoods(
    flow: GenerativeModel,
    dataset: Dataset,
    ode: bool = True,
    paths: int = PATHS,
    progress: Progress = lambda _: None,
    solver: str | None = None,
) -> Likelihoods:
    """The bound on 20,000 fresh points, the rest on 2,000, seed 0 (`affordable_points`).

    Bounds are of the chain of `solver`, the model's own unless given; there are none of a solver that draws no noise
    and of a model whose likelihood is exact. Raises `DataError` where the data has another number of columns.
    """
    found = unmeasured(flow, paths, solver)
    for name, measure in likelihood_parts(flow, dataset, ode, paths, solver=solver).items():
        progress(name)
        found = replace(found, **measure())
    return found


def unmeasured(flow: GenerativeModel, paths: int = PATHS, solver: str | None = None) -> Likelihoods:
    """`likelihoods` before the first of its parts."""
    return replace(NOTHING, importance_paths=paths, nll_bound_missing=_missing(flow, solver))


def _missing(flow: GenerativeModel, solver: str | None) -> str | None:
    if not flow.bounded:
        return "exact"
    own = flow.checked_solver(solver)
    if own.chain is not None:
        return None
    return "unknown" if own.noise else "deterministic"


def likelihood_parts(
    flow: GenerativeModel,
    dataset: Dataset,
    ode: bool = True,
    paths: int = PATHS,
    pool: BlockPool | None = None,
    solver: str | None = None,
) -> dict[str, Part]:
    """What `likelihoods` is made of, each part by its name: bound, importance, ODE, as far as the model has them.

    Computed on the threads of `pool`, unless given on as many as there are, until that is interrupted.
    """
    parts: dict[str, Part] = {}
    x = fresh_points(flow, dataset, affordable_points(flow, ODE_POINTS), 0)
    if (own := flow.checked_solver(solver)).chain is not None:
        chain = ChainBounds(flow, dataset, own.name, pool)
        parts["bound on the negative log-likelihood"] = lambda: _bound_part(chain)
        parts[f"importance-weighted bound of {paths} paths"] = lambda: _importance_part(chain, x, paths)
    if ode and "divergence" not in flow.lacks:
        parts["likelihood of the probability-flow ODE"] = lambda: _ode_part(flow, x, pool)
    return parts


def _bound_part(chain: ChainBounds) -> dict[str, Any]:
    count = affordable_points(chain.flow)
    own = mean_and_error(chain.values(count))
    euler = own if chain.solver == SDE.name else mean_and_error(replace(chain, solver=SDE.name).values(count))
    names = ("nll_bound", "nll_bound_error", "nll_bound_sde", "nll_bound_sde_error")
    found: dict[str, Any] = dict(zip(names, (*own, *euler), strict=True))
    return found | {"nll_bound_sampler": chain.solver, "nll_bound_flexible": chain.flexible(count)}


def _importance_part(chain: ChainBounds, x: Tensor, paths: int) -> dict[str, Any]:
    value, error = mean_and_error(
        bound_nll(chain.flow, x, paths, importance=True, pool=chain.pool, solver=chain.solver)
    )
    return {"nll_importance": value, "nll_importance_error": error, "importance_paths": paths}


def _ode_part(flow: GenerativeModel, x: Tensor, pool: BlockPool | None) -> dict[str, Any]:
    (value, error), (coarse, _) = _ode(flow, x, TOLERANCE, pool), _ode(flow, x, COARSE, pool)
    found: dict[str, Any] = {"nll_ode": value, "nll_ode_error": error, "nll_ode_coarse": coarse}
    if value is not None:
        found["ode_divergence"] = divergence_name(flow.dim)
        found["nll_ode_grid"] = _on_grids(flow, x, pool) if flow.bounded else ()
    return found


def affordable_points(flow: GenerativeModel, points: int | None = None) -> int:
    """How many points to measure `flow` on, where an `mlp` is on so many, `BOUND_POINTS` unless given."""
    count = BOUND_POINTS if points is None else points
    return count if flow.config.network.kind == "mlp" else count // COSTLY


def nll_bound(
    flow: GenerativeModel,
    dataset: Dataset,
    points: int | None = None,
    seed: int = 0,
    grid: TimeGrid | None = None,
    solver: str | None = None,
) -> float:
    """Mean bound of method.md, section 2 on fresh points, nats of standardised data, at the model's own grid or `grid`.

    It is that of the chain that `solver`, the model's own unless given, draws samples by.

    There are 20,000 points unless given, fewer for U-Nets (`affordable_points`), and one noise draw a point; up to
    `BOUND_DRAWS` where the data has fewer points. Raises `UnsupportedError` for a model without a bound.
    """
    _require_bound(flow)
    count = affordable_points(flow) if points is None else points
    return float(ChainBounds(flow, dataset, solver).values(count, seed, grid).cpu().double().mean())


def validation_nll(flow: GenerativeModel, dataset: Dataset) -> float:
    """What decides when training ends: the bound as `nll_bound` computes it, on at most 2,000 noise draws
    (`affordable_points`) of the validation points, or for a flow its NLL by the steps it is trained with.

    Raises `UnsupportedError` where the data has no validation split.
    """
    points, draws = _validation(flow, dataset)
    return float(flow.validation_nll(points, draws).cpu().double().mean())


def _validation(flow: GenerativeModel, dataset: Dataset) -> tuple[Tensor, int]:
    """The validation points in the model's units and how often each is drawn noise for."""
    count = affordable_points(flow, VALIDATION_POINTS)
    x = dataset.validation(count, 0)
    if x is None:
        raise UnsupportedError(f"The data '{dataset.name}' has no validation split.")
    points = between_units(dataset.standardisation, flow.standardisation, x).to(flow.timestamps)
    return points, min(BOUND_DRAWS, max(1, count // len(points)))


def nll_ode(flow: GenerativeModel, dataset: Dataset) -> float | None:
    """Mean −log p of the ODE on 2,000 fresh points (`affordable_points`), nats of standardised data.

    None where it cannot be had.
    """
    return nll_ode_and_error(flow, dataset)[0]


def nll_ode_and_error(flow: GenerativeModel, dataset: Dataset) -> tuple[float | None, float | None]:
    """`nll_ode` and its standard error over the points."""
    return _ode(flow, fresh_points(flow, dataset, affordable_points(flow, ODE_POINTS), 0), TOLERANCE, None)


def _require_bound(flow: GenerativeModel) -> None:
    """Raise `UnsupportedError` for a model whose chain has no bound."""
    if not flow.bounded:
        raise UnsupportedError(
            f"The model '{flow.config.model}' has no bound: its likelihood is exact, by the method 'ode'."
        )


def mean_and_error(values: Tensor) -> tuple[float | None, float | None]:
    """The mean of values (n,) and its standard error, None where not finite or, the error, of a single value."""
    wide = values.detach().cpu().double()
    return finite(float(wide.mean())), finite(float(wide.std()) / math.sqrt(len(wide))) if len(wide) > 1 else None


def _ode(
    flow: GenerativeModel, x: Tensor, tolerance: float, pool: BlockPool | None
) -> tuple[float | None, float | None]:
    try:
        return mean_and_error(ode_nll(flow, x, tolerance, pool))
    except DivergenceError:
        return None, None


def _on_grids(flow: GenerativeModel, x: Tensor, pool: BlockPool | None) -> tuple[GridNLL, ...]:
    """At N and 2N; none beyond the dimensions of an exact divergence."""
    if flow.dim > MAX_EXACT_DIM:
        return ()
    own = flow.grid().steps
    return tuple(GridNLL(n, mean_and_error(grid_ode_nll(flow, x, n, pool))[0]) for n in (own, 2 * own))

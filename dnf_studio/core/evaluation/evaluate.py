"""How good a model is: its likelihood beside the entropy, its samples by number of steps.

Everything is in the model's own standardised units, nats where it is a likelihood.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.core.data.dataset import Dataset, Standardisation
from dnf_studio.core.evaluation.distances import Projections, debiased, squared_distance
from dnf_studio.core.evaluation.fresh import between_units, fresh_points, halves, is_identity
from dnf_studio.core.models.base import GenerativeModel, Solver
from dnf_studio.core.models.two_sdes import TwoSDEs
from dnf_studio.core.sampling.blocks import SampleSettings, sample_blocks
from dnf_studio.core.sampling.likelihood import BOUND_DRAWS, TOLERANCE, bound_nll, ode_nll
from dnf_studio.core.sde.grid import TimeGrid, check_steps
from dnf_studio.errors import DivergenceError, SettingError, UnsupportedError

__all__ = [
    "DEFAULT_STEPS",
    "FAR",
    "TOLERANCE_OUTSIDE",
    "Evaluation",
    "StepRow",
    "bits_per_dimension",
    "evaluate",
    "nll_bound",
    "nll_ode",
    "step_row",
    "validation_bound",
]

DEFAULT_STEPS = (5, 10, 20, 30)
POINTS = 200_000
SEEDS = 5
"""Pairs of sampling and data seeds; with `POINTS` the protocol of METHOD 8, 40 s on two cores at the default steps."""
BOUND_POINTS = 20_000
VALIDATION_POINTS = 2_000
ODE_POINTS = 2_000
COARSE = 1e-3
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


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found, nats of the standardised data; None where not asked, not possible or not finite."""

    nll_bound: float | None
    nll_ode: float | None
    nll_ode_coarse: float | None
    """`nll_ode` at a hundred times the error tolerance: where the two differ, neither is to be trusted."""
    entropy: float | None
    by_steps: tuple[StepRow, ...]
    bits_bound: float | None = None
    """`nll_bound` in bits per dimension of the discrete levels; None where the data is not dequantised levels."""
    bits_ode: float | None = None
    """`nll_ode` so."""

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON, in DESIGN's keys, no NaN among them."""
        values = asdict(self)
        values["by_steps"] = [dict(row) for row in values["by_steps"]]
        return values


def nll_bound(
    flow: GenerativeModel, dataset: Dataset, points: int = BOUND_POINTS, seed: int = 0, grid: TimeGrid | None = None
) -> float:
    """Mean bound of METHOD 2 on fresh points, nats of standardised data, at the model's own grid or `grid`.

    One noise draw a point; up to `BOUND_DRAWS` where the data has fewer than `points`. Raises
    `UnsupportedError` for a model without a bound.
    """
    chain = _bounded(flow)
    x = fresh_points(flow, dataset, points, seed)
    draws = min(BOUND_DRAWS, max(1, points // len(x)))
    return float(bound_nll(chain, x, draws, seed=seed, grid=grid).cpu().double().mean())


def validation_bound(flow: GenerativeModel, dataset: Dataset) -> float:
    """As `nll_bound`, on at most `VALIDATION_POINTS` noise draws of the points that decide when training ends.

    Raises `UnsupportedError` where the data has none, and for a model without a bound.
    """
    chain = _bounded(flow)
    x = dataset.validation(VALIDATION_POINTS, 0)
    if x is None:
        raise UnsupportedError(f"The data '{dataset.name}' has no validation split.")
    points = between_units(dataset.standardisation, flow.standardisation, x).to(flow.timestamps)
    draws = min(BOUND_DRAWS, max(1, VALIDATION_POINTS // len(points)))
    return float(bound_nll(chain, points, draws).cpu().double().mean())


def _bounded(flow: GenerativeModel) -> TwoSDEs:
    """The model, whose chain has a bound; raises `UnsupportedError` for one that has none."""
    if not isinstance(flow, TwoSDEs):
        raise UnsupportedError(f"A {flow.config.model} has no bound: its likelihood is exact, by the method 'ode'.")
    return flow


def evaluate(
    flow: GenerativeModel,
    dataset: Dataset,
    steps: Sequence[int] = DEFAULT_STEPS,
    ode: bool = True,
    points: int = POINTS,
    seeds: int = SEEDS,
    progress: Progress | None = None,
    solver: Solver | None = None,
) -> Evaluation:
    """The bound, the ODE's NLL on 2,000 points and the samples at each N of `steps` by `solver`.

    Distances follow METHOD 8: `seeds` times `points` samples against as many fresh points, the floor
    from as many again; a data set that holds fewer points gives two halves of what it has. Raises
    `SettingError` for a wrong N, `DataError` where the data does not fit the model.
    """
    rows = sorted({check_steps(n) for n in steps})
    if points < 1 or seeds < 1:
        raise SettingError("An evaluation needs at least one point and one seed.")
    tell = progress or (lambda _: None)
    flow.checked_solver(solver)
    bound = None
    if flow.bounded:
        tell("bound on the negative log-likelihood")
        bound = _finite(nll_bound(flow, dataset))
    fine = coarse = None
    if ode:
        tell("likelihood of the probability-flow ODE")
        fine, coarse = (nll_ode(flow, dataset, tolerance) for tolerance in (TOLERANCE, COARSE))
    by_steps = _by_steps(flow, dataset, rows, points, seeds, tell, solver)
    bits = [_bits(flow, dataset, nll) for nll in (bound, fine)]
    return Evaluation(bound, fine, coarse, _entropy(flow, dataset), by_steps, *bits)


def bits_per_dimension(nll: float, standardisation: Standardisation) -> float:
    """(nll + Σ log σ) / (D ln 2): an NLL in nats of standardised levels, dequantised uniformly over 1, in bits each.

    It bounds what the levels themselves take from above (Theis, van den Oord and Bethge 2016, arXiv:1511.01844).
    """
    return (nll + standardisation.log_scale) / (len(standardisation.scale) * math.log(2))


def step_row(flow: GenerativeModel, dataset: Dataset, steps: int, points: int = POINTS, seeds: int = SEEDS) -> StepRow:
    """The samples at one N as `evaluate` compares them, without the rest of it."""
    if points < 1 or seeds < 1:
        raise SettingError("An evaluation needs at least one point and one seed.")
    return _by_steps(flow, dataset, [check_steps(steps)], points, seeds, lambda _: None)[0]


def _by_steps(
    flow: GenerativeModel,
    dataset: Dataset,
    steps: Sequence[int],
    points: int,
    seeds: int,
    tell: Progress,
    solver: Solver | None = None,
) -> tuple[StepRow, ...]:
    """One row an N. Seeds are the outer loop, so that one pair of data draws is kept at a time."""
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


def nll_ode(flow: GenerativeModel, dataset: Dataset, tolerance: float = TOLERANCE) -> float | None:
    """Mean −log p of the ODE on 2,000 fresh points, nats of standardised data, None where it cannot be had."""
    try:
        x = fresh_points(flow, dataset, ODE_POINTS, 0)
        return _finite(float(ode_nll(flow, x, tolerance).cpu().double().mean()))
    except (UnsupportedError, DivergenceError):
        return None


def _bits(flow: GenerativeModel, dataset: Dataset, nll: float | None) -> float | None:
    if nll is None or not dataset.levels:
        return None
    units = flow.standardisation if not is_identity(flow.standardisation) else dataset.standardisation
    return bits_per_dimension(nll, units)


def _entropy(flow: GenerativeModel, dataset: Dataset) -> float | None:
    """The data's entropy in the model's units."""
    if dataset.entropy is None:
        return None
    if is_identity(flow.standardisation):
        return dataset.entropy
    return dataset.entropy + dataset.standardisation.log_scale - flow.standardisation.log_scale


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

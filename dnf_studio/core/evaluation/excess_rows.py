"""The excess of each step on fresh points, as `evaluate` tells it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.by_steps import finite
from dnf_studio.core.evaluation.fresh import fresh_points
from dnf_studio.core.evaluation.likelihoods import affordable_points
from dnf_studio.core.exploration.by_step import MOST_NEIGHBOUR_DIM
from dnf_studio.core.exploration.excess import (
    StepMeans,
    log_ratios,
    neighbour_excess,
    step_means,
)
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import BlockPool, equal_slices, worker_threads
from dnf_studio.core.sampling.node_density import PILOTS, choose_times, log_density_at_nodes, random_signs

ODE_POINTS = 400
MOST_STATES = 40_000
"""Most states on the paths whose densities are solved for: with very many steps there are fewer paths."""
FEWEST = 16
NEIGHBOUR_POINTS = 20_000
BLOCK = 64
"""Paths that one thread carries together."""


@dataclass(frozen=True)
class ExcessRow:
    """One step, the first at the data; nats, None where it is not finite."""

    step: int
    excess: float | None
    error: float | None
    """Standard error over points; by neighbours with what more points would still change."""


@dataclass(frozen=True)
class ExcessRows:
    """The excess of each step of the model's own grid."""

    by_step: tuple[ExcessRow, ...] | None
    """By the densities of the probability-flow ODE: the rows add up to the bound minus the NLL of the ODE."""
    by_neighbours: tuple[ExcessRow, ...] | None
    """By nearest neighbours among forward points, without the model's densities; None beyond three dimensions."""
    points: int = 0
    """Paths that `by_step` is the mean over."""


def excess_rows(
    flow: GenerativeModel,
    dataset: Dataset,
    solver: str | None = None,
    points: int | None = None,
    neighbour_points: int | None = None,
) -> ExcessRows:
    """The excess on fresh points, seed 0: by the ODE on the first `points` of those of the bound, by nearest
    neighbours on `neighbour_points`; `ODE_POINTS` and `NEIGHBOUR_POINTS` unless given. The chain is that of `solver`,
    the model's own unless given; None where there is none.
    """
    chain = flow.checked_solver(solver).chain
    if chain is None:
        return ExcessRows(None, None)
    grid = flow.grid()
    near = flow.dim <= MOST_NEIGHBOUR_DIM
    count = max(FEWEST, min(affordable_points(flow, points or ODE_POINTS), MOST_STATES // grid.steps))
    x0 = fresh_points(flow, dataset, (neighbour_points or NEIGHBOUR_POINTS) if near else count, 0)
    source = torch.Generator().manual_seed(0)
    noise = torch.randn((grid.steps, *x0.shape), generator=source).to(x0)
    with torch.inference_mode():
        states, terms = flow.chain_terms(chain, x0, noise, grid)
        times = choose_times(flow, x0[:PILOTS])

        def ratios(part: slice) -> torch.Tensor:
            with torch.inference_mode():
                path = states[:, part]
                signs = random_signs(path[0], part.start)
                return log_ratios(terms[:, part], log_density_at_nodes(flow, grid, path, times, signs=signs))

        parts = equal_slices(min(count, len(x0)), max(1, count // BLOCK))
        with BlockPool(worker_threads(flow.device)) as threads:
            rows = torch.cat(threads.map(ratios, parts), dim=1)
    means = step_means(rows.double().cpu().numpy())
    if not near:
        return ExcessRows(_rows(means), None, means.points)
    neighbours = neighbour_excess(states.cpu().numpy(), terms.cpu().numpy())
    steps = StepMeans(neighbours.mean[:-1], neighbours.error[:-1], neighbours.points)
    known = np.isfinite(steps.mean).any()
    return ExcessRows(_rows(means), _rows(steps) if known else None, means.points)


def _rows(means: StepMeans) -> tuple[ExcessRow, ...]:
    both = zip(means.mean, means.error, strict=True)
    return tuple(ExcessRow(i, finite(float(mean)), finite(float(error))) for i, (mean, error) in enumerate(both))

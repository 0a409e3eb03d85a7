"""Where the two processes disagree: by how much each backward step misses the reverse of the forward step.

On a forward path a step's log-ratio is

    e_i = ½(‖δB_i‖² − ‖δF_i‖²) + D ln(r_i g_{i+1}/g_i) + ln p_i(x_i) − ln p_{i+1}(x_{i+1}),

which by Bayes' rule is ln p_F(x_i | x_{i+1}) − ln p_B(x_i | x_{i+1}), p_i being the marginals of the forward process.
Its mean, the excess, is the divergence KL(p_F(x_i|x_{i+1}) ‖ p_B(x_i|x_{i+1})): never negative, and zero where the
backward step is right. The first two terms alone are the step's contribution to the bound (`contribution`), which also
holds how much the step spreads the points and so is not zero for a perfect model.

The marginals are not known. Taken as those of the probability-flow ODE, started at each node, the excesses add up to
the bound minus the NLL of that ODE, in any dimension; where the ODE's density is not the forward marginal the mean of a
step misses the divergence by the difference of the mismatches at its two ends, and may be below zero. Taken from
nearest neighbours among the forward points (`neighbour_excess`), in up to three dimensions, no model is used.

References: Zhang and Chen, arXiv:2110.07579, equations 13 and 15; Kozachenko and Leonenko, Problems of Information
Transmission 23, 1987.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.exploration.by_step import MOST_NEIGHBOUR_DIM
from dnf_studio.core.exploration.contributions import contributions
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sampling.node_density import PILOTS, choose_times, log_density_at_nodes, random_signs
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field
from dnf_studio.core.sde.steps import implied_backward_noise, implied_forward_noise
from dnf_studio.errors import Check, SettingError, UnsupportedError

NEIGHBOUR = 4
"""Which nearest neighbour tells a point's density."""
BATCHES = 8
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StepMeans:
    """The mean of each step over some paths, nats."""

    mean: Array
    """(N,)"""
    error: Array
    """Standard error of the mean (N,); not a number where there are fewer than two paths."""
    points: int


@dataclass(frozen=True, eq=False)
class Excess:
    """The log-ratios of forward paths, step by step; nats of the standardised data."""

    path: Tensor
    """The forward paths (N+1, B, D), model units."""
    log_density: Tensor
    """ln p_i(x_i), (N+1, B)."""
    log_ratios: Tensor
    """e_i of each step and path, (N, B)."""

    @property
    def by_step(self) -> StepMeans:
        """The excess of each step."""
        return step_means(self.log_ratios.double().cpu().numpy())


def excess(
    flow: GenerativeModel,
    x0: Tensor,
    noise: Tensor | None = None,
    grid: TimeGrid | None = None,
    check: Check = lambda: None,
) -> Excess:
    """Carry x0 (B, D), model units, to noise and tell the log-ratio of every step, by the probability-flow ODE.

    `noise` is the forward noise (N, B, D), drawn where it is left out; `grid` is the model's own where it is left
    out. Whatever solver the model samples by, the backward steps are those of the SDE (12), at λ = 1. The sum over
    steps is, point by point, their bound minus −ln q_0(x_0). Raises `DataError` for other points,
    `SettingError` for other noise, `UnsupportedError` for a model without a bound.
    """
    if not flow.bounded:
        raise UnsupportedError(flow.lacks["bound"])
    nodes = grid or flow.grid()
    found = contributions(flow, x0, noise, nodes)
    with torch.no_grad():
        times = choose_times(flow, x0[:PILOTS], check=check)
        density = log_density_at_nodes(flow, nodes, found.path, times, signs=random_signs(x0, 0), check=check)
    return Excess(found.path, density, log_ratios(found.steps + widths(nodes, flow.dim)[:, None], density))


def log_ratios(contribution: Tensor, log_density: Tensor) -> Tensor:
    """e_i (N, B) from what each step adds to the bound (N, B), its g term included, and ln p_i(x_i) (N+1, B)."""
    if len(log_density) != len(contribution) + 1 or log_density.shape[1:] != contribution.shape[1:]:
        raise SettingError("The densities of a path are one more than its steps.")
    return contribution + log_density[:-1] - log_density[1:]


def widths(grid: TimeGrid, dim: int) -> Tensor:
    """The g term D ln(r_i g_{i+1}/g_i) of each step, (N,): what the ratio of the two widths adds to the bound."""
    return dim * torch.log(grid.g[1:] * grid.ratio / grid.g[:-1])


def backward_contribution(fields: tuple[Field, Field], grid: TimeGrid, path: Tensor) -> Tensor:
    """½(‖δB_i‖² − ‖δF_i‖²) + D ln(r_i g_{i+1}/g_i) (N, B) of any `path` (N+1, B, D), row i at t_i, read off its states.

    Of backward paths e_i made of it is, in the mean over the backward step, −KL(p_B ‖ p_F): at most 0.
    """
    drift, score = fields
    x = path.double()
    rows = []
    for i in range(grid.steps):
        dt, g, g_next = grid.dt[i].double(), grid.g[i].double(), grid.g[i + 1].double()
        ahead = implied_forward_noise(x[i], x[i + 1], drift(i, path[i]).double(), dt, g)
        ends = drift(i + 1, path[i + 1]).double(), score(i + 1, path[i + 1]).double()
        back = implied_backward_noise(x[i], x[i + 1], *ends, dt, g_next, grid.ratio[i].double())
        rows.append(0.5 * (back.square().sum(-1) - ahead.square().sum(-1)))
    return torch.stack(rows).to(path) + widths(grid, path.shape[-1])[:, None]


def step_means(rows: NDArray[np.floating]) -> StepMeans:
    """Mean and standard error of each row (N, B), paths that left the finite numbers left out."""
    kept = rows[:, np.isfinite(rows).all(axis=0)].astype(np.float64)
    count = kept.shape[1]
    if count == 0:
        return StepMeans(np.full(len(rows), np.nan), np.full(len(rows), np.nan), 0)
    error = kept.std(axis=1, ddof=1) / np.sqrt(count) if count > 1 else np.full(len(rows), np.nan)
    return StepMeans(kept.mean(axis=1), error, count)


def neighbour_log_density(points: NDArray[np.floating], neighbour: int = NEIGHBOUR) -> Array:
    """ln p (n,) at each of `points` (n, D) from the distance r to its k-th neighbour among the others.

    ln p = ψ(k) − ψ(n) − ln c_D − D ln r, c_D the volume of the unit ball: minus the mean of it is the entropy by
    Kozachenko and Leonenko. Not a number for all of them where so many stand at one place that some r is 0.
    """
    from scipy.spatial import cKDTree
    from scipy.special import digamma

    count, dim = points.shape
    ball = 0.5 * dim * log(pi) - lgamma(0.5 * dim + 1)
    _, repeats = np.unique(points, axis=0, return_counts=True)
    if repeats.max(initial=0) > neighbour:
        return np.full(count, np.nan)
    distances = np.asarray(cKDTree(points).query(points, k=[neighbour + 1])[0])[:, 0]
    found: Array = digamma(neighbour) - digamma(count) - ball - dim * np.log(distances)
    return found


def neighbour_excess(
    path: NDArray[np.floating], contribution: NDArray[np.floating], check: Check = lambda: None
) -> StepMeans:
    """The excess of each step with the forward marginals by nearest neighbours, without any model of them (N+1 rows).

    Row N is KL(p_N ‖ N(0, I)): how far the ends of the paths are from the prior.

    `path` (N+1, B, D) are forward paths of fresh points, `contribution` (N, B) what they add to the bound, the g term
    included. The error holds the spread of `BATCHES` disjoint batches, each with neighbours of its own, and how much
    half the points and twice the neighbour change the value: thin sets need many points. Raises `SettingError` in more
    than three dimensions.
    """
    if path.shape[2] > MOST_NEIGHBOUR_DIM:
        raise SettingError(f"Nearest neighbours tell densities in up to {MOST_NEIGHBOUR_DIM} dimensions only.")
    kept = np.isfinite(path).all(axis=(0, 2)) & np.isfinite(contribution).all(axis=0)
    x, bars = path[:, kept].astype(np.float64), contribution[:, kept].astype(np.float64)
    count = x.shape[1]
    if count < 4 * NEIGHBOUR * BATCHES:
        nothing = np.full(len(x), np.nan)
        return StepMeans(nothing, nothing, count)
    halves = [slice(k, None, 2) for k in range(2)]
    batches = [slice(k, None, BATCHES) for k in range(BATCHES)]
    entropies = []
    for states in x:
        check()
        whole = [-neighbour_log_density(states, k).mean() for k in (NEIGHBOUR, 2 * NEIGHBOUR)]
        half = np.mean([-neighbour_log_density(states[part]).mean() for part in halves])
        entropies.append([*whole, half, *(-neighbour_log_density(states[part]).mean() for part in batches)])
    # With the prior's −ln N(x_N; 0, I) behind the steps, and no entropy behind that, one rule serves all rows
    prior = 0.5 * (np.square(x[-1]).sum(axis=1) + x.shape[2] * log(2 * pi))
    added = np.concatenate([bars, prior[None]])
    gained = np.diff(np.array(entropies), axis=0, append=0.0)
    own, farther, fewer = (added.mean(axis=1) + gained[:, k] for k in range(3))
    each = np.stack([added[:, part].mean(axis=1) + gained[:, 3 + k] for k, part in enumerate(batches)])
    chance = each.std(axis=0, ddof=1) / np.sqrt(BATCHES)
    unresolved = np.maximum(np.abs(own - farther), np.abs(own - fewer))
    return StepMeans(own, np.hypot(chance, unresolved), count)

"""ln q_i(x_i) at every node of given paths: the density of the probability-flow ODE, solved from each node to t_N.

A single adaptive solver for the states of all nodes would begin anew at each of them. Instead the steps are chosen
once, on a few points (`choose_times`); a state joins them from its own node by one shorter step. For N nodes and M
steps that is N (1 + M/2) steps a point.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from dnf_studio.core.sampling.model import Model
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import minus_log_prior
from dnf_studio.errors import Check, DivergenceError

TOLERANCE = 2e-3
"""Nats by which one step may move a point's log-density, on average over the pilots."""
PILOTS = 16
MOST_TIMES = 400
LEAST = 1e-4
"""The shortest step as a part of the whole span."""
ORDER = 5
"""The error of one step falls with this power of its length."""


def choose_times(flow: Model, x: Tensor, tolerance: float = TOLERANCE, check: Check = lambda: None) -> list[float]:
    """Times t_0 = τ_0 < … < τ_M = t_N whose steps change ln q by at most `tolerance` each, by points x (P, D) at t_0.

    A step is compared with two of half its length. What differs in place counts as the score makes of it, since
    ln q moves by ⟨s, Δx⟩.
    """
    now, end = (float(flow.timestamps[k]) for k in (0, -1))
    span = end - now
    length, times = float(flow.timestamps[1]) - now, [now]
    y, signs = None, random_signs(x, 0)
    while now < end and len(times) < MOST_TIMES:
        check()
        length = min(length, end - now)
        ahead = end if now + 1.05 * length >= end else now + length
        quarters = np.linspace(now, ahead, 5)
        ode = flow.probability_flow([*quarters[[0, 2, 4]], *quarters[[0, 1, 2]], *quarters[[2, 3, 4]]])
        if y is None:
            y = x / ode.scale[0]
        start = y, torch.zeros_like(y[:, 0])
        whole, change = ode.step(0, start, signs)
        finer, finer_change = ode.step(6, ode.step(3, start, signs), signs)
        moved = (whole - finer) * ode.scale[2]
        score = flow.fields(flow.grid_at([ahead]))[1](0, finer * ode.scale[2])
        error = (change - finer_change + (score * moved).sum(1)).abs()
        error = error[error.isfinite()]
        wrong = float(error.mean()) if len(error) else math.inf
        if wrong <= tolerance or length <= LEAST * span:
            now, y = ahead, finer
            times.append(now)
        length *= min(4.0, max(0.25, 0.9 * (tolerance / max(wrong, 1e-12)) ** (1 / ORDER)))
    if now < end:
        raise DivergenceError("The probability-flow ODE of this model is too steep to be solved in steps.")
    times[-1] = end
    return times


def random_signs(x: Tensor, seed: int) -> Tensor | None:
    """The vector of random signs that each of the points x (B, D) keeps, None where the divergence is exact."""
    from dnf_studio.core.sampling.likelihood import MAX_EXACT_DIM

    if x.shape[1] <= MAX_EXACT_DIM:
        return None
    source = np.random.default_rng(seed)
    return torch.from_numpy(2 * source.integers(0, 2, tuple(x.shape), np.int8) - 1).to(x)


def log_density_at_nodes(
    flow: Model,
    grid: TimeGrid,
    path: Tensor,
    times: Sequence[float],
    nodes: Sequence[int] | None = None,
    signs: Tensor | None = None,
    check: Check = lambda: None,
) -> Tensor:
    """ln q_i(x_i) (K, B), nats of model units, for the states of `path` (N+1, B, D) at `nodes`, all N+1 unless given.

    q_N is N(0, I). `times` are those of `choose_times`; `nodes` rise and end with N. Beyond 16 dimensions `signs`
    (B, D) estimate the divergence. `check` is called at every step and raises to leave.
    """
    given = list(range(grid.steps + 1) if nodes is None else nodes)
    far = flow.elsewhere
    there = None if far is None else far.log_density(flow, (grid, path, times, given), signs, check)
    if there is not None:
        return there
    wanted, own = given[:-1], grid.t.tolist()
    # A state joins at the next of `times`, over which all that joined before it step together
    joins = [min(bisect_right(times, own[i]), len(times) - 1) for i in wanted]
    spans = [(own[i], times[k]) for i, k in zip(wanted, joins, strict=True)] + list(pairwise(times))
    ode = flow.probability_flow([t for a, b in spans for t in (a, 0.5 * (a + b), b)])
    end = ode.scale[-1]
    rows, dim = path.shape[1], path.shape[2]
    y, change = path.new_empty(0, dim), path.new_empty(0)
    for k in range(1, len(times)):
        if len(y):
            check()
            together = None if signs is None else signs.repeat(len(y) // rows, 1)
            y, change = ode.step(3 * (len(wanted) + k - 1), (y, change), together)
        for place in (j for j, join in enumerate(joins) if join == k):
            check()
            begin = path[wanted[place]] / ode.scale[3 * place]
            joined = ode.step(3 * place, (begin, torch.zeros_like(begin[:, 0])), signs)
            y, change = torch.cat([y, joined[0]]), torch.cat([change, joined[1]])
    scales = path.new_tensor([dim * math.log(end / ode.scale[3 * j]) for j in range(len(wanted))])
    found = (change - minus_log_prior(y * end)).view(len(wanted), rows) + scales[:, None]
    return torch.cat([found, -minus_log_prior(path[-1])[None]])

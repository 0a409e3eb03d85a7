"""Log densities of points under a trained model, three ways (method.md, section 9).

``ode`` is the density of the probability-flow ODE, ``bound`` and ``importance`` bound that of the
N-step chain that the model draws samples by, of a diffusion model the ancestral one, from below. They
belong to different models: no order holds between the ODE's value and the bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from dnf_studio.core.parallel import BlockPool, worker_threads
from dnf_studio.core.sampling.model import Model, check_shape
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import minus_log_prior
from dnf_studio.errors import Check, DataError, DivergenceError, SettingError, UnsupportedError

BOUND_DRAWS = 16
"""Noise draws a point over which ``bound`` is averaged."""
IMPORTANCE_PATHS = 64
"""Paths K a point of ``importance``, −log (1/K) Σ_k w_k."""
MAX_EXACT_DIM = 16
"""The exact divergence takes one vector-Jacobian product a dimension and network."""
PROBES = 8
"""Hutchinson's vectors a point beyond."""
TOLERANCE = 1e-5
"""Relative and absolute error per step of the adaptive solver."""
BLOCK = 512
"""Points solved together: one adaptive step size for all, and activations that stay in cache."""
GRAPH_BYTES = 1 << 29
"""About what the evaluations at the points that are solved together may take; large networks have fewer."""
LogProbMethod = Literal["ode", "bound", "importance"]
DivergenceName = Literal["exact", "hutchinson"]
Divergence = Callable[[Tensor, Tensor], Tensor]
"""The divergence (B, K) of a value (B, D) computed from points (B, D) that need their gradient, K estimates of it."""


def log_prob(flow: Model, x: Tensor, method: LogProbMethod = "ode") -> Tensor:
    """Log density (n,), nats, data units, of points (n, D) in data units.

    ``ode`` is `ode_nll`; ``bound`` averages the bound of method.md, section 2 over `BOUND_DRAWS` noise
    draws of a fixed seed; ``importance`` is the tighter one of `IMPORTANCE_PATHS` paths. Raises `SettingError` for
    another method, `DataError` for points of the wrong shape or not finite. Where data units have a range, those of a
    logit, a point with a value beyond it has no density: −∞.
    """
    if method not in get_args(LogProbMethod):
        raise SettingError(f"The method '{method}' is not one of ode, bound and importance.")
    if method != "ode" and not flow.bounded:
        raise UnsupportedError(
            f"The model '{flow.config.model}' has no {method}: its likelihood is exact, by the method 'ode'."
        )
    units, points = flow.standardisation, _checked(flow, x).detach().cpu().double()
    exact = units.to_model(units.inside(points))
    model = exact.to(flow.timestamps)
    if method == "ode":
        nll = ode_nll(flow, model)
    elif method == "bound":
        nll = bound_nll(flow, model, BOUND_DRAWS)
    else:
        nll = bound_nll(flow, model, IMPORTANCE_PATHS, importance=True)
    found = -(nll + units.log_volume(exact).to(nll))
    return found.masked_fill(units.beyond(points).to(found.device), -math.inf)


def bound_nll(
    flow: Model,
    x: Tensor,
    draws: int,
    importance: bool = False,
    seed: int = 0,
    grid: TimeGrid | None = None,
    pool: BlockPool | None = None,
    solver: str | None = None,
) -> Tensor:
    """Upper bound (n,) on the NLL of points (n, D), both in model units, nats (method.md, section 2).

    It is that of the chain of `solver`, unless given of the model's own or else the first of its solvers that is a
    chain; raises `UnsupportedError` where that draws no noise.

    The mean over `draws` noise draws, or with `importance` −log (1/K) Σ_k exp(−bracket_k) of K = `draws`. Computed on
    the threads of `pool`, unless given on as many as there are, until that is interrupted.
    """
    nodes, chain = grid or flow.grid(), flow.bounding_solver(solver).chain
    if chain is None:
        raise UnsupportedError(f"The solver '{solver}' draws no noise, so what it samples has no bound.")

    def block(start: int, check: Check) -> Tensor:
        points = x[start : start + BLOCK]
        source = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(start // BLOCK,))))
        shape = (nodes.steps, BLOCK, x.shape[1])
        brackets = []
        with torch.inference_mode():
            for _ in range(draws):
                check()
                # Drawn for a whole block, so that a point's noise depends on its number alone.
                noise = torch.from_numpy(source.standard_normal(shape, dtype=np.float32))[:, : len(points)]
                brackets.append(flow.chain_bound(chain, points, noise.to(points), nodes))
            stacked = torch.stack(brackets)
            return -torch.logsumexp(-stacked, 0) + math.log(draws) if importance else stacked.mean(0)

    return _in_blocks(flow, x, block, pool)


@dataclass(frozen=True)
class OdeNLL:
    """−log p of points under the probability-flow ODE, nats, and what the divergence leaves uncertain."""

    value: Tensor
    """(n,)"""
    error: Tensor
    """(n,) standard error of each value from Hutchinson's probes; zero where the divergence is exact."""


def divergence_name(dim: int) -> DivergenceName:
    """How `estimate_ode_nll` and so `log_prob` take the divergence of `dim` dimensions, unless told otherwise."""
    return "exact" if dim <= MAX_EXACT_DIM else "hutchinson"


def ode_nll(flow: Model, x: Tensor, tolerance: float = TOLERANCE, pool: BlockPool | None = None) -> Tensor:
    """The value of `estimate_ode_nll`, (n,)."""
    return estimate_ode_nll(flow, x, tolerance, pool=pool).value


def estimate_ode_nll(
    flow: Model,
    x: Tensor,
    tolerance: float = TOLERANCE,
    probes: int | None = None,
    seed: int = 0,
    exact: bool = False,
    pool: BlockPool | None = None,
) -> OdeNLL:
    """−log p in nats of points (n, D) at t_0 under dx/dt = v, the model's `velocity`, both in model units.

    log p(x) = log N(x(t_N); 0, I) + ∫ div v dt along the path through x, by adaptive Dormand–Prince 5. The
    divergence is exact up to `MAX_EXACT_DIM` dimensions, and beyond if `exact`; else, or with `probes`, Hutchinson's
    (1/K) Σ_k ε_kᵀ (∂v/∂x) ε_k, unbiased, of K = `probes` or `PROBES` vectors of random signs that each point keeps
    along its path. `pool` is as in `bound_nll`. Raises `DivergenceError` where no step is small enough.

    Reference: Grathwohl et al., "FFJORD", ICLR 2019, arXiv:1810.01367.
    """
    count = PROBES if probes is None and flow.dim > MAX_EXACT_DIM and not exact else probes
    together = max(1, GRAPH_BYTES // (4 * max(1, flow.kept_numbers)))

    def block(start: int, check: Check) -> Tensor:
        parts = torch.split(x[start : start + BLOCK], together)
        if count is None:
            return torch.cat([_solve(flow, points, tolerance, _exact_divergence, 1, check) for points in parts])
        source = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(start // BLOCK,))))
        drawn = torch.from_numpy(2 * source.integers(0, 2, (BLOCK, count, flow.dim), np.int8) - 1)
        both = zip(parts, torch.split(drawn, together), strict=False)
        return torch.cat(
            [_solve(flow, at, tolerance, _hutchinson(signs[: len(at)].to(at)), count, check) for at, signs in both]
        )

    values = _in_blocks(flow, x, block, pool, (count or 1,))
    spread = values.std(1) / math.sqrt(values.shape[1]) if values.shape[1] > 1 else torch.zeros_like(values[:, 0])
    return OdeNLL(values.mean(1), spread)


def grid_ode_nll(flow: Model, x: Tensor, steps: int | None = None, pool: BlockPool | None = None) -> Tensor:
    """`ode_nll` (n,) by Heun's method on the nodes of the grid with N = `steps`, the model's own unless given.

    At its own N the fields are asked for at the times of training alone, t_0 apart; where another N says
    something else, what lies between them was not learned.
    """
    nodes = flow.grid(steps)
    dt, half = nodes.dt, (0.5 * nodes.g.square()).tolist()

    def block(start: int, check: Check) -> Tensor:
        with torch.inference_mode():
            drift, score = flow.fields_with_divergence(nodes)

            def rate(i: int, at: Tensor) -> tuple[Tensor, Tensor]:
                (f, div_f), (s, div_s) = drift(i, at), score(i, at)
                return f - half[i] * s, div_f - half[i] * div_s

            points = x[start : start + BLOCK]
            change = torch.zeros_like(points[:, 0])
            for i in range(nodes.steps):
                check()
                v, div = rate(i, points)
                v_next, div_next = rate(i + 1, points + dt[i] * v)
                points = points + dt[i] / 2 * (v + v_next)
                change = change + dt[i] / 2 * (div + div_next)
            return minus_log_prior(points) - change

    return _in_blocks(flow, x, block, pool)


def _solve(flow: Model, x: Tensor, tolerance: float, divergence: Divergence, probes: int, check: Check) -> Tensor:
    """−log p (b, K) of one block, one value a probe.

    The solver's state is float64 where the device has it, the networks keep their dtype.
    """
    from torchdiffeq import odeint

    wide = torch.float32 if x.device.type == "mps" else torch.float64
    ends = flow.timestamps[[0, -1]].to(wide)
    start = torch.cat([x, x.new_zeros(len(x), probes)], 1).to(wide)
    velocity = flow.velocity()

    def rate(t: Tensor, state: Tensor) -> Tensor:
        check()
        value, change = _with_divergence(
            lambda points: velocity(t, points), state[:, : flow.dim].to(x.dtype), divergence
        )
        return torch.cat([value, change], 1).to(wide)

    # Without step_t the solver steps over t_N, where no field is defined, and interpolates back.
    how = {"rtol": tolerance, "atol": tolerance, "method": "dopri5", "options": {"step_t": ends[1:]}}
    try:
        with torch.no_grad():
            end: Tensor = odeint(rate, start, ends, **how)[-1]
    except AssertionError:
        # What torchdiffeq raises when its step underflows or its state is no longer finite.
        raise DivergenceError("The probability-flow ODE of this model cannot be solved from these points.") from None
    return (minus_log_prior(end[:, : flow.dim])[:, None] - end[:, flow.dim :]).to(x.dtype)


def _with_divergence(field: Callable[[Tensor], Tensor], x: Tensor, divergence: Divergence) -> tuple[Tensor, Tensor]:
    """`field` (B, D) at x (B, D) and its divergence (B, K)."""
    with torch.enable_grad():
        points = x.detach().requires_grad_()
        value = field(points)
        change = divergence(value, points)
    return value.detach(), change


def _exact_divergence(value: Tensor, points: Tensor) -> Tensor:
    """tr ∂value/∂points (B, 1), by one vector-Jacobian product a dimension."""
    total = torch.zeros_like(value[:, 0])
    for d in range(points.shape[1]):
        (row,) = torch.autograd.grad(value[:, d].sum(), points, retain_graph=d + 1 < points.shape[1])
        total += row[:, d]
    return total[:, None]


def _hutchinson(signs: Tensor) -> Divergence:
    """εᵀ (∂value/∂points) ε (B, K) of the vectors ε = `signs` (B, K, D), by one vector-Jacobian product each."""

    def divergence(value: Tensor, points: Tensor) -> Tensor:
        columns = []
        for k in range(signs.shape[1]):
            eps = signs[:, k]
            (row,) = torch.autograd.grad(value, points, eps, retain_graph=k + 1 < signs.shape[1])
            columns.append((row * eps).sum(1))
        return torch.stack(columns, 1)

    return divergence


def _in_blocks(
    flow: Model,
    x: Tensor,
    function: Callable[[int, Check], Tensor],
    pool: BlockPool | None,
    row: tuple[int, ...] = (),
) -> Tensor:
    """`function` of each block's first row, on the threads of `pool` or its own; what it returns (b, *row) joined."""
    with nullcontext(pool) if pool is not None else BlockPool(worker_threads(flow.device)) as threads:
        check = threads.check
        parts = threads.map(lambda start: function(start, check), range(0, len(x), BLOCK))
    return torch.cat(parts).clone() if parts else x.new_zeros(0, *row)


def _checked(flow: Model, x: Tensor) -> Tensor:
    """`x`, or `DataError` if it is not finite points of the model's dimension."""
    check_shape(x, flow)
    if x.is_complex() or x.layout != torch.strided:
        raise DataError(f"The points must be dense real numbers, not {x.dtype} in {x.layout} layout.")
    bad = int((~torch.isfinite(x).all(1)).sum())
    if bad:
        raise DataError(f"{bad:,} of {len(x):,} points are not finite.")
    return x

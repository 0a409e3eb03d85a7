"""Log densities of points under a trained model, three ways (METHOD 2 and 5).

``ode`` is the density of the probability-flow ODE, ``bound`` and ``importance`` bound that of the
N-step backward chain from below. They belong to different models: no order holds between the ODE's
value and the bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from dnf_studio.core.models.base import GenerativeModel, LogProbMethod, shown_shape
from dnf_studio.core.models.two_sdes import TwoSDEs
from dnf_studio.core.parallel import BlockPool, worker_threads
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.training.objective import path_bound
from dnf_studio.errors import DataError, DivergenceError, SettingError, UnsupportedError

__all__ = ["BOUND_DRAWS", "IMPORTANCE_PATHS", "MAX_EXACT_DIM", "TOLERANCE", "bound_nll", "log_prob", "ode_nll"]

BOUND_DRAWS = 16
"""Noise draws a point over which ``bound`` is averaged."""
IMPORTANCE_PATHS = 64
"""Paths K a point of ``importance``, −log (1/K) Σ_k w_k."""
MAX_EXACT_DIM = 16
"""The exact divergence takes one vector-Jacobian product a dimension and network."""
TOLERANCE = 1e-5
"""Relative and absolute error per step of the adaptive solver."""
BLOCK = 512
"""Points solved together: one adaptive step size for all, and activations that stay in cache."""


def log_prob(flow: GenerativeModel, x: Tensor, method: LogProbMethod = "ode") -> Tensor:
    """Log density (n,), nats, data units, of points (n, D) in data units.

    ``bound`` averages the bound of METHOD 2 over `BOUND_DRAWS` noise draws of a fixed seed;
    ``importance`` is the tighter one of `IMPORTANCE_PATHS` paths. Raises `SettingError` for another
    method, `DataError` for points of the wrong shape or not finite.
    """
    if method not in get_args(LogProbMethod):
        raise SettingError(f"The method '{method}' is not one of ode, bound and importance.")
    if method != "ode" and not isinstance(flow, TwoSDEs):
        raise UnsupportedError(f"A {flow.config.model} has no {method}: its likelihood is exact, by the method 'ode'.")
    points = _checked(flow, x)
    model = flow.standardisation.to_model(points.detach().cpu().double()).to(flow.timestamps)
    if method == "ode" or not isinstance(flow, TwoSDEs):
        nll = ode_nll(flow, model)
    elif method == "bound":
        nll = bound_nll(flow, model, BOUND_DRAWS)
    else:
        nll = bound_nll(flow, model, IMPORTANCE_PATHS, importance=True)
    return -(nll + flow.standardisation.log_scale)


def bound_nll(
    flow: TwoSDEs, x: Tensor, draws: int, importance: bool = False, seed: int = 0, grid: TimeGrid | None = None
) -> Tensor:
    """Upper bound (n,) on the NLL of points (n, D), both in model units, nats (METHOD 2).

    The mean over `draws` noise draws, or with `importance` −log (1/K) Σ_k exp(−bracket_k) of K = `draws`.
    """
    nodes = grid or flow.grid()

    def block(start: int) -> Tensor:
        points = x[start : start + BLOCK]
        source = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(start // BLOCK,))))
        shape = (nodes.steps, BLOCK, x.shape[1])
        brackets = []
        with torch.inference_mode():
            for _ in range(draws):
                # Drawn for a whole block, so that a point's noise depends on its number alone.
                noise = torch.from_numpy(source.standard_normal(shape, dtype=np.float32))[:, : len(points)]
                brackets.append(path_bound(flow, points, noise.to(points), nodes))
            stacked = torch.stack(brackets)
            return -torch.logsumexp(-stacked, 0) + math.log(draws) if importance else stacked.mean(0)

    return _in_blocks(flow, x, block)


def ode_nll(flow: GenerativeModel, x: Tensor, tolerance: float = TOLERANCE) -> Tensor:
    """−log p (n,) in nats of points (n, D) at t_0 under dx/dt = v, the model's `velocity`, both in model units.

    log p(x) = log N(x(t_N); 0, I) + ∫ div v dt along the path through x, by adaptive Dormand–Prince 5
    with the exact divergence. Raises
    `UnsupportedError` beyond `MAX_EXACT_DIM` dimensions, `DivergenceError` where no step is small enough.
    """
    if flow.dim > MAX_EXACT_DIM:
        raise UnsupportedError(
            f"The exact divergence is for at most {MAX_EXACT_DIM} dimensions and this model has {flow.dim}; "
            "use the method 'bound' or 'importance'."
        )
    return _in_blocks(flow, x, lambda start: _solve(flow, x[start : start + BLOCK], tolerance))


def _solve(flow: GenerativeModel, x: Tensor, tolerance: float) -> Tensor:
    """`ode_nll` of one block. The solver's state is float64 where the device has it, the networks keep their dtype."""
    from torchdiffeq import odeint

    wide = torch.float32 if x.device.type == "mps" else torch.float64
    ends = flow.timestamps[[0, -1]].to(wide)
    start = torch.cat([x, x.new_zeros(len(x), 1)], 1).to(wide)
    velocity = flow.velocity()

    def rate(t: Tensor, state: Tensor) -> Tensor:
        value, divergence = _with_divergence(lambda points: velocity(t, points), state[:, :-1].to(x.dtype))
        return torch.cat([value, divergence[:, None]], 1).to(wide)

    # Without step_t the solver steps over t_N, where no field is defined, and interpolates back.
    how = {"rtol": tolerance, "atol": tolerance, "method": "dopri5", "options": {"step_t": ends[1:]}}
    try:
        with torch.no_grad():
            end: Tensor = odeint(rate, start, ends, **how)[-1]
    except AssertionError:
        # What torchdiffeq raises when its step underflows or its state is no longer finite.
        raise DivergenceError("The probability-flow ODE of this model cannot be solved from these points.") from None
    z, change = end[:, :-1], end[:, -1]
    return (0.5 * z.square().sum(1) + 0.5 * flow.dim * math.log(2 * math.pi) - change).to(x.dtype)


def _with_divergence(field: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """`field` (B, D) at x (B, D) and its divergence (B,), by one vector-Jacobian product a dimension."""
    with torch.enable_grad():
        points = x.detach().requires_grad_()
        value = field(points)
        divergence = torch.zeros_like(value[:, 0])
        for d in range(x.shape[1]):
            (row,) = torch.autograd.grad(value[:, d].sum(), points, retain_graph=d + 1 < x.shape[1])
            divergence += row[:, d]
    return value.detach(), divergence


def _in_blocks(flow: GenerativeModel, x: Tensor, function: Callable[[int], Tensor]) -> Tensor:
    """`function` of each block's first row, on block threads; what it returns (b,) joined to (n,)."""
    with BlockPool(worker_threads(flow.device)) as pool:
        parts = pool.map(function, range(0, len(x), BLOCK))
    return torch.cat(parts).clone() if parts else x.new_zeros(0)


def _checked(flow: GenerativeModel, x: Tensor) -> Tensor:
    """`x`, or `DataError` if it is not finite points of the model's dimension."""
    if not isinstance(x, Tensor) or x.ndim != 2 or x.shape[1] != flow.dim:
        raise DataError(f"The points must be a tensor of shape (n, {flow.dim}), not {shown_shape(x)}.")
    if x.is_complex() or x.layout != torch.strided:
        raise DataError(f"The points must be dense real numbers, not {x.dtype} in {x.layout} layout.")
    bad = int((~torch.isfinite(x).all(1)).sum())
    if bad:
        raise DataError(f"{bad:,} of {len(x):,} points are not finite.")
    return x

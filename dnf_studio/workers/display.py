"""The numerics of the live view: one block of points carried through both SDEs.

Imports torch, so only the explorer's thread imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.exploration.disagreement import split_disagreement
from dnf_studio.core.exploration.score_share import summed_lengths
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field, LastStep, backward_states
from dnf_studio.core.sde.steps import forward_step, split_backward_noise

__all__ = ["Cancelled", "ForwardBlock", "backward_block", "forward_block"]
Array = NDArray[np.float32]


class Cancelled(Exception):
    """The pass is no longer wanted."""


class ForwardBlock(NamedTuple):
    """One block on its way from data to noise."""

    path: Array
    """(N+1, B, D), model units, row 0 at t_0."""
    disagreement: Array
    """(N, B): ½(‖δB_i‖² − ‖δF_i‖²) of each step and point, nats."""
    parts: NDArray[np.float64]
    """(3, N): what noise ratio, drift change and score add to it, summed over the points whose sum is finite."""
    lengths: NDArray[np.float64]
    """(3, N): `summed_lengths` of f and s at t_1 … t_N."""


def forward_block(
    fields: tuple[Field, Field], grid: TimeGrid, x0: Tensor, noise: Tensor, check: Callable[[], None]
) -> ForwardBlock:
    """Path and step disagreement of x0 (B, D) with noise (N, B, D).

    The drift at x_{i+1} serves the step from there and the disagreement of the step to there.
    `check` is called at every step and raises `Cancelled` to leave.
    """
    (drift, score), dt = fields, grid.dt
    states, drifts, scores = [x0], [drift(0, x0)], []
    for i in range(grid.steps):
        check()
        x = forward_step(states[-1], drifts[-1], dt[i], grid.g[i], noise[i])
        states.append(x)
        drifts.append(drift(i + 1, x))
        scores.append(score(i + 1, x))
    f, s = torch.stack(drifts), torch.stack(scores)
    path = torch.stack(states)
    lengths = summed_lengths(path[1:], f[1:], s)
    dt, g = dt[:, None, None], grid.g[:, None, None]
    parts = torch.stack(split_disagreement(split_backward_noise(f[:-1], f[1:], s, noise, dt, g[:-1], g[1:]), noise))
    disagreement = parts.sum(0)
    kept = torch.where(disagreement.isfinite(), parts, 0).sum(-1, dtype=torch.float64)
    return ForwardBlock(path.numpy(), disagreement.numpy(), kept.numpy(), lengths.numpy())


def backward_block(
    fields: tuple[Field, Field],
    grid: TimeGrid,
    latents: Tensor,
    noise: Tensor,
    lam: float,
    last: LastStep,
    check: Callable[[], None],
) -> Array:
    """The path (N+1, B, D) of latents (B, D), row i at t_i.

    Row i of `noise` (N, B, D) belongs to the step between t_i and t_{i+1}.
    """

    drift, score = fields

    def checked_drift(i: int, x: Tensor) -> Tensor:
        check()
        return drift(i, x)

    states = backward_states(checked_drift, score, grid, latents, noise.flip(0).__getitem__, lam, last)
    return torch.stack(list(states)[::-1]).numpy()

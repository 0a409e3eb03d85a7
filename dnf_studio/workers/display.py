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

from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.models.kernels import FourierKernel
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import LastStep, backward_states
from dnf_studio.core.sde.steps import forward_step, path_backward_noise

__all__ = ["Cancelled", "Fields", "ForwardBlock", "backward_block", "forward_block"]

SCORE_ROWS = 512
Array = NDArray[np.float32]


class Cancelled(Exception):
    """The pass is no longer wanted."""


class ForwardBlock(NamedTuple):
    """One block on its way from data to noise."""

    path: Array
    """(N+1, B, D), model units, row 0 at t_0."""
    disagreement: Array
    """(N, B): ½(‖δB_i‖² − ‖δF_i‖²) of each step and point, nats."""


class Fields(NamedTuple):
    """Drift and score of one model at the nodes of one grid, without autograd."""

    drift: FourierKernel
    score: FourierKernel

    @classmethod
    def of(cls, flow: DiffFlow, grid: TimeGrid) -> Fields:
        """The fields of `flow` at the nodes of `grid`."""
        nodes = grid.condition
        return cls(
            FourierKernel(flow.drift, flow.drift.embed_time(nodes)),
            FourierKernel(flow.score, flow.score.embed_time(nodes)),
        )


def forward_block(fields: Fields, grid: TimeGrid, x0: Tensor, noise: Tensor, check: Callable[[], None]) -> ForwardBlock:
    """Path and step disagreement of x0 (B, D) with noise (N, B, D).

    The drift at x_{i+1} serves the step from there and the disagreement of the step to there; the
    scores do not depend on each other and are taken some nodes at a time. `check` is called often
    and raises `Cancelled` to leave.
    """
    dt, steps = grid.dt, grid.steps
    states, drifts = [x0], [fields.drift.value(x0, 0)]
    for i in range(steps):
        check()
        states.append(forward_step(states[-1], drifts[-1], dt[i], grid.g[i], noise[i]))
        drifts.append(fields.drift.value(states[-1], i + 1))
    path, drift = torch.stack(states), torch.stack(drifts)
    chunk, scores = max(1, SCORE_ROWS // len(x0)), []
    for i in range(1, steps + 1, chunk):
        check()
        nodes = slice(i, min(i + chunk, steps + 1))
        scores.append(fields.score.value(path[nodes], nodes))
    dt, g = dt[:, None, None], grid.g[:, None, None]
    back = path_backward_noise(drift[:-1], drift[1:], torch.cat(scores), noise, dt, g[:-1], g[1:])
    disagreement = 0.5 * (back.square().sum(-1) - noise.square().sum(-1))
    return ForwardBlock(path.numpy(), disagreement.numpy())


def backward_block(
    fields: Fields,
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

    def drift(i: int, x: Tensor) -> Tensor:
        check()
        return fields.drift.value(x, i)

    def score(i: int, x: Tensor) -> Tensor:
        return fields.score.value(x, i)

    states = backward_states(drift, score, grid, latents, noise.flip(0).__getitem__, lam, last)
    return torch.stack(list(states)[::-1]).numpy()

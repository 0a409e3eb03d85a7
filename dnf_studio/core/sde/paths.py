"""Whole paths: those of the forward SDE, and what is common to all; those back are in `solvers`.

A *field* gives a network's value at a node: ``field(i, x)`` with x (B, D) at t_i returns (B, D).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.steps import forward_step
from dnf_studio.errors import Check

Field = Callable[[int, Tensor], Tensor]
"""A network's value at node i and states x (B, D)."""
Sampler = Callable[[Tensor, Callable[[int], Tensor]], Iterator[Tensor]]
"""From latents z (B, D) and the noise of step j (B, D), asked for in order where it is used, to the N+1 states."""


def remembering(field: Field) -> Field:
    """`field` along one path, evaluated once a node: what made the path need not be computed again."""
    known: dict[int, Tensor] = {}

    def value(i: int, x: Tensor) -> Tensor:
        if i not in known:
            known[i] = field(i, x)
        return known[i]

    return value


def minus_log_prior(z: Tensor) -> Tensor:
    """−log N(z; 0, I), nats, (…) of z (…, D): the law that data is to have where it has come to noise."""
    return 0.5 * z.square().sum(-1) + 0.5 * z.shape[-1] * math.log(2 * math.pi)


def forward_path(drift: Field, grid: TimeGrid, x0: Tensor, noise: Tensor) -> Tensor:
    """Data to noise (11): states (N+1, B, D), row i at t_i, from x0 (B, D) and noise (N, B, D)."""
    return torch.stack(list(forward_states(drift, grid, x0, noise.__getitem__)))


def forward_states(drift: Field, grid: TimeGrid, x0: Tensor, noise: Callable[[int], Tensor]) -> Iterator[Tensor]:
    """Data to noise (11), one state (B, D) after the other, x0 first, N+1 in all; `noise(i)` is called once a step."""
    x, dt = x0, grid.dt
    yield x
    for i in range(grid.steps):
        x = forward_step(x, drift(i, x), dt[i], grid.g[i], noise(i))
        yield x


def collected(states: Iterator[Tensor], check: Check | None = None) -> Tensor:
    """All of `states` (N+1, B, D); `check` is called before each of them and raises to leave."""
    path: list[Tensor] = []
    while True:
        if check is not None:
            check()
        state = next(states, None)
        if state is None:
            return torch.stack(path)
        path.append(state)

"""Whole paths of the two SDEs: the steps of `steps`, one after the other.

A *field* gives a network's value at a node: ``field(i, x)`` with x (B, D) at t_i returns (B, D).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Literal, get_args

import torch
from torch import Tensor

from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.steps import backward_step, forward_step
from dnf_studio.errors import Check, SettingError

__all__ = [
    "Field",
    "LastStep",
    "backward_path",
    "backward_states",
    "check_last_step",
    "check_level",
    "collected",
    "forward_path",
    "forward_states",
    "heun_states",
    "minus_log_prior",
    "remembering",
]

Field = Callable[[int, Tensor], Tensor]
LastStep = Literal["mean", "noise"]


def check_level(lam: object) -> None:
    """Raise `SettingError` where `lam` is no noise level λ of (17)."""
    try:
        level = float(lam)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        level = math.nan
    if isinstance(lam, str) or not 0 <= level <= 2:
        shown = repr(lam) if isinstance(lam, str) else lam
        raise SettingError(f"The noise level λ must be a number between 0 and 2, not {shown}.")


def check_last_step(last: object) -> None:
    """Raise `SettingError` where `last` is no `LastStep`."""
    if last not in get_args(LastStep):
        raise SettingError(f"The last step is either mean or noise, not {last!r}.")


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


def backward_states(
    drift: Field,
    score: Field,
    grid: TimeGrid,
    z: Tensor,
    noise: Callable[[int], Tensor] | None,
    lam: float = 1.0,
    last: LastStep = "noise",
    correct: Callable[[int, Tensor], Tensor] | None = None,
) -> Iterator[Tensor]:
    """Noise to data (12, 17), one state (B, D) after the other, z at t_N first, N+1 in all.

    `noise(j)` is called once for each step j = 0 … N−1 that uses noise, in this order; step j
    leads from t_{N−j} to t_{N−j−1}. `last="mean"` leaves the noise out of the last step.
    `correct(i, x)` may put another state in the place of each one reached at t_i, z included.
    """
    dt = grid.dt
    x = z if correct is None else correct(grid.steps, z)
    yield x
    for j in range(grid.steps):
        i = grid.steps - j
        noisy = noise is not None and lam != 0 and not (last == "mean" and i == 1)
        eps = noise(j) if noisy and noise is not None else None
        x = backward_step(x, drift(i, x), score(i, x), dt[i - 1], grid.g[i], eps, lam)
        if correct is not None:
            x = correct(i - 1, x)
        yield x


def heun_states(drift: Field, score: Field, grid: TimeGrid, z: Tensor) -> Iterator[Tensor]:
    """Noise to data by the probability-flow ODE, the states of `backward_states`: Heun's method, of second order.

    The last step is Euler's, as the score at t_0 is never trained. Reference: Karras et al., "Elucidating the
    Design Space of Diffusion-Based Generative Models", NeurIPS 2022, arXiv:2206.00364, algorithm 1.
    """
    weight, dt = 0.5 * grid.g.square(), grid.dt

    def velocity(i: int, x: Tensor) -> Tensor:
        return drift(i, x) - score(i, x) * weight[i]

    x = z
    yield x
    for i in range(grid.steps, 0, -1):
        slope = velocity(i, x)
        there = x - slope * dt[i - 1]
        x = x - (slope + velocity(i - 1, there)) * (0.5 * dt[i - 1]) if i > 1 else there
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


def backward_path(
    drift: Field, score: Field, grid: TimeGrid, z: Tensor, noise: Tensor, lam: float = 1.0, last: LastStep = "noise"
) -> Tensor:
    """Noise to data: states (N+1, B, D), row 0 at t_N … row N at t_0, noise (N, B, D) in the order drawn."""
    return torch.stack(list(backward_states(drift, score, grid, z, noise.__getitem__, lam, last)))

"""One Euler–Maruyama step each way, and whole paths of such steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.errors import Check

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Field",
    "NoiseParts",
    "Sampler",
    "backward_step",
    "chain_backward_noise",
    "chain_forward_noise",
    "collected",
    "forward_path",
    "forward_states",
    "forward_step",
    "implied_backward_noise",
    "implied_forward_noise",
    "minus_log_prior",
    "path_backward_noise",
    "remembering",
    "runge_kutta_step",
    "split_backward_noise",
]

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


class NoiseParts(NamedTuple):
    """The three parts whose sum is δB_i, each (…, D)."""

    noise: Tensor
    """−(g_i / g_{i+1}) δF_i: the forward noise, seen backward."""
    drift: Tensor
    """(f_{i+1} − f_i) √Δ_i / g_{i+1}: how the drift changed over the step."""
    score: Tensor
    """−g_{i+1} s_{i+1} √Δ_i: what the score adds."""


def forward_step(x: Tensor, drift: Tensor, dt: Tensor, g: Tensor, noise: Tensor) -> Tensor:
    """x_{i+1} = x_i + f_i Δ_i + g_i √Δ_i δF_i (8, 11)."""
    return x + drift * dt + noise * (g * dt.sqrt())


def runge_kutta_step(rate: Callable[[int, Tensor], Tensor], x: Tensor, dt: Tensor) -> Tensor:
    """One step of dx/dt = f by the 3/8 rule, of order 4; `rate(k, x)`, asked for once each, is f at t + kΔ/3, k = 0…3.

    Reference: W. Kutta, "Beitrag zur näherungsweisen Integration totaler Differentialgleichungen", 1901.
    """
    first = rate(0, x)
    second = rate(1, x + dt / 3 * first)
    third = rate(2, x + dt * (second - first / 3))
    fourth = rate(3, x + dt * (first - second + third))
    return x + dt / 8 * (first + 3 * (second + third) + fourth)


def backward_step(
    x: Tensor, drift: Tensor, score: Tensor, dt: Tensor, g: Tensor, noise: Tensor | None, lam: float = 1.0
) -> Tensor:
    """x_i = x_{i+1} − [f − ½(1+λ²) g² s]_{i+1} Δ_i + λ g_{i+1} √Δ_i δB_i (17).

    `x`, `drift`, `score` and `g` belong to node i+1. λ = 1 is the backward SDE (9, 12), λ = 0 one
    Euler step of the probability-flow ODE. Without `noise` the result is the mean of the step.
    """
    mean = x - (drift - score * (0.5 * (1 + lam * lam) * g * g)) * dt
    return mean if noise is None or lam == 0 else mean + noise * (lam * g * dt.sqrt())


def implied_backward_noise(
    x: Tensor, x_next: Tensor, drift_next: Tensor, score_next: Tensor, dt: Tensor, g_next: Tensor
) -> Tensor:
    """δB_i, the noise with which (12) leads from `x_next` = x_{i+1} back to `x` = x_i (15)."""
    return (x - x_next + (drift_next - score_next * (g_next * g_next)) * dt) / (g_next * dt.sqrt())


def implied_forward_noise(x: Tensor, x_next: Tensor, drift: Tensor, dt: Tensor, g: Tensor) -> Tensor:
    """δF_i, the noise with which (11) leads from `x` = x_i to `x_next` = x_{i+1}."""
    return (x_next - x - drift * dt) / (g * dt.sqrt())


def split_backward_noise(
    drift: Tensor, drift_next: Tensor, score_next: Tensor, noise: Tensor, dt: Tensor, g: Tensor, g_next: Tensor
) -> NoiseParts:
    """The three parts of δB_i on a forward path with noise δF_i = `noise`.

    With x_i − x_{i+1} = −f_i Δ_i − g_i √Δ_i δF_i put into (15) nothing cancels, however small Δ_i is.
    """
    root = dt.sqrt()
    return NoiseParts(noise * (-g / g_next), (drift_next - drift) * (root / g_next), score_next * (-g_next * root))


def path_backward_noise(
    drift: Tensor, drift_next: Tensor, score_next: Tensor, noise: Tensor, dt: Tensor, g: Tensor, g_next: Tensor
) -> Tensor:
    """δB_i of a forward path: the sum of the three parts, equal to (15) and free of its cancellation."""
    parts = split_backward_noise(drift, drift_next, score_next, noise, dt, g, g_next)
    return parts.noise + parts.drift + parts.score


def chain_forward_noise(
    drift: Tensor,
    drift_next: Tensor,
    score_next: Tensor,
    noise: Tensor,
    dt: Tensor,
    g: Tensor,
    g_next: Tensor,
    lam: float = 1.0,
) -> Tensor:
    """δF_i of a step that (17) made with `noise`: the mirror of `path_backward_noise`, as free of cancellation."""
    change = drift_next - drift - score_next * (0.5 * (1 + lam * lam) * g_next * g_next)
    return change * (dt.sqrt() / g) - noise * (lam * g_next / g)


def chain_backward_noise(score_next: Tensor, noise: Tensor, dt: Tensor, g_next: Tensor, lam: float = 1.0) -> Tensor:
    """δB_i, the noise with which (12) makes the step that (17) made with `noise`; the same for λ = 1."""
    return noise * lam - score_next * (0.5 * (1 - lam * lam) * g_next * dt.sqrt())

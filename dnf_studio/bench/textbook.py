"""The plain loop of the paper, as one would first write it: what every engine must equal.

Autograd goes through everything and the drift is evaluated twice at each inner node, once for the
implied noise (15) and once for the next step (11). It is also the reference of the speed ratios.
It is the one place beside `core.sde.steps` where the formulas stand, so that the two check each other.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sde.grid import TimeGrid


def textbook_bound(flow: DiffFlow, x0: Tensor, noise: Tensor) -> Tensor:
    """The bound of method.md, section 2 for each point, (B,), nats, by equations 11, 12 and 15 as printed."""
    grid = flow.grid()
    states, steps = _forward(flow, grid, x0, noise)
    prior = 0.5 * states[-1].square().sum(1) + 0.5 * flow.dim * math.log(2 * math.pi)
    widths = torch.log(grid.g[-1] / grid.g[0]) + grid.ratio.log().sum()
    return prior + sum(steps, torch.zeros_like(prior)) + flow.dim * widths


def textbook_bends(flow: DiffFlow, x0: Tensor, noise: Tensor) -> Tensor:
    """The bend N³ Σ_i Δ_i² ‖f_{i+1} − f_i‖² of each point's forward path, (B,), f at its own states."""
    grid = flow.grid()
    states, _ = _forward(flow, grid, x0, noise)
    drifts = [_drift(flow, x, c, g) for x, c, g in zip(states, grid.condition, grid.g, strict=True)]
    changes = [(after - before).square().sum(1) for before, after in itertools.pairwise(drifts)]
    return torch.stack(
        [grid.steps**3 * (grid.t[i + 1] - grid.t[i]) ** 2 * change for i, change in enumerate(changes)]
    ).sum(0)


def textbook_step(flow: DiffFlow, x0: Tensor, noise: Tensor) -> Tensor:
    """One training step's mean bound, its gradients left in the parameters."""
    flow.zero_grad(set_to_none=True)
    loss = textbook_bound(flow, x0, noise).mean()
    torch.autograd.backward(loss)
    return loss.detach()


@torch.no_grad()
def textbook_sample(flow: DiffFlow, z: Tensor, generator: torch.Generator) -> Tensor:
    """One batch through the backward chain (12), model units, the last step's mean."""
    grid, last = flow.grid(), flow.grid().steps - 1
    states = _backward(flow, grid, z, lambda j: _drawn(z, generator) if j < last else torch.zeros_like(z), 1.0)
    return deque(states, maxlen=1)[0]


@torch.no_grad()
def textbook_paths(
    flow: DiffFlow, grid: TimeGrid, x0: Tensor, z: Tensor, generator: torch.Generator, lam: float = 1.0
) -> tuple[Tensor, Tensor, Tensor]:
    """What the window shows, computed from nothing: both processes and what the forward one's steps contribute.

    From x0 and z (B, D), model units: the forward path (N+1, B, D), row 0 at t_0, the backward
    path (N+1, B, D), row 0 at t_N, and ½(‖δB_i‖² − ‖δF_i‖²) of each step and point, (N, B), nats.
    """
    noise = torch.stack([_drawn(x0, generator) for _ in range(grid.steps)])
    states, steps = _forward(flow, grid, x0, noise)
    back = list(_backward(flow, grid, z, lambda _: _drawn(z, generator), lam))
    return torch.stack(states), torch.stack(back), torch.stack(steps)


def _forward(flow: DiffFlow, grid: TimeGrid, x0: Tensor, noise: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """The states x_0 … x_N and each step's ½(‖δB_i‖² − ‖δF_i‖²), (B,)."""
    t, g, c = grid.t, grid.g, grid.condition
    states, steps = [x0], []
    for i in range(grid.steps):
        x, dt = states[-1], t[i + 1] - t[i]
        x_next = x + _drift(flow, x, c[i], g[i]) * dt + g[i] * dt.sqrt() * noise[i]
        velocity = _drift(flow, x_next, c[i + 1], g[i + 1]) - g[i + 1] ** 2 * flow.score(x_next, c[i + 1])
        back = (x - x_next + velocity * dt) / (grid.ratio[i] * g[i + 1] * dt.sqrt())
        steps.append(0.5 * (back.square().sum(1) - noise[i].square().sum(1)))
        states.append(x_next)
    return states, steps


def _backward(
    flow: DiffFlow, grid: TimeGrid, z: Tensor, noise: Callable[[int], Tensor], lam: float
) -> Iterator[Tensor]:
    """The states of (17) from z at t_N to t_0; `noise(j)` is that of the step j = 0 … N−1."""
    t, g, c = grid.t, grid.g, grid.condition
    x = z
    yield x
    for j in range(grid.steps):
        i = grid.steps - j
        dt = t[i] - t[i - 1]
        velocity = _drift(flow, x, c[i], g[i]) - 0.5 * (1 + lam**2) * g[i] ** 2 * flow.score(x, c[i])
        x = x - velocity * dt + lam * grid.ratio[i - 1] * g[i] * dt.sqrt() * noise(j)
        yield x


def _drift(flow: DiffFlow, x: Tensor, time: Tensor, g: Tensor) -> Tensor:
    """f, by the kind of forward drift that the settings name."""
    kind = flow.config.network.drift
    fixed = -(g**2) / 2 * x
    return fixed if kind == "frozen" else flow.drift(x, time) + (fixed if kind == "residual" else 0)


def _drawn(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator)

"""One Brownian path, read on any time grid.

Grids do not nest, so a path must have a value at every t. W is drawn at the 2^6 + 1 ends of
equal cells first. Below a cell the path is refined by halving: the midpoint given the ends of
[a, b] is N((W_a + W_b)/2, (b − a)/4) (Lévy's construction), each midpoint from a generator of its
own that the path's seed, the level and the cell choose. What W is at a time therefore depends on
nothing that was asked before. After twelve halvings the last bridge to t itself is drawn with one
normal a cell: exact as long as no two nodes of a grid share one of the 2^18 smallest cells.

Reference: P. Lévy's construction, as in the virtual Brownian tree of X. Li et al., "Scalable
Gradients for Stochastic Differential Equations", AISTATS 2020, arXiv:2001.01328.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.errors import Check

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "BrownianPath",
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

BASE_LEVEL = 6
HALVINGS = 12
TOGETHER = 1 << 17
"""Numbers of W that are found at once, at one time at least: more would take memory for nothing."""
Array = NDArray[np.float32]


class BrownianPath:
    """`count` independent D-dimensional Brownian motions on [t_start, t_end], W(t_start) = 0.

    The same `seed`, `stream`, `count` and `dim` give the same paths. `stream` keeps the forward
    process, the backward process and further blocks of points apart.
    """

    def __init__(self, seed: int, count: int, dim: int, t_start: float, t_end: float, stream: int = 0) -> None:
        self.t_start, self.t_end = t_start, t_end
        self._shape = (count, dim)
        self._source = np.random.Philox(
            key=np.random.SeedSequence(seed, spawn_key=(stream,)).generate_state(2, np.uint64)
        )
        self._generator = np.random.Generator(self._source)
        self._state = self._source.state
        cells = 1 << BASE_LEVEL
        self._base = np.zeros((cells + 1, *self._shape), np.float32)
        np.multiply(self._normals(0, 0, cells), np.float32(np.sqrt(1 / cells)), out=self._base[1:])
        # A cumulative sum along the first axis goes through memory by columns, fifty times as slowly
        for before, after in pairwise(self._base):
            after += before

    def values(self, t: Tensor) -> Tensor:
        """W at the times t (K,) within [t_start, t_end]: (K, count, D), float32."""
        span = self.t_end - self.t_start
        way = np.clip((t.detach().cpu().double().numpy() - self.t_start) / span, 0, 1)
        together = max(1, TOGETHER // max(1, math.prod(self._shape)))
        found = np.concatenate([self._at(part) for part in np.split(way, range(together, len(way), together))])
        return torch.from_numpy(found * np.float32(np.sqrt(span)))

    def increments(self, t: Tensor) -> Tensor:
        """δ_i = (W(t_{i+1}) − W(t_i)) / √Δ_i for the nodes t (N+1,): (N, count, D), float32, N(0, 1)."""
        root = (t[1:] - t[:-1]).detach().cpu().double().sqrt().float()
        return self.values(t).diff(dim=0) / root[:, None, None]

    def _at(self, way: NDArray[np.float64]) -> Array:
        """W (K, count, D) at fractions of the way (K,) on paths of unit length."""
        width = 1 / (1 << BASE_LEVEL)
        cell = np.minimum((way / width).astype(np.int64), (1 << BASE_LEVEL) - 1)
        a = cell * width
        left, right = self._base[cell], self._base[cell + 1]
        for level in range(1, HALVINGS + 1):
            middle = (left + right) / 2 + self._bridges(level, cell) * np.float32(np.sqrt(width) / 2)
            width /= 2
            later = way >= a + width
            rows = later[:, None, None]
            left, right = np.where(rows, middle, left), np.where(rows, right, middle)
            cell, a = 2 * cell + later, a + later * width
        part = (way - a) / width
        share, spread = part.astype(np.float32), np.sqrt(part * (1 - part) * width).astype(np.float32)
        mean = left + (right - left) * share[:, None, None]
        found: Array = mean + self._bridges(HALVINGS + 1, cell) * spread[:, None, None]
        # Not to be rounded once more
        found[part == 1] = right[part == 1]
        return found

    def _bridges(self, level: int, cell: NDArray[np.int64]) -> Array:
        """The standard normals (K, count, D) of cells (K,) of one level."""
        cells, place = np.unique(cell, return_inverse=True)
        return np.stack([self._normals(level, int(each)) for each in cells])[place]

    def _normals(self, level: int, cell: int, rows: int | None = None) -> Array:
        """The standard normals that belong to one cell of one level."""
        # Setting the counter of one generator takes a tenth of the time of making another
        self._state["state"]["counter"][:] = 0, 0, cell, level
        self._source.state = self._state
        return self._generator.standard_normal(self._shape if rows is None else (rows, *self._shape), dtype=np.float32)


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

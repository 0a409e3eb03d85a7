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

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["BrownianPath"]

BASE_LEVEL = 6
HALVINGS = 12
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
        steps = self._normals(0, 0, cells) * np.float32(np.sqrt(1 / cells))
        self._base = np.concatenate([np.zeros((1, *self._shape), np.float32), np.cumsum(steps, axis=0)])
        self._bridge = lru_cache(maxsize=1024)(self._normals)

    def values(self, t: Tensor) -> Tensor:
        """W at the times t (K,) within [t_start, t_end]: (K, count, D), float32."""
        span = self.t_end - self.t_start
        way = np.clip((t.detach().cpu().double().numpy() - self.t_start) / span, 0, 1)
        rows = [self._value(float(u)) for u in way]
        return torch.from_numpy(np.stack(rows) * np.float32(np.sqrt(span)))

    def increments(self, t: Tensor) -> Tensor:
        """δ_i = (W(t_{i+1}) − W(t_i)) / √Δ_i for the nodes t (N+1,): (N, count, D), float32, N(0, 1)."""
        root = (t[1:] - t[:-1]).detach().cpu().double().sqrt().float()
        return self.values(t).diff(dim=0) / root[:, None, None]

    def _value(self, u: float) -> Array:
        """W at the fraction u of the way on a path of unit length."""
        cells = 1 << BASE_LEVEL
        cell = min(int(u * cells), cells - 1)
        left: Array = self._base[cell]
        right: Array = self._base[cell + 1]
        width = 1 / cells
        a = cell * width
        for level in range(1, HALVINGS + 1):
            if u in (a, a + width):
                break
            middle = (left + right) / 2 + self._bridge(level, cell) * np.float32(np.sqrt(width) / 2)
            width /= 2
            later = u >= a + width
            left, right = (middle, right) if later else (left, middle)
            cell, a = 2 * cell + later, a + later * width
        if u == a:
            return left
        if u == a + width:
            return right
        part = (u - a) / width
        spread = np.float32(np.sqrt(part * (1 - part) * width))
        mean: Array = left + (right - left) * np.float32(part)
        return mean + self._bridge(HALVINGS + 1, cell) * spread

    def _normals(self, level: int, cell: int, rows: int | None = None) -> Array:
        """The standard normals that belong to one cell of one level."""
        # Setting the counter of one generator takes a tenth of the time of making another
        self._state["state"]["counter"][:] = 0, 0, cell, level
        self._source.state = self._state
        return self._generator.standard_normal(self._shape if rows is None else (rows, *self._shape), dtype=np.float32)

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
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.errors import Check

BASE_LEVEL = 6
LATENT_STREAM = 0x1A7E
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
        self._normals(0, 0, self._base[1:])
        self._base[1:] *= np.float32(np.sqrt(1 / cells))
        # A cumulative sum along the first axis goes through memory by columns, fifty times as slowly
        for before, after in pairwise(self._base):
            after += before

    def values(self, t: Tensor, check: Check = lambda: None) -> Tensor:
        """W at the times t (K,) within [t_start, t_end]: (K, count, D), float32. `check` is called now and then."""
        span = self.t_end - self.t_start
        way = np.clip((t.detach().cpu().double().numpy() - self.t_start) / span, 0, 1)
        together = max(1, TOGETHER // max(1, math.prod(self._shape)))
        found = []
        for part in np.split(way, range(together, len(way), together)):
            check()
            found.append(self._at(part))
        return torch.from_numpy(np.concatenate(found) * np.float32(np.sqrt(span)))

    def increments(self, t: Tensor, check: Check = lambda: None) -> Tensor:
        """δ_i = (W(t_{i+1}) − W(t_i)) / √Δ_i for the nodes t (N+1,): (N, count, D), float32, N(0, 1).

        Of many components and nodes that is seconds of work, which `check` may end.
        """
        root = (t[1:] - t[:-1]).detach().cpu().double().sqrt().float()
        return self.values(t, check).diff(dim=0) / root[:, None, None]

    def _at(self, way: NDArray[np.float64]) -> Array:
        """W (K, count, D) at fractions of the way (K,) on paths of unit length."""
        width = 1 / (1 << BASE_LEVEL)
        cell = np.minimum((way / width).astype(np.int64), (1 << BASE_LEVEL) - 1)
        a = cell * width
        left, right = self._base[cell], self._base[cell + 1]
        for level in range(1, HALVINGS + 1):
            middle = left + right
            middle /= 2
            bridge = self._bridges(level, cell)
            bridge *= np.float32(np.sqrt(width) / 2)
            middle += bridge
            width /= 2
            later = way >= a + width
            # Rows of their own, so that what was read of `_base` is not written to
            left[later], right[~later] = middle[later], middle[~later]
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
        found = np.empty((len(cells), *self._shape), np.float32)
        for row, each in zip(found, cells.tolist(), strict=True):
            self._normals(level, each, row)
        # Times come in order, and each mostly has a cell of its own
        return found if len(cells) == len(cell) and (place[1:] > place[:-1]).all() else found[place]

    def _normals(self, level: int, cell: int, out: Array) -> None:
        """Write the standard normals that belong to one cell of one level to `out`."""
        # Setting the counter of one generator takes a tenth of the time of making another
        self._state["state"]["counter"][:] = 0, 0, cell, level
        self._source.state = self._state
        self._generator.standard_normal(dtype=np.float32, out=out)


def latents(seed: int, count: int, dim: int) -> Tensor:
    """Standard normals (count, D), where backward paths begin; fewer are a prefix of more."""
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(LATENT_STREAM,)))
    return torch.from_numpy(generator.standard_normal((count, dim), dtype=np.float32))


def noise_of_both(path: BrownianPath, t: Tensor, check: Check = lambda: None) -> tuple[Tensor, Tensor]:
    """Forward and backward noise (N, B, D) between the times `t` (N+1,), of a path of 2D components."""
    ahead, back = path.increments(t, check).chunk(2, dim=-1)
    return ahead.contiguous(), back.contiguous()

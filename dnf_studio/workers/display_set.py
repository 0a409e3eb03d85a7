"""What the live view carries through both SDEs: latents and Brownian paths, in blocks.

They are the same whatever N, grid, λ and weights are: a change moves points, it does not redraw
them. Imports torch, so only the explorer's thread imports it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise, takewhile
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from dnf_studio.core.sde.brownian import BrownianPath

__all__ = ["DisplayNoise", "blocks", "carried_together", "lead"]

FIRST_BLOCK, BLOCK = 256, 512
FIRST_NUMBERS, FEWEST_ROWS = 4096, 16
"""Of a first block of many components, whose Brownian paths alone would else take a fifth of a second; `lead` has
it wait for the rest of 256 points where those paths are known."""
MAX_NUMBERS = 8_000_000
BASE_NODES = 65
STORE_BYTES = 128 << 20
LATENT_STREAM = 0x1A7E
MERGED_ROWS = 4096
"""A batch of a pass that nobody sees grow takes blocks until it has so many rows."""
GROWING_ROWS = 1024
"""The same of a pass that is seen to grow, after its first block: a quarter sooner than by 512 all points are there."""
NARROW = 64
"""Components up to which that is done; points of more are images, whose networks may take seconds."""
V = TypeVar("V")


def blocks(points: int, steps: int, dim: int) -> list[slice]:
    """The blocks of the display set: a small first one that is soon there, then larger ones.

    With very many steps or components fewer points are shown, in smaller blocks: the paths of all
    points hold at most 8 million numbers and the Brownian path of one block at most 32 MiB.
    """
    count = max(1, min(points, MAX_NUMBERS // ((steps + 1) * dim), max(64, (1 << 17) // dim)))
    most = max(1, (1 << 23) // (2 * BASE_NODES * dim))
    edges = [0, min(count, most, FIRST_BLOCK, max(FEWEST_ROWS, FIRST_NUMBERS // dim))]
    while edges[-1] < count:
        size = FIRST_BLOCK - edges[-1] if edges[-1] < FIRST_BLOCK else BLOCK
        edges.append(min(count, edges[-1] + min(most, size)))
    return [slice(a, b) for a, b in pairwise(edges)]


def lead(parts: list[slice], known: Callable[[slice], bool]) -> int:
    """How many of the `blocks` are first shown, together: of the first 256 points those whose noise is `known`."""
    return 1 + sum(1 for _ in takewhile(lambda part: part.stop <= FIRST_BLOCK and known(part), parts[1:]))


def carried_together(parts: list[slice], first: int, grows: bool, dim: int) -> list[list[slice]]:
    """Which blocks are carried at once: the `first` of them, then each by itself, or more where that is quicker."""
    groups = [parts[:first], *([part] for part in parts[first:])]
    if not grows:
        return _merged(groups, MERGED_ROWS)
    return groups[:1] + _merged(groups[1:], GROWING_ROWS) if dim <= NARROW else groups


def _merged(parts: list[list[slice]], rows: int) -> list[list[slice]]:
    """Fewer batches, of at least so many rows.

    Every operation waits for Python's lock, which the thread of the other direction and the window want as well; in
    small batches two threads are hardly faster than one: 1.1 times with 256 points, 1.3 times with 512.
    """
    merged: list[list[slice]] = []
    for part in parts:
        if merged and merged[-1][-1].stop - merged[-1][0].start < rows:
            merged[-1] = merged[-1] + part
        else:
            merged.append(part)
    return merged


class NoiseKey(NamedTuple):
    """Which Brownian paths: seed, block of points, components, span of time."""

    seed: int
    start: int
    rows: int
    dim: int
    t_start: float
    t_end: float


class DisplayNoise:
    """Latents and the noise of both processes, the same for the same seed and points.

    Both processes of a block share one generator pass: W is made with 2D components, the first D
    for the forward, the others for the backward process. Paths, and noise read from them, are kept
    while each kind fits in 128 MiB.
    """

    def __init__(self) -> None:
        self._paths: _Kept[BrownianPath] = _Kept(STORE_BYTES)
        self._noise: _Kept[tuple[Tensor, Tensor]] = _Kept(STORE_BYTES)

    def latents(self, seed: int, count: int, dim: int) -> Tensor:
        """(count, D) standard normals; fewer are a prefix of more."""
        generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(LATENT_STREAM,)))
        return torch.from_numpy(generator.standard_normal((count, dim), dtype=np.float32))

    def knows(self, seed: int, block: slice, dim: int, t: Tensor) -> bool:
        """Whether `noise` has been read before and is kept."""
        return self._noise.get(self._key(seed, block, dim, t)) is not None

    def noise(self, seed: int, block: slice, dim: int, t: Tensor) -> tuple[Tensor, Tensor]:
        """Forward and backward noise (N, B, D) of the points in `block`, row i between t_i and t_{i+1}."""
        nodes = key, _ = self._key(seed, block, dim, t)
        pair = self._noise.get(nodes)
        if pair is None:
            both = self._path(key).increments(t)
            pair = both[..., :dim].contiguous(), both[..., dim:].contiguous()
            self._noise.keep(nodes, pair, 4 * both.numel())
        return pair

    def _key(self, seed: int, block: slice, dim: int, t: Tensor) -> tuple[NoiseKey, bytes]:
        rows = block.stop - block.start
        return NoiseKey(seed, block.start, rows, dim, float(t[0]), float(t[-1])), t.numpy().tobytes()

    def _path(self, key: NoiseKey) -> BrownianPath:
        path = self._paths.get(key)
        if path is None:
            path = BrownianPath(key.seed, key.rows, 2 * key.dim, key.t_start, key.t_end, stream=key.start)
            self._paths.keep(key, path, 8 * BASE_NODES * key.rows * key.dim)
        return path


class _Kept(Generic[V]):
    """Values kept up to a number of bytes, the least recently used going first."""

    def __init__(self, limit: int) -> None:
        self._limit, self._total = limit, 0
        self._items: OrderedDict[object, tuple[V, int]] = OrderedDict()

    def get(self, key: object) -> V | None:
        if key not in self._items:
            return None
        self._items.move_to_end(key)
        return self._items[key][0]

    def keep(self, key: object, value: V, size: int) -> None:
        self._items[key] = value, size
        self._total += size
        while self._total > self._limit and len(self._items) > 1:
            self._total -= self._items.popitem(last=False)[1][1]

"""The points that the live view carries through both SDEs: latents and Brownian paths, in blocks.

They are the same whatever N, grid, λ and weights are: a change moves points, it does not redraw
them. Imports torch, so only the explorer's thread imports it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise, takewhile
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.exploration.by_step import summed_lengths
from dnf_studio.core.exploration.contributions import split_contributions
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.sampling.model import Carry
from dnf_studio.core.sde.brownian import BrownianPath, latents, noise_of_both
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field, collected, forward_states
from dnf_studio.core.sde.sample_settings import AS_VIEWED, SampleSettings
from dnf_studio.core.sde.solvers.sde import backward_states, fields_in_part
from dnf_studio.core.sde.steps import forward_step, split_backward_noise
from dnf_studio.errors import Check

FIRST_BLOCK, BLOCK = 256, 512
FIRST_NUMBERS, FEWEST_ROWS = 4096, 16
"""Size of a first block of many components, whose Brownian paths alone would else take a fifth of a second: most
numbers in its states, least rows. Where those paths are known `first_block_count` waits for the rest of 256 points."""
MAX_NUMBERS = 8_000_000
BASE_NODES = 65
STORE_BYTES = 128 << 20
NOISE_BYTES = 48 << 20
"""What was read from the paths is soon read again: kept are some thirty View N of 2,000 points in the plane."""
MERGED_ROWS = 4096
"""A batch of a pass that nobody sees grow takes blocks until it has so many rows."""
GROWING_ROWS = 1024
"""Rows of a batch after the first block, where views show the points as they come; a quarter faster than 512."""
NARROW = 64
"""Most components for which blocks are merged so; points of more are images, whose networks may take seconds."""
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


def first_block_count(parts: list[slice], known: Callable[[slice], bool]) -> int:
    """How many of the `blocks` are first shown, together: of the first 256 points those whose noise is `known`."""
    return 1 + sum(1 for _ in takewhile(lambda part: part.stop <= FIRST_BLOCK and known(part), parts[1:]))


def block_batches(parts: list[slice], first: int, grows: bool, dim: int, rows: int = GROWING_ROWS) -> list[list[slice]]:
    """The blocks in batches that are carried at once: the `first` of them, then each by itself, or more where that is
    quicker, of `rows` at least."""
    groups = [parts[:first], *([part] for part in parts[first:])]
    if not grows:
        return _merged(groups, MERGED_ROWS)
    return groups[:1] + _merged(groups[1:], rows) if dim <= NARROW else groups


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
    """Key of Brownian paths: seed, block of points, components, span of time."""

    seed: int
    start: int
    rows: int
    dim: int
    t_start: float
    t_end: float


class DisplayNoise:
    """Latents and the noise of both processes, the same for the same seed and points.

    Both processes of a block share one generator pass: W is made with 2D components, the first D
    for the forward, the others for the backward process. Paths are kept while they fit in 128 MiB, noise read from
    them in 48.
    """

    def __init__(self) -> None:
        self._paths: _LruCache[BrownianPath] = _LruCache(STORE_BYTES)
        self._noise: _LruCache[tuple[Tensor, Tensor]] = _LruCache(NOISE_BYTES)

    def latents(self, seed: int, count: int, dim: int) -> Tensor:
        """Standard normals (count, D); fewer are a prefix of more."""
        return latents(seed, count, dim)

    def knows(self, seed: int, block: slice, dim: int, t: Tensor) -> bool:
        """Whether `noise` has been read before and is kept."""
        return self._noise.get(self._key(seed, block, dim, t)) is not None

    def noise(self, seed: int, block: slice, dim: int, t: Tensor, check: Check = lambda: None) -> tuple[Tensor, Tensor]:
        """Forward and backward noise (N, B, D) of the points in `block`, row i between t_i and t_{i+1}."""
        nodes = key, _ = self._key(seed, block, dim, t)
        pair = self._noise.get(nodes)
        if pair is None:
            pair = noise_of_both(self._path(key), t, check)
            self._noise.keep(nodes, pair, 4 * sum(part.numel() for part in pair))
        return pair

    def leave(self, seed: int, dim: int, t: Tensor) -> None:
        """Let go of all but what points of `seed` and `dim` components have between the ends of the times `t`."""

        def kept(key: NoiseKey) -> bool:
            return key.seed == seed and key[3:] == (dim, float(t[0]), float(t[-1]))

        self._paths.leave(lambda key: isinstance(key, NoiseKey) and kept(key))
        self._noise.leave(lambda key: isinstance(key, tuple) and kept(key[0]))

    def _key(self, seed: int, block: slice, dim: int, t: Tensor) -> tuple[NoiseKey, bytes]:
        rows = block.stop - block.start
        return NoiseKey(seed, block.start, rows, dim, float(t[0]), float(t[-1])), t.numpy().tobytes()

    def _path(self, key: NoiseKey) -> BrownianPath:
        path = self._paths.get(key)
        if path is None:
            path = BrownianPath(key.seed, key.rows, 2 * key.dim, key.t_start, key.t_end, stream=key.start)
            self._paths.keep(key, path, 8 * BASE_NODES * key.rows * key.dim)
        return path


class _LruCache(Generic[V]):
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

    def leave(self, wanted: Callable[[object], bool]) -> None:
        """Keep what is under `wanted` keys alone."""
        for key in [key for key in self._items if not wanted(key)]:
            self._total -= self._items.pop(key)[1]


Array = NDArray[np.float32]


class ForwardBlock(NamedTuple):
    """The forward paths of one block, and what is computed along them."""

    path: Array
    """(N+1, B, D), model units, row 0 at t_0."""
    contributions: Array
    """(N, B): ½(‖δB_i‖² − ‖δF_i‖²) of each step and point, nats; empty, as all below, where the model has no bound."""
    parts: NDArray[np.float64]
    """(3, N): what noise ratio, drift change and score add to it, summed over the points whose sum is finite."""
    saved: NDArray[np.float64]
    """(2, N): what the contributions would be higher by with a drift that does not change, and without a score, summed
    so too."""
    lengths: NDArray[np.float64]
    """(3, N): `summed_lengths` of f and s at t_1 … t_N."""


def forward_block(fields: tuple[Field, Field], grid: TimeGrid, x0: Tensor, noise: Tensor, check: Check) -> ForwardBlock:
    """Path and contributions of x0 (B, D) with noise (N, B, D).

    The drift at x_{i+1} serves the step from there and the contribution of the step to there.
    `check` is called at every step and raises to leave.
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
    dt, g, ratio = (values[:, None, None] for values in (dt, grid.g, grid.ratio))
    back = split_backward_noise(f[:-1], f[1:], s, noise, dt, g[:-1], g[1:], ratio)
    parts = torch.stack(split_contributions(back, noise))
    contributions = parts.sum(0)
    # ½‖δB − d‖² − ½‖δB‖² = −½⟨d, δB + n + c⟩, and so for the score c; the parts hold ½⟨d, δB + n⟩
    shared = 0.5 * (back.drift * back.score).sum(-1)
    saved = -(parts[1:] + shared)
    kept, kept_saved = (
        torch.where(contributions.isfinite(), rows, 0).sum(-1, dtype=torch.float64).numpy() for rows in (parts, saved)
    )
    return ForwardBlock(path.numpy(), contributions.numpy(), kept, kept_saved, lengths.numpy())


class PathSimulator:
    """Computes the paths of blocks of points through one model on one grid.

    Its fields have layers in `hidden`. The backward process goes as `settings` say, but on `grid`; of its λ and parts
    only Euler's steps of the fields know. The noise of a model without noise is not asked for. Where the callables of
    a model are in another process, that carries the points, by the same steps. Raises `UnsupportedError` for a solver
    that the model has not.
    """

    def __init__(
        self,
        flow: GenerativeModel,
        grid: TimeGrid,
        hidden: torch.dtype | None = None,
        settings: SampleSettings = AS_VIEWED,
    ) -> None:
        self._grid, self._settings = grid, settings
        solver = flow.checked_solver(settings.solver)
        self._level = settings.lam if solver.noise else 0.0
        self._encoder = flow.encoder(grid, hidden) if "noise" in flow.lacks else None
        self._sampler = None if solver.euler else flow.sampler(grid, replace(settings, lam=1.0), hidden)
        self._fields = flow.fields(grid, hidden)
        self._elsewhere = None if flow.elsewhere is None else partial(flow.elsewhere.carried, flow)

    def forward(self, x0: Tensor, noise: Tensor, check: Check) -> ForwardBlock:
        """The path of x0 (B, D) with noise (N, B, D), and what is known of its contributions."""
        if (found := self._found("forward", x0, noise, check)) is not None:
            return ForwardBlock(**found)
        if self._encoder is None:
            return forward_block(self._fields, self._grid, x0, noise, check)
        path, none = collected(self._encoder(x0, noise.__getitem__), check), np.empty((3, 0))
        return ForwardBlock(path.numpy(), np.empty((0, 0), np.float32), none, none[:2], none)

    def ahead(self, x0: Tensor, noise: Tensor, check: Check) -> Array:
        """The path (N+1, B, D) of x0 (B, D) with noise (N, B, D) alone, in half the time of `forward`."""
        if (found := self._found("ahead", x0, noise, check)) is not None:
            return found["path"]
        drawn = noise.__getitem__
        if self._encoder is not None:
            return collected(self._encoder(x0, drawn), check).numpy()
        return collected(forward_states(self._fields[0], self._grid, x0, drawn), check).numpy()

    def ends(self, x0: Tensor, noise: Tensor, check: Check) -> Tensor:
        """Where the path of x0 (B, D) with noise (N, B, D) ends, x_N (B, D): the latents of a round trip."""
        return torch.from_numpy(self.ahead(x0, noise, check)[-1])

    def backward(self, latents: Tensor, noise: Tensor, check: Check, whole: bool = False) -> Array:
        """The path (N+1, B, D) of latents (B, D), row i at t_i; with both fields whatever the settings say if `whole`.

        Row i of `noise` (N, B, D) belongs to the step between t_i and t_{i+1}.
        """
        if (found := self._found("whole" if whole else "backward", latents, noise, check)) is not None:
            return found["path"]
        drawn = noise.flip(0).__getitem__
        if self._sampler is None:
            fields = fields_in_part(self._fields, "both" if whole else self._settings.parts)
            states = backward_states(*fields, self._grid, latents, drawn, self._level, self._settings.last)
        else:
            states = self._sampler(latents, drawn)
        return collected(states, check).flip(0).numpy()

    def _found(self, way: Carry, points: Tensor, noise: Tensor, check: Check) -> Mapping[str, NDArray[Any]] | None:
        """What another process says, if one carries points through this model."""
        given = self._grid, self._settings, points, noise
        return None if self._elsewhere is None else self._elsewhere(way, given, check)


def without_gradients(work: Callable[[], Any]) -> Any:  # noqa: ANN401 - what `work` returns
    """Call the function in torch's inference mode, which belongs to the thread."""
    with torch.inference_mode():
        return work()

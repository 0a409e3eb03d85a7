"""One pass of the display set after the other, keeping what a change leaves as it was.

Imports torch, so only the explorer's thread imports it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.exploration.by_step import ScoreShare, share_of_lengths
from dnf_studio.core.exploration.contributions import prior_terms
from dnf_studio.core.exploration.display_set import (
    GROWING_ROWS,
    MERGED_ROWS,
    DisplayNoise,
    ForwardBlock,
    PathSimulator,
    block_batches,
    blocks,
    first_block_count,
    without_gradients,
)
from dnf_studio.core.exploration.inspect import inspect_point
from dnf_studio.core.hardware import choose_hidden_type
from dnf_studio.core.parallel import BlockPool, worker_threads
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.errors import Cancelled, Check, cancel_when
from dnf_studio.workers.frames import Frame, Inspection, InspectRequest, same_objects

if TYPE_CHECKING:
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.workers.frames import FrameRequest
    from dnf_studio.workers.snapshot import Snapshot

AT_ONCE = 0.35
"""Seconds of a pass whose points are carried in another process, up to which it is shown when all of them are there:
in parts they cost nearly twice as much, since both processes take turns at each operation."""
Array = NDArray[np.float32]
B = TypeVar("B")
_Job = tuple[list[Any], Callable[[], Any]]
"""The list that a block is appended to, and the function that computes it."""


@dataclass(frozen=True, eq=False)
class _Pass:
    """One pass: all display points once through both processes."""

    snapshot: Snapshot
    data: Tensor
    request: SampleSettings
    since: float
    hidden: torch.dtype
    grows: bool
    """Whether the pass is shown block by block."""


class Passes:
    """Computes what is wanted and gives frames to `post`.

    Each process keeps its finished blocks with the key of all they depend on: another λ recomputes
    the backward process only, other data the forward process only, unless the backward one starts
    from where that ends; a cancelled pass goes on where it stopped if it is wanted again. Of many
    components both are computed once more when the first points come together, as `first_block_count` says.
    """

    def __init__(self, post: Callable[[Frame], None]) -> None:
        self._post = post
        self._pool = self._single = BlockPool(1)
        self._noise, self._rows = DisplayNoise(), GROWING_ROWS
        self._forward: dict[torch.dtype, tuple[tuple[Any, ...], list[ForwardBlock]]] = {}
        self._backward: dict[torch.dtype, tuple[tuple[Any, ...], list[Array]]] = {}
        self._whole: dict[torch.dtype, tuple[tuple[Any, ...], list[Array]]] = {}
        self._shown: tuple[SampleSettings, Tensor, object] | None = None
        self._exact: tuple[Snapshot, GenerativeModel] | None = None
        self._pace = math.inf
        """Seconds that a step of all points took in the last pass."""

    def use(self, threads: int, shared: bool = False) -> None:
        """Carry the two processes of a block side by side on two threads, or one after the other on one; of cores that
        are `shared` with another explorer the first points are shown and then all, which is less to draw."""
        self._rows = MERGED_ROWS if shared else GROWING_ROWS
        threads = min(threads, 2, worker_threads())
        if threads != self._pool.threads:
            self._pool.close()
            self._pool = BlockPool(threads)

    def pool(self, shared: bool) -> BlockPool:
        """The threads of what is computed beside the passes: those in use, of cores that are `shared` one."""
        return self._single if shared else self._pool

    def close(self) -> None:
        """End the threads."""
        self._pool.close()

    def run(
        self,
        wanted: FrameRequest,
        cancelled: Callable[[FrameRequest], bool],
        training: bool,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        """Show what is wanted; ends early, without an error, once `cancelled`. `between` two passes other work is due.

        A change is answered block by block in the type in which the processor is fastest, then
        once more in float32. New weights alone are shown when all points are there: in float32, or
        while a model trains, which needs the time more than a picture needs the digits, in the
        fast type.
        """
        snapshot, data, request = wanted.snapshot, wanted.data, wanted.request
        if snapshot is None or data is None:
            return
        now = request, data, wanted.turn
        grows = self._shown is None or any(a is not b for a, b in zip(self._shown, now, strict=True))
        if self._shown is not None and self._shown[1] is not data:
            # Something else has been opened: up to 176 MiB of noise would stay for what is no more
            self._noise.leave(request.seed, snapshot.dim, snapshot.flow.timestamps)
        # A person's own callables compute in their own type, whatever is asked for
        own = bool(snapshot.flow.adapter)
        fast = torch.float32 if own else choose_hidden_type("auto", snapshot.flow.device)
        passes = [_Pass(snapshot, data, request, wanted.since, fast, grows)] if grows or training else []
        if not training and (not passes or fast is not torch.float32):
            passes.append(_Pass(snapshot, data, request, wanted.since, torch.float32, False))
        check = cancel_when(lambda: cancelled(wanted))
        try:
            with torch.inference_mode():
                for work in passes:
                    began = perf_counter()
                    self._run(work, check, work is passes[-1])
                    self._pace = (perf_counter() - began) / (request.steps or snapshot.steps)
                    if work is not passes[-1]:
                        between()
        except Cancelled:
            return
        self._shown = now

    def inspect(self, wanted: FrameRequest, asked: InspectRequest) -> Inspection | None:
        """The numbers of one path in float64: the weights, the start and the noise are those of the frames.

        None for a point that is not shown.
        """
        snapshot, data, request = wanted.snapshot, wanted.data, wanted.request
        if snapshot is None or data is None:
            return None
        grid = snapshot.flow.grid_of(request)
        count = len(data)
        part = next((b for b in blocks(count, grid.steps, snapshot.dim) if b.start <= asked.point < b.stop), None)
        if part is None:
            return None
        if self._exact is None or self._exact[0] is not snapshot:
            self._exact = snapshot, snapshot.build().double()
        noise = self._noise.noise(request.seed, part, snapshot.dim, grid.t)
        ahead, back = (eps[:, asked.point - part.start] for eps in noise)
        start, exact = data[asked.point], self._exact[1]
        if asked.direction == "backward" and request.start == "forward":
            start = torch.from_numpy(inspect_point(exact, grid, start, ahead).x[-1])
        elif asked.direction == "backward":
            start = self._noise.latents(request.seed, count, snapshot.dim)[asked.point]
        eps = ahead if asked.direction == "forward" else back
        table = inspect_point(exact, grid, start, eps, asked.direction, request)
        return Inspection(asked, snapshot.version, request, table, snapshot.standardisation)

    def _run(self, work: _Pass, check: Check, final: bool) -> None:
        snapshot, data, request = work.snapshot, work.data, work.request
        follows, grid = request.start == "forward", snapshot.flow.grid_of(request)
        simulator = PathSimulator(snapshot.flow, grid, work.hidden, request)
        count, dim = len(data), snapshot.dim
        latents = self._noise.latents(request.seed, count, dim)
        own = blocks(count, grid.steps, dim)
        first = first_block_count(own, lambda part: self._noise.knows(request.seed, part, dim, grid.t))
        remote = snapshot.flow.elsewhere is not None
        grows = work.grows and not (remote and self._pace * grid.steps < AT_ONCE)
        rows = MERGED_ROWS if remote else self._rows
        shared = (snapshot, *_nodes(snapshot, request), request.seed, count, grows, first, rows)
        forward = _kept(self._forward, work.hidden, (*shared, data))
        back = *shared, data if follows else None, request.lam, request.last, request.solver
        backward = _kept(self._backward, work.hidden, (*back, request.parts))
        # Beside a part of the process, where its latents end by the whole of it
        whole = _kept(self._whole, work.hidden, back) if request.parts != "both" else None
        parts = block_batches(own, first, grows, dim, rows)
        for k, group in enumerate(parts):
            noises = [self._noise.noise(request.seed, part, dim, grid.t, check) for part in group]
            part = slice(group[0].start, group[-1].stop)
            noise = [torch.cat(pieces, dim=1) for pieces in zip(*noises, strict=True)]
            ahead = forward, partial(simulator.forward, data[part], noise[0], check)
            missing: list[_Job] = [ahead] if k >= len(forward) else []
            if follows:
                # Nothing else can begin before it has ended
                self._carry(missing)
                missing = []
            begins = torch.from_numpy(forward[k].path[-1]) if follows else latents[part]
            way = begins, noise[1], check
            if k >= len(backward):
                missing.append((backward, partial(simulator.backward, *way)))
            if whole is not None and k >= len(whole):
                missing.append((whole, partial(_ends, simulator, *way)))
            self._carry(missing)
            last_one = k + 1 == len(parts)
            if last_one or grows:
                found = forward[: k + 1], backward[: k + 1], None if whole is None else whole[: k + 1]
                frame = _frame(work, grid, *found, complete=last_one and final)
                self._post(replace(frame, all_points=last_one))

    def _carry(self, jobs: list[_Job]) -> None:
        """Do the jobs, as many at once as there are threads, and keep what comes out."""
        computed = self._pool.map(without_gradients, [job for _, job in jobs])
        for (kept, _), block in zip(jobs, computed, strict=True):
            kept.append(block)


def _nodes(snapshot: Snapshot, request: SampleSettings) -> tuple[Any, ...]:
    """What decides the times of the nodes."""
    return request.steps, request.grid, snapshot.flow.nodes_by(request)


def _kept(
    store: dict[torch.dtype, tuple[tuple[Any, ...], list[B]]], hidden: torch.dtype, key: tuple[Any, ...]
) -> list[B]:
    """The blocks that are there already for `key`; what was kept for another is let go."""
    if hidden not in store or not same_objects(store[hidden][0], key):
        store[hidden] = key, []
    return store[hidden][1]


def _ends(simulator: PathSimulator, latents: Tensor, noise: Tensor, check: Callable[[], None]) -> Array:
    """Where a block of the whole process ends, (B, D)."""
    ends: Array = simulator.backward(latents, noise, check, whole=True)[0].copy()
    return ends


def _frame(
    work: _Pass,
    grid: TimeGrid,
    forward: list[ForwardBlock],
    backward: list[Array],
    whole: list[Array] | None,
    complete: bool,
) -> Frame:
    """A frame of the blocks so far, in arrays of its own."""
    flow = work.snapshot.flow
    own = flow.timestamps
    contributions = np.concatenate([block.contributions for block in forward], axis=1)
    paths = np.concatenate([block.path for block in forward], axis=1)
    return Frame(
        weights=work.snapshot.version,
        request=work.request,
        t=grid.t.numpy().copy(),
        g=grid.g.numpy().copy(),
        forward=paths,
        backward=np.concatenate(backward, axis=1),
        mean_contributions=_finite_mean(contributions),
        complete=complete,
        seconds=perf_counter() - work.since,
        own=None if torch.equal(grid.t, own) else own.numpy().copy(),
        ratio=None if grid.fitted is None else grid.fitted.numpy().copy(),
        contributions=contributions,
        parts=_over_points([block.parts for block in forward], contributions),
        saved=_over_points([block.saved for block in forward], contributions),
        prior=_prior(paths[-1], grid) if flow.bounded else None,
        whole=None if whole is None else np.concatenate(whole),
        score=None if "score" in flow.lacks else _score(forward, grid, work.request.level),
    )


def _finite_mean(rows: Array) -> Array:
    """Mean over the points (N, P) -> (N,), points that left the finite numbers left out; 0 where none is left."""
    finite = np.isfinite(rows)
    total = np.where(finite, rows, 0).sum(axis=1, dtype=np.float64)
    mean: Array = (total / np.maximum(finite.sum(axis=1), 1)).astype(np.float32)
    return mean


def _over_points(sums: list[NDArray[np.float64]], contributions: Array) -> Array:
    """Means (K, N), over the same points as `_finite_mean`, of the sums of all blocks."""
    total = np.sum(sums, axis=0)
    mean: Array = (total / np.maximum(np.isfinite(contributions).sum(axis=1), 1)).astype(np.float32)
    return mean


def _score(forward: list[ForwardBlock], grid: TimeGrid, lam: float) -> ScoreShare:
    return share_of_lengths(np.sum([block.lengths for block in forward], axis=0), grid.g.numpy(), lam)


def _prior(ends: Array, grid: TimeGrid) -> tuple[float, float]:
    """Mean −log N(x_N; 0, I) over the finite `ends` (P, D), and D [log(g_N/g_0) + Σ_i log r_i]."""
    end, ratio = prior_terms(torch.from_numpy(ends), grid)
    finite = end[end.isfinite()]
    return float(finite.double().mean()) if len(finite) else 0.0, float(ratio)

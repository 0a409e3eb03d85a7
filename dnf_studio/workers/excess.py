"""The excess of the frame that is shown, on more and more of its points while somebody looks.

torch and what stands on it are imported where they are used, in the explorer's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dnf_studio.workers.frames import Frame, ViewRequest
from dnf_studio.workers.leaving import Left

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.exploration.excess import StepMeans
    from dnf_studio.core.models.two_sdes import TwoSDEs
    from dnf_studio.core.parallel import BlockPool
    from dnf_studio.core.sde.grid import TimeGrid
    from dnf_studio.workers.frames import Wanted
    from dnf_studio.workers.snapshot import Snapshot

__all__ = ["MOST_NEIGHBOUR_DIM", "Direction", "ExcessFrame", "ExcessWatch", "affordable"]

PILOTS, TOLERANCE = 8, 5e-3
"""Points and nats by which the steps of the ODE are chosen: less than the errors of the bars ever are."""
FIRST = 32
"""Points whose excess is told first; every further block doubles their number, up to `BLOCK`."""
BLOCK = 512
TRAINING_POINTS = 24
TRAINING_SECONDS = 3.0
"""While a model trains: so few points, so seldom."""
RESOLVED_STEPS = 40
"""More steps than these are first told in groups: ln q at every second, fourth, … node costs as much less."""
MOST_STATES = 120_000
"""States of both processes, so many each, whose density is looked for at all: with many steps of fewer points."""
PIECE = 128
"""Points that one thread takes at a time, whose states stay in the cache."""
MOST_NEIGHBOUR_DIM = 3
NEIGHBOURS_AFTER = 256
"""Points by the ODE before the nearest neighbours of all points are looked for."""
Array = NDArray[np.float32]
Direction = Literal["forward", "backward"]
Job = tuple[Literal["forward", "backward", "neighbours"], slice, int]
"""What to compute, of which points, and at every how manieth node."""


@dataclass(frozen=True, eq=False)
class ExcessFrame:
    """What is known so far of the excess of one frame: fresh arrays that nobody writes to again."""

    frame: Frame
    forward: Array
    """(N, K) log-ratios of the first K forward paths, nats."""
    backward: Array
    """(N, K') those of the first K' backward paths, whose means are at most 0 where the marginals are right; (N, 0)
    where these are not Euler's steps of the whole SDE, and not a number of a last step without noise."""
    by_step: StepMeans
    """Means of `forward`: the excess."""
    stride: int = 1
    """So many neighbouring steps share their mean, 1 once each is known."""
    neighbours: StepMeans | None = None
    """The excess with the marginals by nearest neighbours, and in row N the divergence of the ends of the paths from
    N(0, I); None where that is not known or in many dimensions."""
    complete: bool = False
    """Whether nothing more will come for this frame."""

    @property
    def saved(self) -> Array:
        """(2, N) what a step's excess would be higher by with a drift that does not change, and without a score."""
        return self.frame.saved

    def rows(self, direction: Direction, count: int) -> Array:
        """(N, count) the log-ratios of a process, not a number for points of which none is known yet."""
        known = self.forward if direction == "forward" else self.backward
        padded = np.full((len(known), count), np.nan, np.float32)
        padded[:, : min(count, known.shape[1])] = known[:, :count]
        return padded

    def fits(self, frame: Frame | None) -> bool:
        """Whether `frame` has the same settings and as many steps and components, though perhaps other weights."""
        if frame is None or frame.request != self.frame.request:
            return False
        return len(frame.t) == len(self.frame.t) and frame.forward.shape[2] == self.frame.forward.shape[2]


@dataclass(eq=False)
class _Work:
    """What is being found of one frame."""

    frame: Frame
    snapshot: Snapshot
    flow: TwoSDEs
    grid: TimeGrid
    jobs: list[Job]
    times: list[float] = field(default_factory=list)
    """Those of `choose_times`, which serve any grid and seed of the same weights."""
    rows: dict[Direction, list[Array]] = field(default_factory=lambda: {"forward": [], "backward": []})
    stride: int = 1
    neighbours: StepMeans | None = None


class ExcessWatch:
    """Computes the excess of the newest complete frame in small pieces; the newest answer wins.

    `show` may be called from the explorer's thread only, as all else here.
    """

    def __init__(self, post: Callable[[ExcessFrame], None]) -> None:
        """`post` is called with all that is known, each time that is more."""
        self._post = post
        self._work: _Work | None = None
        self._began = 0.0
        self._times: tuple[int, list[float]] = -1, []
        self._failed: tuple[int, ViewRequest] | None = None

    def show(self, frame: Frame, wanted: Wanted | None, training: bool) -> None:
        """`frame`, of what was `wanted`, is what the views show now; one that still grows is not looked at."""
        if not frame.all_points:
            self._work = None
            return
        same = self._work is not None and self._work.frame.request == frame.request
        if training and same and (self.pending or perf_counter() < self._began + TRAINING_SECONDS):
            # Of new weights alone the last ones are told first, else nothing would be while frames come fast
            return
        snapshot = None if wanted is None else wanted.snapshot
        self._work = None
        if snapshot is None or wanted is None or "bound" in snapshot.flow.lacks or not affordable(snapshot):
            return
        if self._failed == (frame.weights, frame.request):
            return
        grid = snapshot.flow.grid(wanted.request.steps, wanted.request.grid)
        self._began = perf_counter()
        jobs = list(_training_jobs(frame) if training else _jobs(frame, _is_chain(snapshot, frame.request)))
        self._work = _Work(frame, snapshot, snapshot.flow, grid, jobs)  # type: ignore[arg-type]

    @property
    def pending(self) -> bool:
        """Whether there is more to find."""
        return self._work is not None and bool(self._work.jobs)

    def run(self, check: Callable[[], None], pool: BlockPool) -> None:
        """The next piece, which is posted; `check` raises to leave, and the piece is begun anew the next time."""
        work = self._work
        if work is None or not work.jobs:
            return
        kind, part, stride = work.jobs[0]
        try:
            if self._times[0] != work.frame.weights:
                self._times = work.frame.weights, _times(work, check)
            work.times = self._times[1]
            if kind == "neighbours":
                work.neighbours = _neighbours(work, check)
            else:
                found = _ratios(work, kind, part, stride, check, pool)
                if stride != work.stride:
                    work.stride, work.rows["forward"] = stride, []
                work.rows[kind].append(found)
        except Left:
            raise
        except Exception:
            self._failed = work.frame.weights, work.frame.request
            work.jobs.clear()
            raise
        del work.jobs[0]
        self._post(_told(work))


def affordable(snapshot: Snapshot) -> bool:
    """Whether densities can be had while somebody waits: a U-Net would take minutes for a first look."""
    return snapshot.config.network.kind == "mlp"


def _is_chain(snapshot: Snapshot, request: ViewRequest) -> bool:
    """Whether the backward paths are made by the chain that log-ratios are of: Euler's steps, whole, at λ = 1."""
    return snapshot.flow.checked_solver(request.solver) == "sde" and request.lam == 1 and request.parts == "both"


def _jobs(frame: Frame, both: bool) -> Iterator[Job]:
    """First a few forward points, in groups of steps where there are many, then more of `both` processes."""
    steps, count, dim = len(frame.t) - 1, frame.forward.shape[1], frame.forward.shape[2]
    count = min(count, max(2 * FIRST, MOST_STATES // steps))
    stride = -(-steps // RESOLVED_STEPS)
    if stride > 1:
        yield "forward", slice(0, min(FIRST, count)), stride
    blocks = list(_blocks(count))
    for part in blocks:
        yield "forward", part, 1
        if part.start < NEIGHBOURS_AFTER <= part.stop or (part is blocks[-1] and count < NEIGHBOURS_AFTER):
            if dim <= MOST_NEIGHBOUR_DIM:
                yield "neighbours", slice(0, 0), 1
            for back in blocks if both else ():
                if back.stop <= part.stop:
                    yield "backward", back, 1
        elif both and part.start >= NEIGHBOURS_AFTER:
            yield "backward", part, 1


def _blocks(count: int) -> Iterator[slice]:
    start = 0
    while start < count:
        stop = min(count, start + min(BLOCK, max(FIRST, start)))
        yield slice(start, stop)
        start = stop


def _training_jobs(frame: Frame) -> Iterator[Job]:
    steps = len(frame.t) - 1
    yield "forward", slice(0, min(TRAINING_POINTS, frame.forward.shape[1])), -(-steps // RESOLVED_STEPS)


def _times(work: _Work, check: Callable[[], None]) -> list[float]:
    import torch

    from dnf_studio.core.sampling.node_density import choose_times

    with torch.inference_mode():
        return choose_times(work.flow, torch.from_numpy(work.frame.forward[0, :PILOTS]), TOLERANCE, check)


def _neighbours(work: _Work, check: Callable[[], None]) -> StepMeans:
    from dnf_studio.core.exploration.excess import neighbour_excess

    return neighbour_excess(work.frame.forward, _contribution(work), check)


def _contribution(work: _Work, part: slice = slice(None)) -> Array:
    """What each step of the forward paths adds to the bound, its g term included, (N, B)."""
    from dnf_studio.core.exploration.excess import widths

    frame = work.frame
    added: Array = frame.step_disagreement[:, part] + widths(work.grid, frame.forward.shape[2]).numpy()[:, None]
    return added


def _ratios(
    work: _Work, kind: Direction, part: slice, stride: int, check: Callable[[], None], pool: BlockPool
) -> Array:
    """The log-ratios (N, B) of the points `part`; the steps between every `stride`-th node share their mean."""
    import torch

    from dnf_studio.core.exploration.excess import backward_contribution, log_ratios
    from dnf_studio.core.parallel import equal_slices
    from dnf_studio.core.sampling.node_density import log_density_at_nodes, random_signs

    paths = work.frame.forward if kind == "forward" else work.frame.backward
    path, grid = torch.from_numpy(paths[:, part]), work.grid
    steps = grid.steps
    nodes = [*range(0, steps, stride), steps]
    signs = random_signs(path[0], part.start)

    def density(some: slice) -> Tensor:
        with torch.inference_mode():
            own = None if signs is None else signs[some]
            return log_density_at_nodes(work.flow, grid, path[:, some], work.times, nodes, own, check)

    count = path.shape[1]
    pieces = max(min(pool.threads, count), -(-count // PIECE))
    found = torch.cat(pool.map(density, equal_slices(count, pieces)), dim=1)
    if kind == "forward":
        added = torch.from_numpy(_contribution(work, part))
    else:
        with torch.inference_mode():
            added = backward_contribution(work.flow.fields(grid), grid, path)
            if work.frame.request.last == "mean":
                # The last step drew no noise: its end is no sample of the chain
                added[0] = torch.nan
    lengths = np.diff(nodes)
    summed = torch.from_numpy(np.add.reduceat(added.numpy(), nodes[:-1], axis=0))
    shared = log_ratios(summed, found).numpy() / lengths[:, None]
    return shared.repeat(lengths, axis=0).astype(np.float32)


def _told(work: _Work) -> ExcessFrame:
    from dnf_studio.core.exploration.excess import step_means

    none = np.empty((len(work.frame.t) - 1, 0), np.float32)
    forward, backward = (np.concatenate([none, *work.rows[kind]], axis=1) for kind in ("forward", "backward"))
    means = step_means(forward)
    return ExcessFrame(work.frame, forward, backward, means, work.stride, work.neighbours, not work.jobs)

"""The excess of the frame that is shown, on more and more of its points while somebody looks.

torch and what stands on it are imported where they are used, in the explorer's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.exploration.excess_plan import PILOTS, TOLERANCE, Job, draft_times, jobs_of, training_jobs
from dnf_studio.core.sde.sample_settings import Direction, SampleSettings
from dnf_studio.errors import Cancelled, Check
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.exploration.excess import StepMeans
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.parallel import BlockPool
    from dnf_studio.core.sde.grid import TimeGrid
    from dnf_studio.workers.frames import FrameRequest
    from dnf_studio.workers.snapshot import Snapshot

TRAINING_SECONDS = 3.0
"""Seconds between two computations while a model trains."""
PIECE, FEWEST_FOR_TWO = 256, 96
"""Points that one thread takes at a time, and those from which a second one is worth its share of Python's lock."""
Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ExcessFrame:
    """What is known so far of the excess of one frame: fresh arrays that nobody writes to again."""

    frame: Frame
    forward: Array
    """Log-ratios (N, K) of the first K forward paths, nats."""
    backward: Array
    """Log-ratios (N, K') of the first K' backward paths, whose means are at most 0 where the marginals are right; (N,
    0) where these are not Euler's steps of the whole SDE, and not a number of a last step without noise."""
    by_step: StepMeans
    """Means of `forward`: the excess."""
    stride: int = 1
    """How many neighbouring steps share their mean, 1 once each is known."""
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
    """The excess of one frame while it is being computed."""

    frame: Frame
    snapshot: Snapshot
    flow: GenerativeModel
    grid: TimeGrid
    jobs: list[Job]
    rows: dict[Direction, list[Array]] = field(default_factory=lambda: {"forward": [], "backward": []})
    stride: int = 1
    neighbours: StepMeans | None = None
    drafted: bool = True
    """Whether the rows are those of a draft."""


class ExcessWatch:
    """Computes the excess of the newest complete frame in small pieces; the newest answer wins.

    `show` may be called from the explorer's thread only, as all else here.
    """

    def __init__(self, post: Callable[[ExcessFrame], None]) -> None:
        """`post` is called with all that is known, each time there is more."""
        self._post = post
        self._work: _Work | None = None
        self._began = 0.0
        self._times: tuple[int, list[float]] = -1, []
        """Version of the weights, and `choose_times` of them, which serves any grid and seed."""
        self._failed: tuple[int, SampleSettings] | None = None

    def show(self, frame: Frame, wanted: FrameRequest | None, training: bool) -> None:
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
        if snapshot is None or wanted is None or not excess_affordable(snapshot):
            return
        if not {"bound", "divergence"}.isdisjoint(snapshot.flow.lacks):
            return
        if self._failed == (frame.weights, frame.request):
            return
        grid = snapshot.flow.grid_of(wanted.request)
        self._began = perf_counter()
        steps, (points, dim) = len(frame.t) - 1, frame.forward.shape[1:]
        own = _is_chain(snapshot, frame.request)
        jobs = list(training_jobs(steps, points) if training else jobs_of(steps, points, dim, own))
        self._work = _Work(frame, snapshot, snapshot.flow, grid, jobs)

    @property
    def pending(self) -> bool:
        """Whether there is more to find."""
        return self._work is not None and bool(self._work.jobs)

    @property
    def brief(self) -> bool:
        """Whether there is as little to find as while a model trains: what was begun before may be much more."""
        return self._work is not None and len(self._work.jobs) <= 1

    def run(self, check: Check, pool: BlockPool) -> None:
        """The next piece, which is posted; cancelled by `check` the piece is begun anew the next time."""
        work = self._work
        if work is None or not work.jobs:
            return
        kind, part, stride = work.jobs[0]
        try:
            if kind == "neighbours":
                work.neighbours = _neighbours(work, check)
            elif kind == "draft":
                work.stride = stride
                how = stride, draft_times(work.flow.timestamps.tolist())
                work.rows["forward"] = [_ratios(work, "forward", part, how, check, pool)]
            else:
                if self._times[0] != work.frame.weights:
                    self._times = work.frame.weights, _times(work, check)
                found = _ratios(work, kind, part, (1, self._times[1]), check, pool)
                if work.drafted:
                    work.drafted, work.stride, work.rows["forward"] = False, 1, []
                work.rows[kind].append(found)
        except Cancelled:
            raise
        except Exception:
            self._failed = work.frame.weights, work.frame.request
            work.jobs.clear()
            raise
        del work.jobs[0]
        self._post(_told(work))


def excess_affordable(snapshot: Snapshot) -> bool:
    """Whether densities can be had while somebody waits: a U-Net would take minutes for a first look."""
    return snapshot.config.network.kind == "mlp"


def _is_chain(snapshot: Snapshot, request: SampleSettings) -> bool:
    """Whether the backward paths are made by the chain that log-ratios are of: Euler's steps, whole, at λ = 1."""
    solver = snapshot.flow.checked_solver(request.solver)
    return solver.euler and solver.noise and request.lam == 1 and request.parts == "both"


def _times(work: _Work, check: Check) -> list[float]:
    import torch

    from dnf_studio.core.sampling.node_density import choose_times

    with torch.inference_mode():
        return choose_times(work.flow, torch.from_numpy(work.frame.forward[0, :PILOTS]), TOLERANCE, check)


def _neighbours(work: _Work, check: Check) -> StepMeans:
    from dnf_studio.core.exploration.excess import neighbour_excess

    return neighbour_excess(work.frame.forward, _contribution(work), check)


def _contribution(work: _Work, part: slice = slice(None)) -> Array:
    """What each step of the forward paths adds to the bound, its g term included, (N, B)."""
    from dnf_studio.core.exploration.excess import widths

    frame = work.frame
    added: Array = frame.contributions[:, part] + widths(work.grid, frame.forward.shape[2]).numpy()[:, None]
    return added


def _backward_contribution(work: _Work, path: Tensor) -> Array:
    """What each step of backward paths (N+1, B, D) adds to the bound, its g term included, (N, B)."""
    import torch

    from dnf_studio.core.exploration.excess import backward_contribution

    with torch.inference_mode():
        added: Array = backward_contribution(work.flow.fields(work.grid), work.grid, path).numpy()
    if work.frame.request.last == "mean":
        # The last step drew no noise: its end is no sample of the chain
        added[0] = np.nan
    return added


def _ratios(
    work: _Work,
    kind: Direction,
    part: slice,
    how: tuple[int, list[float]],
    check: Check,
    pool: BlockPool,
) -> Array:
    """The log-ratios (N, B) of the points `part`.

    `how` is a stride, between whose nodes steps share their mean, and the times of the ODE's steps.
    """
    import torch

    from dnf_studio.core.exploration.excess import log_ratios
    from dnf_studio.core.parallel import equal_slices
    from dnf_studio.core.sampling.node_density import log_density_at_nodes, random_signs

    stride, times = how
    paths = work.frame.forward if kind == "forward" else work.frame.backward
    path, grid = torch.from_numpy(paths[:, part]), work.grid
    steps = grid.steps
    nodes = [*range(0, steps, stride), steps]
    signs = random_signs(path[0], part.start)

    def density(some: slice) -> Tensor:
        with torch.inference_mode():
            own = None if signs is None else signs[some]
            return log_density_at_nodes(work.flow, grid, path[:, some], times, nodes, own, check)

    count = path.shape[1]
    pieces = max(pool.threads if count >= FEWEST_FOR_TWO else 1, -(-count // PIECE))
    found = torch.cat(pool.map(density, equal_slices(count, pieces)), dim=1)
    added = _contribution(work, part) if kind == "forward" else _backward_contribution(work, path)
    lengths = np.diff(nodes)
    summed = torch.from_numpy(np.add.reduceat(added, nodes[:-1], axis=0))
    shared = log_ratios(summed, found).numpy() / lengths[:, None]
    return shared.repeat(lengths, axis=0).astype(np.float32)


def _told(work: _Work) -> ExcessFrame:
    from dnf_studio.core.exploration.excess import step_means

    none = np.empty((len(work.frame.t) - 1, 0), np.float32)
    forward, backward = (np.concatenate([none, *work.rows[kind]], axis=1) for kind in ("forward", "backward"))
    means = step_means(forward)
    return ExcessFrame(work.frame, forward, backward, means, work.stride, work.neighbours, not work.jobs)

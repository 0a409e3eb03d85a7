"""More points than the display set has, for the process views alone: drawn, but neither chosen nor listed.

Each frame carries the display set, which everything looks at. A crowd of up to 200,000 further points follows it in
batches while nothing else is to be done. torch is imported where it is used, in the explorer's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnf_studio.errors import Cancelled, Check
from dnf_studio.workers.frames import Frame, same_objects

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.parallel import BlockPool
    from dnf_studio.core.sde.sample_settings import Direction
    from dnf_studio.workers.frames import FrameRequest
    from dnf_studio.workers.snapshot import Snapshot

    Shown = tuple[Frame, FrameRequest]

MOST_POINTS = 200_000
MOST_NUMBERS = 12_500_000
"""Numbers of the paths of one process, 50 MB: 200,000 points in the plane at N = 30, fewer where N or D is greater."""
BATCH, FIRST_BATCH = 2048, 1024
MOST_DIM = 64
"""Points of more components are images, which nobody sees as a cloud."""
Array = NDArray[np.float32]


@dataclass(frozen=True)
class CrowdRequest:
    """How many points are to be seen, with those of the display set, and the data that the further ones come from."""

    count: int
    dataset: Dataset | None = None
    """None where the data is not here: the forward process then begins at samples of the model."""


@dataclass(frozen=True, eq=False)
class Crowd:
    """The paths of the points beyond the display set that are known so far, which nobody writes to again."""

    frame: Frame
    """The frame whose points these follow."""
    forward: Array
    """(N+1, Q, D), model units, row i at t_i; a part of an array whose other columns are still to come."""
    backward: Array
    """(N+1, Q', D); Q' is more than Q where the data has no more points."""
    totals: tuple[int, int]
    """How many forward and how many backward points there will be, those of the display set among them."""
    complete: bool
    """Whether nothing more will come for this frame."""

    def fits(self, frame: Frame | None) -> bool:
        """Whether `frame` is of the same weights and settings, in which type it may have been computed."""
        own = self.frame
        if frame is None or len(frame.t) != len(own.t):
            return False
        return (frame.weights, frame.request) == (own.weights, own.request)

    def paths_of(self, direction: str) -> Array:
        """The paths (N+1, Q, D) of one process."""
        return self.forward if direction == "forward" else self.backward


class _Side:
    """The paths of one process as far as they are computed, and the key of all they depend on."""

    def __init__(self, key: tuple[object, ...], nodes: int, rows: int, dim: int) -> None:
        self.key, self.done = key, 0
        self.paths = np.empty((nodes, rows, dim), np.float32)

    @property
    def rows(self) -> int:
        """How many there will be."""
        return self.paths.shape[1]

    @property
    def known(self) -> Array:
        """(N+1, Q, D) what nobody writes to any more."""
        return self.paths[:, : self.done]

    def take(self, block: Array) -> None:
        """The paths (N+1, B, D) of the points that follow."""
        self.paths[:, self.done : self.done + block.shape[1]] = block
        self.done += block.shape[1]


class CrowdWatch:
    """Carries the crowd of the newest complete frame, a batch at a time; while a model trains there is none.

    Latents, noise and points of the data are fixed by seed and number, as those of the display set are: another λ
    moves the points, it does not draw others, and leaves the forward paths as they are. What is kept is one array for
    each process, of 50 MB at most, and nothing of what drew it. Layers are in the type in which the processor is
    fastest, as those of a first frame: a picture of so many does not show the difference.
    """

    def __init__(self, post: Callable[[Crowd], None]) -> None:
        """`post` is called with all that is known, each time there is more."""
        self._post = post
        self._asked: CrowdRequest | None = None
        self._shown: Shown | None = None
        self._sides: dict[Direction, _Side] = {}
        self._starts: tuple[CrowdRequest | None, Tensor | None, Tensor | None] = None, None, None
        """Further points of the data, of whom they were asked, and the display set that they follow."""
        self._complete = True

    def ask(self, request: CrowdRequest | None) -> None:
        """Carry so many points from now on, or none; what was kept is let go. May be called from any thread."""
        self._asked, self._sides, self._complete = request, {}, request is None

    def show(self, frame: Frame, wanted: FrameRequest | None, training: bool) -> None:
        """`frame`, of what was `wanted`, is what the views show now; one that still grows is not followed."""
        snapshot = None if wanted is None else wanted.snapshot
        self._shown = None
        if training or snapshot is None or not crowd_affordable(snapshot):
            self._sides = {}
        elif frame.all_points and wanted is not None:
            self._shown = frame, wanted
        self._complete = self._asked is None

    @property
    def pending(self) -> bool:
        """Whether there are more points to carry."""
        return self._shown is not None and not self._complete

    def run(self, check: Check, pool: BlockPool) -> None:
        """Carry the next batch and post it; cancelled by `check` it is begun anew the next time."""
        import torch

        asked, shown = self._asked, self._shown
        if asked is None or shown is None:
            return
        try:
            with torch.inference_mode():
                ahead, back = self._sides_of(asked, *shown)
                if ahead.done < ahead.rows or back.done < back.rows:
                    self._carry(asked, shown, ahead, back, check, pool)
        except Cancelled:
            raise
        except Exception:
            # Not tried again for this frame
            self._complete = True
            raise
        if asked is not self._asked:
            return
        self._complete = ahead.done == ahead.rows and back.done == back.rows
        if ahead.rows or back.rows:
            first = shown[0].forward.shape[1]
            totals = first + ahead.rows, first + back.rows
            self._post(Crowd(shown[0], ahead.known, back.known, totals, self._complete))

    def _sides_of(self, asked: CrowdRequest, frame: Frame, wanted: FrameRequest) -> tuple[_Side, _Side]:
        """What is known of both processes, made anew where something else is asked for."""
        nodes, first, dim = frame.forward.shape
        request = wanted.request
        most = max(0, min(asked.count, MOST_POINTS, MOST_NUMBERS // (nodes * dim)) - first)
        starts = self._data(asked, wanted)
        rows = most if starts is None else min(most, len(starts))
        own = None if wanted.snapshot is None else wanted.snapshot.flow.nodes_by(request)
        shared = wanted.snapshot, wanted.data, asked, request.steps, request.grid, own, request.seed
        ways = request.lam, request.last, request.solver, request.parts, request.start
        others = rows if request.start == "forward" else most
        ahead = self._side("forward", shared, nodes, rows, dim)
        return ahead, self._side("backward", (*shared, *ways), nodes, others, dim)

    def _side(self, name: Direction, key: tuple[object, ...], nodes: int, rows: int, dim: int) -> _Side:
        known = self._sides.get(name)
        if known is None or known.rows != rows or not same_objects(known.key, key):
            known = self._sides[name] = _Side(key, nodes, rows, dim)
        return known

    def _data(self, asked: CrowdRequest, wanted: FrameRequest) -> Tensor | None:
        """Where the forward paths begin (≤ 198,000, D), model units; None where the data is not here."""
        if asked.dataset is None or wanted.snapshot is None or wanted.data is None:
            return None
        if self._starts[0] is not asked or self._starts[1] is not wanted.data:
            from dnf_studio.core.evaluation.fresh import fresh_points

            shown, flow = wanted.data, wanted.snapshot.flow
            found = fresh_points(flow, asked.dataset, MOST_POINTS, seed=0).float()
            if 1 < len(found) < MOST_POINTS:
                # Recorded rows that are not all asked for come shuffled, those of the display set first
                found = fresh_points(flow, asked.dataset, len(found) - 1, seed=0).float()
            repeats = len(found) >= len(shown) and bool((found[: len(shown)] == shown).all())
            self._starts = asked, shown, found[len(shown) :].contiguous() if repeats else found
        return self._starts[2]

    def _begin_at(self, asked: CrowdRequest, wanted: FrameRequest, number: int, rows: slice) -> Tensor:
        """The data points of these rows, or where there is no data samples of the model."""
        assert wanted.snapshot is not None
        data, flow = self._data(asked, wanted), wanted.snapshot.flow
        if data is not None:
            return data[rows]
        return flow.standardisation.to_model(flow.sample(rows.stop - rows.start, seed=number)).float()

    def _carry(
        self, asked: CrowdRequest, shown: Shown, ahead: _Side, back: _Side, check: Check, pool: BlockPool
    ) -> None:
        """The next batches of the process that is behind, or of both, one on each thread with the noise it takes."""
        import torch

        from dnf_studio.core.exploration.display_set import PathSimulator, without_gradients
        from dnf_studio.core.sde.brownian import BrownianPath, latents, noise_of_both

        frame, wanted = shown
        assert wanted.snapshot is not None
        flow, request, first = wanted.snapshot.flow, wanted.request, frame.forward.shape[1]
        grid = flow.grid_of(request)
        simulator = PathSimulator(flow, grid, _type_of(flow), request)

        def batch(begin: int, sides: Sequence[_Side]) -> list[Array]:
            """The paths of the points from `begin` on, of each of `sides`."""
            size, number = _size(begin), first + begin
            brownian = BrownianPath(request.seed, size, 2 * dim, float(grid.t[0]), float(grid.t[-1]), stream=number)
            noise, found = noise_of_both(brownian, grid.t, check), list[Array]()
            for side in sides:
                count = min(size, side.rows - begin)
                if side is ahead:
                    starts = self._begin_at(asked, wanted, number, slice(begin, begin + count))
                    found.append(simulator.ahead(starts, noise[0][:, :count], check))
                else:
                    starts = latents(request.seed, number + count, dim)[number:]
                    if request.start == "forward":
                        # From where the other paths end, which are here or were computed a moment ago
                        ends = found[0][-1] if found else ahead.paths[-1, begin : begin + count]
                        starts = torch.from_numpy(ends.copy())
                    found.append(simulator.backward(starts, noise[1][:, :count], check))
            return found

        dim, begins = flow.dim, _begins((ahead, back), pool.threads)
        works = [(begin, [side for side in (ahead, back) if side.done <= begin < side.rows]) for begin in begins]
        jobs = [partial(batch, *work) for work in works]
        for (_, sides), blocks in zip(works, pool.map(without_gradients, jobs), strict=True):
            for side, block in zip(sides, blocks, strict=True):
                side.take(block)


def _type_of(flow: GenerativeModel) -> torch.dtype:
    """The type that layers are computed in: the fastest, but a person's own callables have their own."""
    import torch

    from dnf_studio.core.hardware import choose_hidden_type

    return torch.float32 if flow.adapter else choose_hidden_type("auto", flow.device)


def _size(begin: int) -> int:
    """How many points a batch has that begins there: the first one is soon to be seen."""
    return BATCH if begin else FIRST_BATCH


def _begins(sides: Sequence[_Side], most: int) -> list[int]:
    """Where the next batches begin, at most so many: those of the side that is behind, until it has caught up."""
    rest = [side for side in sides if side.done < side.rows]
    begins = [min(side.done for side in rest)]
    until = min((side.done for side in rest if side.done > begins[0]), default=max(side.rows for side in rest))
    while len(begins) < most and begins[-1] + _size(begins[-1]) < until:
        begins.append(begins[-1] + _size(begins[-1]))
    return begins


def crowd_affordable(snapshot: Snapshot) -> bool:
    """Whether many points can be had while somebody waits, and seen as a cloud: not of images."""
    return snapshot.config.network.kind == "mlp" and snapshot.dim <= MOST_DIM

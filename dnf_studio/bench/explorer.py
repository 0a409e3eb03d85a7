"""How soon the live view answers: from a change of its settings to the first paths and to all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median

import torch
from torch import Tensor

from dnf_studio.bench import Row, less
from dnf_studio.bench.textbook import textbook_paths
from dnf_studio.bench.timing import fastest, in_turn, plain_works
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sde.sample_settings import AS_VIEWED, SampleSettings
from dnf_studio.errors import SetupError
from dnf_studio.workers.explorer import Explorer
from dnf_studio.workers.frames import Frame
from dnf_studio.workers.snapshot import Snapshot

LOST_AFTER = 60.0
LOOK_EVERY = 5e-4


def _view(steps: int, lam: float = 1.0, seed: int = 0) -> SampleSettings:
    return replace(AS_VIEWED, steps=steps, lam=lam, seed=seed)


@dataclass(frozen=True)
class Change:
    """A change of the view; a round adds the same to both seeds."""

    name: str
    before: SampleSettings
    after: SampleSettings


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    points: int = 2000
    first: int = 256
    """Points of the first block."""
    rounds: int = 5
    seconds: float = 9.0
    """Time spent on one change; a slow machine does fewer rounds."""
    changes: tuple[Change, ...] = (
        Change("view N 30 to 10", _view(30), _view(10)),
        Change("view N 10 to 100", _view(10), _view(100)),
        Change("λ 1 to 0, N = 30", _view(30), _view(30, lam=0.0)),
        Change("seed, N = 30", _view(30), _view(30, seed=1)),
    )


FULL = Sizes()
QUICK = Sizes(rounds=1, changes=(FULL.changes[0], FULL.changes[3]))


def rows(sizes: Sizes = FULL) -> Iterator[Row]:
    """Milliseconds of each change, medians, of the default model while it does not train.

    Every round has latents and noise of its own, so nothing is answered from what an earlier round
    kept. All points count as there with the first frame that has them, in the type in which the
    processor is fastest; float32 follows.
    """
    flow, data = DiffFlow(2), torch.randn(sizes.points, 2)
    explorer = Explorer()
    try:
        explorer.publish(Snapshot.of(flow), data)
        for change in sizes.changes:
            turns: list[tuple[float, ...]] = []
            begun = time.monotonic()
            while len(turns) < sizes.rounds and (len(turns) < 2 or time.monotonic() - begun < sizes.seconds):
                turns.append(_turn(explorer, flow, data, change, sizes, 2 * len(turns)))
            first, whole, plain_first, plain_whole = (1e3 * median(column) for column in zip(*turns, strict=True))
            yield less(f"{change.name}, first {sizes.first:,} paths", first, "ms", plain_first)
            yield less(f"{change.name}, all {sizes.points:,}", whole, "ms", plain_whole)
    finally:
        explorer.close()


def _turn(
    explorer: Explorer, flow: DiffFlow, data: Tensor, change: Change, sizes: Sizes, seed: int
) -> tuple[float, ...]:
    """Seconds to the first paths and to all of one change, then of the plain loop for as many points."""
    before, after = (replace(r, seed=r.seed + seed) for r in (change.before, change.after))
    explorer.request(before)
    _frames(explorer, before)
    explorer.request(after)
    frames = _frames(explorer, after)
    whole = next(frame for frame in frames if frame.forward.shape[1] == frames[-1].forward.shape[1])
    plain = (_from_nothing(flow, after, data[:count]) for count in (sizes.first, sizes.points))
    return frames[0].seconds, whole.seconds, *plain


def _frames(explorer: Explorer, request: SampleSettings) -> list[Frame]:
    """The frames of `request` up to the complete one."""
    frames: list[Frame] = []
    end = time.monotonic() + LOST_AFTER
    while not (frames and frames[-1].complete):
        error = explorer.errors.take()
        if error is not None:
            raise error
        if time.monotonic() > end:
            raise SetupError(f"The live view gave no whole frame in {LOST_AFTER:.0f} seconds.")
        frame = explorer.mailbox.take()
        if frame is None:
            time.sleep(LOOK_EVERY)
        elif frame.request is request:
            frames.append(frame)
    return frames


def _from_nothing(flow: DiffFlow, request: SampleSettings, x0: Tensor) -> float:
    """Seconds of the plain loop for the same paths."""
    generator = torch.Generator().manual_seed(request.seed)
    grid, z = flow.grid(request.steps), torch.randn(x0.shape, generator=generator)
    return fastest(
        in_turn(plain_works(lambda: textbook_paths(flow, grid, x0, z, generator, request.lam)), 1, warm_up=False)
    )

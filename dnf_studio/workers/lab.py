"""The studies of the discretisation lab: what each depends on, and its results one by one.

A study is a frozen question that equals another one with the same weights and settings, so that its
results can be kept. Imports torch only where it works.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.sde.solvers import SDE, LastStep
from dnf_studio.errors import Check, SettingError

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.exploration.display_set import DisplayNoise
    from dnf_studio.core.exploration.variants import Variant
    from dnf_studio.workers.snapshot import Snapshot

LEVELS = (0.0, 0.5, 1.0, 1.5, 2.0)
MAX_N, MOST = 200, 20
ERROR_POINTS = 512
"""Points of the display set whose errors are measured."""
DISPLAYED, SAMPLES = 2_000, 40_000
FINER, FINEST = 4, 400
OF_EULER: dict[str, Any] = {"solver": SDE.name, "seed": 0, "parts": "both", "start": "noise"}
"""Settings that do not matter to the studies of λ and of the last step, which both are of the SDE."""
Array = NDArray[np.float32]


class DisplayPaths:
    """The Brownian paths of the display set, kept between two studies; one thread at a time reads them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._noise: DisplayNoise | None = None

    def read(self, seed: int, block: slice, dim: int, t: Tensor, check: Check) -> tuple[Tensor, Tensor]:
        """Forward and backward noise (N, B, D) of the points in `block`."""
        with self._lock:
            return self._made().noise(seed, block, dim, t, check)

    def latents(self, seed: int, count: int, dim: int) -> Tensor:
        """Latents (count, D) of the display set."""
        return self._made().latents(seed, count, dim)

    def _made(self) -> DisplayNoise:
        from dnf_studio.core.exploration.display_set import DisplayNoise

        if self._noise is None:
            self._noise = DisplayNoise()
        return self._noise


@dataclass(frozen=True, eq=False)
class StudyContext:
    """The model, points and threads that all studies of one model share."""

    snapshot: Snapshot
    points: Tensor
    """The display set (P, D), model units."""
    dataset: Dataset | None
    threads: int | None
    """Threads that sample; None is as many as there are cores."""
    noise: DisplayPaths = field(default_factory=DisplayPaths)


@dataclass(frozen=True)
class Study(ABC):
    """A question to the lab; every study depends on the weights."""

    weights: int
    """Version of the weights."""

    @abstractmethod
    def total(self, context: StudyContext) -> int:
        """How many results there will be."""

    @abstractmethod
    def run(self, context: StudyContext, have: int, check: Check) -> Iterator[object]:
        """The results from number `have` on, until `check` raises."""


@dataclass(frozen=True)
class SamplingStudy(Study):
    """A study of how samples are drawn, which depends on the settings of the views too."""

    sampling: SampleSettings
    """The settings, with those that do not matter to the study as in `fixed`, so that it equals one that is kept."""
    fixed: ClassVar[Mapping[str, Any]] = {}

    def __post_init__(self) -> None:
        object.__setattr__(self, "sampling", replace(self.sampling, **self.fixed))


@dataclass(frozen=True)
class StepsStudy(SamplingStudy):
    """Several N: a `Rediscretised` each, then, where there is data, a `Variant` each."""

    steps: tuple[int, ...]
    fixed: ClassVar[Mapping[str, Any]] = {"steps": None, "parts": "both", "start": "noise"}

    def total(self, context: StudyContext) -> int:
        return len(self.steps) * (1 if context.dataset is None else 2)

    def run(self, context: StudyContext, have: int, check: Check) -> Iterator[object]:
        from dnf_studio.core.exploration.rediscretise import rediscretise

        flow, x0, count = context.snapshot.flow, context.points[:ERROR_POINTS], len(self.steps)
        if have < count:
            rows = rediscretise(flow, x0, self.steps, self.sampling, check=check)
            yield from islice(rows, have, None)
        if context.dataset is not None:
            ways = [replace(self.sampling, steps=n, seed=0) for n in self.steps[max(0, have - count) :]]
            yield from _variants(context, ways, check)


@dataclass(frozen=True)
class LevelsStudy(SamplingStudy):
    """Several λ at one N: a `Variant` each, compared with λ = 1 and with data."""

    fixed: ClassVar[Mapping[str, Any]] = {**OF_EULER, "lam": 1.0}

    def total(self, context: StudyContext) -> int:
        return len(LEVELS)

    def run(self, context: StudyContext, have: int, check: Check) -> Iterator[object]:
        ways = [replace(self.sampling, lam=lam) for lam in LEVELS]
        yield from _variants(context, ways[have:], check, ways[LEVELS.index(1.0)])


@dataclass(frozen=True)
class LastStudy(SamplingStudy):
    """The last step by its mean and with its noise: a `Variant` each."""

    fixed: ClassVar[Mapping[str, Any]] = {**OF_EULER, "last": "noise"}

    def total(self, context: StudyContext) -> int:
        return 2

    def run(self, context: StudyContext, have: int, check: Check) -> Iterator[object]:
        lasts: tuple[LastStep, ...] = ("mean", "noise")
        ways = [replace(self.sampling, last=last) for last in lasts]
        yield from _variants(context, ways[have:], check)


@dataclass(frozen=True, eq=False)
class PathsFound:
    """Coarse and fine paths of a few points of the display set, row i at t_i, model units."""

    points: tuple[int, ...]
    coarse_t: NDArray[np.float64]
    fine_t: NDArray[np.float64]
    forward: tuple[Array, Array]
    """Coarse (N+1, P, D) and fine (M+1, P, D)."""
    backward: tuple[Array, Array]


@dataclass(frozen=True)
class PathsStudy(SamplingStudy):
    """A few points of the display set at one N and at a much larger one: one `PathsFound`."""

    points: tuple[int, ...]
    fixed: ClassVar[Mapping[str, Any]] = {"parts": "both"}

    def total(self, context: StudyContext) -> int:
        return 1

    def run(self, context: StudyContext, have: int, check: Check) -> Iterator[object]:
        """Latents and Brownian paths are the ones of the views, so that the coarse paths are too."""
        from dnf_studio.core.exploration.display_set import blocks

        flow, seed = context.snapshot.flow, self.sampling.seed
        steps, dim = self.sampling.steps or context.snapshot.steps, flow.dim
        count = min(DISPLAYED, len(context.points))
        latents = context.noise.latents(seed, count, dim)
        found = []
        for block in blocks(count, steps, dim):
            rows = [point for point in self.points if block.start <= point < block.stop]
            if rows and not have:
                places = [row - block.start for row in rows]

                def noise(t: Tensor, block: slice = block, places: Sequence[int] = places) -> tuple[Tensor, Tensor]:
                    ahead, back = context.noise.read(seed, block, dim, t.cpu().float(), check)
                    return ahead[:, places], back[:, places]

                z = latents[rows] if self.sampling.start == "noise" else None
                found.append((rows, self._part(context, steps, (context.points[rows], z), noise, check)))
        if found:
            yield _joined(found)

    def _part(
        self,
        context: StudyContext,
        steps: int,
        start: tuple[Tensor, Tensor | None],
        noise: Callable[[Tensor], tuple[Tensor, Tensor]],
        check: Check,
    ) -> PathsFound:
        from dnf_studio.core.exploration.rediscretise import coarse_and_fine

        found = coarse_and_fine(
            context.snapshot.flow,
            replace(self.sampling, steps=steps),
            start,
            noise,
            finest=max(FINEST, FINER * steps),
            check=check,
        )
        both = [(a.float().numpy(), b.float().numpy()) for a, b in (found.forward, found.backward)]
        return PathsFound(self.points, found.coarse_t, found.fine_t, both[0], both[1])


def parse_steps(text: str) -> tuple[int, ...]:
    """The numbers of steps that `text` lists, ascending; raises `SettingError` with what is wrong with them."""
    words = text.replace(";", ",").replace(",", " ").split()
    if not words:
        raise SettingError("List at least one number of steps N, such as 5, 10, 20.")
    for word in words:
        if not (word.isascii() and word.isdigit()):
            raise SettingError(f"'{word[:20]}' is not a whole number; list numbers of steps N such as 5, 10, 20.")
        if len(word) > 9 or not 1 <= int(word) <= MAX_N:
            raise SettingError(f"Each N must be between 1 and {MAX_N}, not {word[:20]}.")
    steps = tuple(sorted({int(word) for word in words}))
    if len(steps) > MOST:
        raise SettingError(f"At most {MOST} numbers of steps can be compared at once, not {len(steps)}.")
    return steps


def _variants(
    context: StudyContext,
    ways: Sequence[SampleSettings],
    check: Check,
    reference: SampleSettings | None = None,
) -> Iterator[Variant]:
    from dnf_studio.core.exploration.variants import compare_variants

    model, threads = (context.snapshot.flow, ways, context.dataset, reference), context.threads
    yield from compare_variants(*model, points=SAMPLES, threads=threads, check=check)


def _joined(found: Sequence[tuple[list[int], PathsFound]]) -> PathsFound:
    """The parts of several blocks joined, which share their grids."""
    points = tuple(row for rows, _ in found for row in rows)
    first = found[0][1]
    ahead, back = (
        (np.concatenate([a for a, _ in parts], axis=1), np.concatenate([b for _, b in parts], axis=1))
        for parts in ([part.forward for _, part in found], [part.backward for _, part in found])
    )
    return PathsFound(points, first.coarse_t, first.fine_t, ahead, back)

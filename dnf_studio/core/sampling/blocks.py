"""Samples whose every number is fixed by the seed and the row, however they are computed.

Rows belong to blocks of 65,536, each with one child of the seed sequence; a block is made of
sub-blocks of 1,024 rows, each with a child of its block's. A sub-block draws its latents first and
then its noise step by step, and is always computed whole, with single-threaded kernels; where a network
takes long, the last one in pieces of 64 rows up to that of the last row. So a
prefix of a longer run, another number of threads and an interrupted run give the same bytes, and
memory depends neither on the number of samples nor (without trajectories) on N.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.networks.autograd_kernel import VALUE_ROWS
from dnf_studio.core.parallel import BlockPool, worker_threads
from dnf_studio.core.sampling.langevin import LIVE, corrected, score_size
from dnf_studio.core.sampling.model import Model
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field, Sampler
from dnf_studio.core.sde.sample_settings import SampleSettings, check_count
from dnf_studio.core.sde.solvers.sde import backward_states
from dnf_studio.errors import Check, DivergenceError, UnsupportedError, check_interrupt

Array = NDArray[np.float32]
BLOCK = 65_536
SUB_BLOCK = 1024
"""Rows computed together; a layer of 128 channels takes 512 KiB. Measured at D = 2, N = 30 on two threads: 2,048
rows are as fast, 512 take 10% and 256 take 45% longer."""
ROW_STEPS = 1 << 20
"""Rows × steps between two yields on a processor: under a second of work, the longest wait of a cancel."""
PATH_BYTES = 1 << 26
"""About what the paths and noise of one yield may take; one sub-block is the least."""


@dataclass(frozen=True)
class SampleBlock:
    """Consecutive samples, float32; how many is chosen for memory and promptness, not by the seed."""

    start: int
    """Number of the first row."""
    samples: Array
    """(n, D), data units."""
    latents: Array
    """(n, D), model units, the states at t_N."""
    trajectories: Array | None
    """(n, N+1, D), data units, in sampling order: t_N first, the samples last."""
    noise: Array | None
    """(n, N, D) in the order drawn; zero for a step that uses none."""
    forward_trajectories: Array | None = None
    """(n, N+1, D), data units, of the forward path of a point of a view, with t_N first as above."""
    forward_noise: Array | None = None
    """(n, N, D) its noise, that of the last forward step first."""
    rows: NDArray[np.int64] | None = None
    """(n,) numbers among all that were drawn, where the samples are some of them."""


class _Part(NamedTuple):
    """Rows of whole sub-blocks, shaped and in units as in `SampleBlock`."""

    samples: Array
    latents: Array
    trajectories: Array | None
    noise: Array | None


@dataclass(frozen=True)
class _Sampler:
    """Computes sub-blocks; what it holds is shared by the threads and never written."""

    settings: SampleSettings
    standardisation: Standardisation
    grid: TimeGrid
    states: Sampler
    fields: tuple[Field, Field] | None
    """Drift and score, where Langevin steps are wanted."""
    trajectories: bool
    noise: bool
    check: Check

    def draw(self, numbers: range, rows: int) -> _Part:
        """The first `rows` rows of the sub-blocks `numbers`, counted from the first of all, computed as one batch."""
        with torch.inference_mode():
            sources = [_generator(self.settings.seed, number) for number in numbers]
            z = self._normal(sources)[:rows]
            steps = self.grid.steps
            path = z.new_empty((len(z), steps + 1, z.shape[1])) if self.trajectories else None
            drawn = z.new_zeros((len(z), steps, z.shape[1])) if self.noise else None

            def noise(j: int) -> Tensor:
                eps = self._normal(sources)[:rows]
                if drawn is not None:
                    drawn[:, j] = eps
                return eps

            x = z
            for j, state in enumerate(self._states(sources, z, noise)):
                self.check()
                x = state
                if path is not None:
                    path[:, j] = x
            samples, whole = self._data(x, inside=True), None if path is None else self._data(path)
            if whole is not None:
                whole[:, -1] = samples
            return _Part(samples, _numpy(z), whole, _optional(drawn))

    def _states(
        self, sources: list[np.random.Generator], z: Tensor, noise: Callable[[int], Tensor]
    ) -> Iterator[Tensor]:
        """The states from z at t_N on, with corrector steps at t_1 where they are wanted."""
        if self.fields is None:
            return self.states(z, noise)
        score, draw = self.fields[1], partial(self._normal, sources)

        def correct(i: int, x: Tensor) -> Tensor:
            return corrected(partial(score, 1), x, draw, self.settings.langevin, SUB_BLOCK) if i == 1 else x

        return backward_states(*self.fields, self.grid, z, noise, self.settings.level, self.settings.last, correct)

    def check_live(self) -> None:
        """Raise `UnsupportedError` where corrector steps with this score would only add noise."""
        if self.fields is None:
            return
        with torch.inference_mode():
            sources = [_generator(self.settings.seed, 0)]
            z = self._normal(sources)
            states = backward_states(*self.fields, self.grid, z, lambda _: self._normal(sources), self.settings.level)
            x = next(islice(states, self.grid.steps - 1, None))
            size = score_size(self.fields[1](1, x), x)
        if size < LIVE:
            raise UnsupportedError(
                "Langevin steps need a score that is one, and this model's is idle: at its first step its size is "
                f"{size:.2g} of the least that any density has; sample without them, or train with as much noise as "
                "the defaults have."
            )

    def _normal(self, sources: list[np.random.Generator]) -> Tensor:
        """The next standard normals (n, D) of each sub-block, drawn on the processor for every device."""
        shape = (SUB_BLOCK, len(self.standardisation.mean))
        rows = [source.standard_normal(shape, dtype=np.float32) for source in sources]
        return torch.from_numpy(rows[0] if len(rows) == 1 else np.concatenate(rows)).to(self.grid.t)

    def _data(self, x: Tensor, inside: bool = False) -> Array:
        """Model to data units, in float64 so that only the last rounding is float32's; `inside` the range they have."""
        data = self.standardisation.to_data(x.cpu().double())
        return _numpy(self.standardisation.inside(data) if inside else data)


def sample_blocks(
    flow: Model,
    count: int,
    settings: SampleSettings | None = None,
    *,
    trajectories: bool = False,
    noise: bool = False,
    threads: int | None = None,
    rows: int | None = None,
    start: int = 0,
    diverging: bool = False,
    check: Check = check_interrupt,
) -> Iterator[SampleBlock]:
    """Draw `count` samples (12, 17) in order, as blocks of bounded size, those before row `start` left out.

    `threads` changes the speed only, and `rows` how many come at once: at most so many in whole
    sub-blocks. `check` is called at every step by each thread, since a block of many steps takes minutes. A `start`
    where a block of an earlier call ended, or on a processor that of any sub-block, changes no number. Raises
    `SettingError` for a count that cannot be, and `DivergenceError` instead of yielding a number that is not finite,
    unless `diverging` asks for those too. New samples are of the whole process and start from noise: raises
    `UnsupportedError` for other `parts` and another `start`.
    """
    # Long by its docstring, which tells each parameter
    check_count(count)
    chosen = settings or SampleSettings()
    if (chosen.parts, chosen.start) != ("both", "noise"):
        raise UnsupportedError("New samples begin as noise and are made by drift and score; only views choose else.")
    grid = flow.grid_of(chosen)
    subs = -(-count // SUB_BLOCK)
    # Langevin steps are as long as the whole sub-block says
    piece = SUB_BLOCK if flow.config.network.kind == "mlp" or chosen.langevin else VALUE_ROWS
    chunk, batch = _sizes(flow, grid.steps, chosen.langevin, trajectories or noise)
    if rows is not None:
        chunk = max(1, min(chunk, rows // SUB_BLOCK))
    with BlockPool(worker_threads(flow.device) if threads is None else threads) as pool:
        sampler = pool.map(lambda _: _prepare(flow, grid, chosen, trajectories, noise, check), [None])[0]
        pool.map(lambda _: sampler.check_live(), [None])
        for first in range(start // SUB_BLOCK, subs, chunk):
            end = min(first + chunk, subs)
            jobs = [range(k, min(k + batch, end)) for k in range(first, end, batch)]
            parts = pool.map(lambda numbers: sampler.draw(numbers, _rows(numbers, count, piece)), jobs)
            block = _gather(parts, first * SUB_BLOCK, min(end * SUB_BLOCK, count))
            if not diverging:
                _check_finite(block.samples, grid.steps)
            yield block


def sample(flow: Model, count: int, settings: SampleSettings) -> Tensor:
    """`count` samples (n, D), float32, data units, on the model's device.

    Raises `UnsupportedError` for a λ that the named solver has not.
    """
    blocks = [torch.from_numpy(block.samples) for block in sample_blocks(flow, count, settings.asked())]
    return torch.cat(blocks).to(flow.device)


def _prepare(
    flow: Model, grid: TimeGrid, settings: SampleSettings, trajectories: bool, noise: bool, check: Check
) -> _Sampler:
    """Prepare the sampler on a thread of the pool, so that the embeddings too come from single-threaded kernels."""
    with torch.inference_mode():
        states = flow.sampler(grid, settings)
        fields = _corrected_fields(flow, grid, settings) if settings.langevin else None
        return _Sampler(settings, flow.standardisation, grid, states, fields, trajectories, noise, check)


def _corrected_fields(flow: Model, grid: TimeGrid, settings: SampleSettings) -> tuple[Field, Field]:
    """Drift and score of a model whose steps Langevin steps go with; raises `UnsupportedError` where they do not."""
    if "score" in flow.lacks:
        raise UnsupportedError(f"Langevin steps need a score. {flow.lacks['score']}")
    if (reason := flow.checked_solver(settings.solver).unused.get("langevin")) is not None:
        raise UnsupportedError(reason)
    return flow.fields(grid)


def _generator(seed: int, number: int) -> np.random.Generator:
    """The generator of sub-block `number`, counted from the first row of all."""
    block, part = divmod(number, BLOCK // SUB_BLOCK)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(block, part))))


def _sizes(flow: Model, steps: int, langevin: int, paths: bool) -> tuple[int, int]:
    """Sub-blocks between two yields, and sub-blocks computed together."""
    whole = BLOCK // SUB_BLOCK
    on_processor = flow.device.type == "cpu"
    chunk = min(whole, max(2, ROW_STEPS // (SUB_BLOCK * (steps + langevin)))) if on_processor else whole
    if paths:
        bytes_a_sub_block = 8 * SUB_BLOCK * (steps + 1) * flow.dim
        chunk = max(1, min(chunk, PATH_BYTES // bytes_a_sub_block))
    if not on_processor:
        # What is computed together crosses no block: an export in shards of whole blocks has the same bytes
        chunk = 1 << (chunk.bit_length() - 1)
    return chunk, 1 if on_processor else chunk


def _rows(numbers: range, count: int, piece: int) -> int:
    """How many rows of these sub-blocks to compute for `count` in all, in whole pieces."""
    return min(len(numbers) * SUB_BLOCK, -(-(count - numbers.start * SUB_BLOCK) // piece) * piece)


def _gather(parts: list[_Part], start: int, end: int) -> SampleBlock:
    """One `SampleBlock` of the rows start … end − 1; what the last sub-block computed beyond is left out."""
    rows = end - start
    samples, latents, paths, noises = (
        None if column[0] is None else np.concatenate(column)[:rows] for column in zip(*parts, strict=True)
    )
    assert samples is not None and latents is not None
    return SampleBlock(start, samples, latents, paths, noises)


def _check_finite(samples: Array, steps: int) -> None:
    bad = len(samples) - int(np.isfinite(samples).all(axis=1).sum())
    if bad:
        raise DivergenceError(
            f"Sampling diverged: {bad:,} of {len(samples):,} samples are not finite at N = {steps}; "
            "try another N, or λ = 0."
        )


def _optional(x: Tensor | None) -> Array | None:
    return None if x is None else _numpy(x)


def _numpy(x: Tensor) -> Array:
    array: Array = x.cpu().float().contiguous().numpy()
    return array

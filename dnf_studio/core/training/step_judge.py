"""By which draws fitted steps are chosen and kept: distances to validation draws (method.md, section 22)."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.distances import Distance, directions
from dnf_studio.core.evaluation.fresh import between_units, check_columns
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.training.step_loss import NUMBERS, distance_squared, latents_and_noise, sorted_means
from dnf_studio.errors import DataError, DivergenceError, check_interrupt

SETS, POINTS = 8, 8192
"""Pairs of sets that a schedule is kept by, and samples in each set."""
TIMES = 16
"""Draws for each sample, where the data has so many and `NUMBERS` allows it."""
BLOCK = 1024
"""Samples computed together."""


def seeded(seed: int, steps: int, purpose: int) -> torch.Generator:
    """A generator of its own for each purpose in the fit of one N."""
    return torch.Generator().manual_seed(_seed_of(seed, steps, purpose))


def _seed_of(seed: int, steps: int, purpose: int) -> int:
    return int(np.random.SeedSequence((seed, steps, purpose)).generate_state(1, np.uint64)[0] >> 1)


class Judge:
    """Distances to validation draws, which training and fitting do not see, and no evaluation either.

    All are of the same draws and of samples from the same noise, so that two differ by little but what they differ in.
    """

    def __init__(self, flow: GenerativeModel, dataset: Dataset, steps: int, seed: int, pool: BlockPool) -> None:
        check_columns(flow, dataset)
        self._flow, self._steps, self._seed, self._pool = flow, steps, seed, pool
        most = 2 * SETS * POINTS * max(1, min(TIMES, NUMBERS // (2 * SETS * POINTS * flow.dim)))
        own = _seed_of(seed, steps, 1)
        # Points that are drawn afresh are others for each seed; of recorded rows those to test on stay unseen
        x = dataset.fresh(most, own) if dataset.rows is None else dataset.validation(most, own)
        if x is None or len(x) < 2 * SETS:
            raise DataError(
                f"'{dataset.name}' has too few rows to validate on for a choice; steps cannot be fitted to it."
            )
        points = between_units(dataset.standardisation, flow.standardisation, x).cpu()
        points = points[torch.randperm(len(points), generator=seeded(seed, steps, 1))]
        self._lines = torch.from_numpy(directions(flow.dim).copy())
        self._points = min(POINTS, len(points) // (2 * SETS))
        times = len(points) // (2 * SETS * self._points)
        parts = points[: 2 * SETS * self._points * times].chunk(2 * SETS)
        self._data = [sorted_means(part, self._lines, self._points) for part in parts]

    def own(self) -> tuple[str, Distance]:
        """The best of the model's solvers that ask its networks no more often than fitted steps do."""
        flow, most = self._flow, self._flow.fitted
        assert most is not None
        found = {}
        for one in flow.solvers:
            if one.needs == "fitted" or one.evaluations(self._steps) > most.evaluations(self._steps):
                continue
            if (distance := self._measured(flow, one.name)) is not None:
                found[one.name] = distance
        if not found:
            raise DivergenceError(f"No solver of this model gives finite samples in {self._steps} steps.")
        name = min(found, key=lambda name: found[name].value)
        return name, found[name]

    def of_rows(self, rows: Tensor, network: nn.Module | None = None) -> Distance | None:
        """That of these fitted steps; None where they are none, or samples are not finite."""
        return self._measured(with_fitted(self._flow, {self._steps: (rows, network)}), "fitted")

    def _measured(self, flow: GenerativeModel, solver: str) -> Distance | None:
        settings = SampleSettings(self._steps, solver=solver)
        grid, generator = flow.grid_of(settings), seeded(self._seed, self._steps, 3)
        squares = []
        with torch.no_grad():
            carry = flow.sampler(grid, settings)
        for a, b in zip(self._data[::2], self._data[1::2], strict=True):
            check_interrupt()
            z, noise = latents_and_noise(self._points, flow.dim, self._steps, generator)

            def samples(rows: slice, z: Tensor = z, noise: Tensor = noise) -> Tensor:
                with torch.no_grad():
                    *_, x = carry(z[rows].to(grid.t), noise[:, rows].to(grid.t).__getitem__)
                    return x.cpu().float()

            x = torch.cat(self._pool.map(samples, [slice(k, k + BLOCK) for k in range(0, len(z), BLOCK)]))
            if not bool(x.isfinite().all()):
                return None
            squares.append(float(distance_squared(x, self._lines, a, b)))
        between = [(a - b).square().mean() for a, b in zip(self._data[::2], self._data[1::2], strict=True)]
        return Distance.of(squares, math.sqrt(float(torch.stack(between).mean())))


def better(after: Distance, before: Distance) -> bool:
    """Whether it is by more than the error of the difference, set by set."""
    gained = np.subtract(after.squares, before.squares)
    error = float(gained.std(ddof=1)) / math.sqrt(len(gained)) if len(gained) > 1 else 0.0
    return float(gained.mean()) + error < 0


def with_fitted(flow: GenerativeModel, found: Mapping[int, tuple[Tensor, nn.Module | None]]) -> GenerativeModel:
    """A copy of `flow` that has these fitted steps by their N, and their networks, beside those that it had."""
    own = copy.deepcopy(flow)
    for steps, (rows, network) in found.items():
        own.take_fitted(steps, rows, copy.deepcopy(network))
    return own

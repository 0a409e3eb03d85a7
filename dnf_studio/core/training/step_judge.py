"""By which draws fitted steps are chosen and kept: distances to validation draws (method.md, section 22)."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.evaluation.by_steps import drawn
from dnf_studio.core.evaluation.distances import Comparison, Distance, Projections
from dnf_studio.core.evaluation.fresh import between_units, check_columns
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.errors import DataError, DivergenceError, check_interrupt

SETS, POINTS = 5, 50_000
"""Sets of validation draws that a schedule is kept by, and points in each."""


class Judge:
    """Distances to validation draws, which training and fitting do not see, and no evaluation either."""

    def __init__(self, flow: GenerativeModel, dataset: Dataset, steps: int, seed: int) -> None:
        check_columns(flow, dataset)
        self._flow, self._steps = flow, steps
        self._seed = int(np.random.SeedSequence((seed, steps, 1)).generate_state(1, np.uint64)[0] >> 1)
        count = SETS * POINTS
        # Points that are drawn afresh are others for each seed; of recorded rows those to test on stay unseen
        x = dataset.fresh(count, self._seed) if dataset.rows is None else dataset.validation(count, self._seed)
        if x is None or len(x) < 2 * SETS:
            raise DataError(
                f"'{dataset.name}' has too few rows to validate on for a choice; steps cannot be fitted to it."
            )
        points = between_units(dataset.standardisation, flow.standardisation, x).cpu()
        mixed = points[torch.randperm(len(points), generator=torch.Generator().manual_seed(self._seed))].numpy()
        size = len(mixed) // SETS
        self._data = [Projections(mixed[k * size : (k + 1) * size]) for k in range(SETS)]
        self._size = size

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
        compared = Comparison()
        try:
            for k, data in enumerate(self._data):
                check_interrupt()
                samples = drawn(flow, self._size, self._steps, self._seed + k, solver)
                compared.add(Projections(samples), data)
        except DivergenceError:
            return None
        return compared.found()


def better(after: Distance, before: Distance) -> bool:
    """Whether it is by more than the error of the difference of both squares."""
    squares = [np.asarray(one.squares) for one in (after, before)]
    error = math.sqrt(sum(float(one.var(ddof=1)) / len(one) for one in squares)) if len(squares[0]) > 1 else 0.0
    return float(squares[0].mean() + error) < float(squares[1].mean())


def with_fitted(flow: GenerativeModel, found: Mapping[int, tuple[Tensor, nn.Module | None]]) -> GenerativeModel:
    """A copy of `flow` that has these fitted steps by their N, and their networks, beside those that it had."""
    own = copy.deepcopy(flow)
    for steps, (rows, network) in found.items():
        own.take_fitted(steps, rows, copy.deepcopy(network))
    return own

"""Faults to plant in a model whose score is live: what the guide "How to find what is wrong" finds again.

Each changes drift and score, or the grid, and nothing else: weights and data stay those of the sound model.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dnf_studio.core.exploration.fields import differentiated
from dnf_studio.core.models.diffflow import DiffFlow, FieldWithDivergence
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field

Fault = Callable[[Field, Field, TimeGrid], tuple[Field, Field]]


def scaled_score(factor: float, first: float, last: float) -> Fault:
    """The score times `factor` at the nodes with `first` ≤ t ≤ `last`."""

    def plant(drift: Field, score: Field, grid: TimeGrid) -> tuple[Field, Field]:
        wrong = ((grid.t >= first) & (grid.t <= last)).tolist()
        return drift, lambda i, x: score(i, x) * (factor if wrong[i] else 1.0)

    return plant


def ignored_mode(centre: tuple[float, ...], radius: float) -> Fault:
    """The drift times 1 − exp(−(r/`radius`)⁴), r being the distance to `centre` in model units: none at the mode."""

    def plant(drift: Field, score: Field, grid: TimeGrid) -> tuple[Field, Field]:
        middle = torch.tensor(centre).to(grid.t)

        def blind(i: int, x: Tensor) -> Tensor:
            far = (x - middle).square().sum(-1, keepdim=True) / radius**2
            return drift(i, x) * -torch.expm1(-far.square())

        return blind, score

    return plant


def long_step(grid: TimeGrid, first: int, last: int) -> TimeGrid:
    """`grid` without the nodes between `first` and `last`: one step leads from the one to the other."""
    kept = [i for i in range(grid.steps + 1) if not first < i < last]
    return TimeGrid(grid.t[kept], grid.g[kept], grid.condition[kept])


def with_long_step(sound: DiffFlow, first: int, last: int) -> DiffFlow:
    """A model with the networks of `sound` whose own grid is that of `long_step`; a checkpoint can hold it."""
    grid = long_step(sound.grid(), first, last)
    way = ((grid.t - grid.t[0]) / (grid.t[-1] - grid.t[0])).double().tolist()
    config = sound.config.changed({"sde.steps": grid.steps, "sde.grid": [0.0, *way[1:-1], 1.0]})
    flow = DiffFlow(sound.dim, config, sound.standardisation)
    flow.drift.load_state_dict(sound.drift.state_dict())
    flow.score.load_state_dict(sound.score.state_dict())
    return flow


class PlantedFlow(DiffFlow):
    """A copy of a sound model with a fault in its fields, for the window and every analysis."""

    def __init__(self, sound: DiffFlow, fault: Fault) -> None:
        super().__init__(sound.dim, sound.config, sound.standardisation)
        self.load_state_dict(sound.state_dict())
        self.fault = fault

    def fields(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        return self.fault(*super().fields(grid, hidden), grid)

    def fields_with_divergence(
        self, grid: TimeGrid, _hidden: torch.dtype | None = None
    ) -> tuple[FieldWithDivergence, FieldWithDivergence]:
        with torch.enable_grad():
            drift, score = self.fields(grid)
        exact = differentiated(drift), differentiated(score)
        return lambda i, x, _signs=None: exact[0](i, x), lambda i, x, _signs=None: exact[1](i, x)

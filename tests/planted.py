"""Faults to plant in a model whose score is live: what the guide "How to find what is wrong" finds again.

Each changes drift and score, or the grid, and nothing else: weights and data stay those of the sound model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling.model import FieldWithDivergence
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field

Factor = Callable[[int, Tensor], tuple[Tensor, Tensor]]
"""(node, x (B, D)) -> what a field is multiplied by (B,), and its gradient (B, D)."""


@dataclass(frozen=True)
class Fault:
    """A field that is multiplied by what it should not be."""

    field: Literal["drift", "score"]
    factor: Callable[[TimeGrid], Factor]

    def __call__(self, drift: Field, score: Field, grid: TimeGrid) -> tuple[Field, Field]:
        """Drift and score with the fault."""
        factor, right = self.factor(grid), drift if self.field == "drift" else score

        def wrong(i: int, x: Tensor) -> Tensor:
            return right(i, x) * factor(i, x)[0][:, None]

        return (wrong, score) if self.field == "drift" else (drift, wrong)

    def with_divergence(
        self, drift: FieldWithDivergence, score: FieldWithDivergence, grid: TimeGrid
    ) -> tuple[FieldWithDivergence, FieldWithDivergence]:
        """The same of fields that come with their divergence: ∇·(a v) = a ∇·v + ⟨∇a, v⟩."""
        factor, right = self.factor(grid), drift if self.field == "drift" else score

        def wrong(i: int, x: Tensor, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            (value, divergence), (by, slope) = right(i, x, signs), factor(i, x)
            return by[:, None] * value, by * divergence + (slope * value).sum(-1)

        return (wrong, score) if self.field == "drift" else (drift, wrong)


def scaled_score(factor: float, first: float, last: float) -> Fault:
    """The score times `factor` at the nodes with `first` ≤ t ≤ `last`."""

    def factors(grid: TimeGrid) -> Factor:
        wrong = ((grid.t >= first) & (grid.t <= last)).tolist()
        return lambda i, x: (torch.full_like(x[:, 0], factor if wrong[i] else 1.0), torch.zeros_like(x))

    return Fault("score", factors)


def ignored_mode(centre: tuple[float, ...], radius: float) -> Fault:
    """The drift times 1 − exp(−(r/`radius`)⁴), r being the distance to `centre` in model units: none at the mode."""

    def factors(grid: TimeGrid) -> Factor:
        middle = torch.tensor(centre).to(grid.t)

        def blind(_i: int, x: Tensor) -> tuple[Tensor, Tensor]:
            away = (x - middle) / radius
            far = away.square().sum(-1)
            slope = 4 / radius * (far * torch.exp(-far.square()))[:, None] * away
            return -torch.expm1(-far.square()), slope

        return blind

    return Fault("drift", factors)


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
        return self.fault.with_divergence(*super().fields_with_divergence(grid), grid)

"""How samples are drawn, checked before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np

from dnf_studio.config.grids import GridKind, check_grid
from dnf_studio.config.solvers import WITHOUT_NOISE, Solver
from dnf_studio.core.sde.grid import check_steps
from dnf_studio.core.sde.paths import LastStep, check_last_step, check_level
from dnf_studio.errors import SettingError

__all__ = ["SampleSettings", "check_count"]

MOST_SAMPLES = 10**10

MOST_LANGEVIN = 1000


@dataclass(frozen=True)
class SampleSettings:
    """How to go from noise to data; raises `SettingError` for a value that cannot be."""

    steps: int | None = None
    """N; None is the model's own."""
    lam: float = 1.0
    """λ of (17), 0 … 2: 1 is the backward SDE, 0 the probability-flow ODE."""
    last: LastStep = "mean"
    grid: GridKind | None = None
    """Time grid by its name or its nodes; None is the model's own."""
    seed: int = 0
    solver: Solver | None = None
    """``ode`` is λ = 0, Euler's method on the grid; None is the model's own."""
    langevin: int = 0
    """Langevin corrector steps at t_1, the earliest time whose score is trained, before the last step to t_0."""

    def __post_init__(self) -> None:
        if self.steps is not None:
            check_steps(whole_number("number of steps N", self.steps))
        check_level(self.lam)
        if whole_number("seed", self.seed) < 0:
            raise SettingError(f"The seed must not be negative, and it is {self.seed}.")
        if not 0 <= whole_number("number of Langevin steps", self.langevin) <= MOST_LANGEVIN:
            raise SettingError(
                f"The number of Langevin steps must be between 0 and {MOST_LANGEVIN:,}, not {self.langevin}."
            )
        check_last_step(self.last)
        known = get_args(Solver)
        if self.solver is not None and self.solver not in known:
            raise SettingError(f"The solver '{self.solver}' is not one of {', '.join(known[:-1])} and {known[-1]}.")
        if self.grid is not None:
            object.__setattr__(self, "grid", check_grid(self.grid))

    @property
    def level(self) -> float:
        """The λ that is used."""
        return 0.0 if self.solver in WITHOUT_NOISE else float(self.lam)


def check_count(count: object) -> int:
    """`count` as an int; raises `SettingError` where no so many samples can be drawn."""
    number = whole_number("number of samples", count)
    if not 1 <= number <= MOST_SAMPLES:
        raise SettingError(f"The number of samples must be between 1 and {MOST_SAMPLES:,}, not {number}.")
    return number


def whole_number(name: str, value: object) -> int:
    """`value` as an int, NumPy's integers too; raises `SettingError` where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise SettingError(f"The {name} must be a whole number, not {value!r}.")
    return int(value)

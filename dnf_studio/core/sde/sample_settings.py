"""How points go from noise to data, as one value that is checked when it is made.

Window, views, exports, lab, command line and model methods hand this value on and copy nothing out of it. It is made
before torch is loaded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from numbers import Integral
from typing import Literal, Self, get_args

from dnf_studio.config.grids import GridKind, check_grid, check_steps
from dnf_studio.core.sde.solvers import LastStep, Parts, solver_named
from dnf_studio.errors import SettingError

Direction = Literal["forward", "backward"]
"""One of the two processes."""
WAYS: tuple[Direction, ...] = "forward", "backward"
Start = Literal["noise", "forward"]
"""Where backward paths beside forward ones begin. ``noise``: latents of their own, so that points of the same number
share nothing; ``forward``: where the forward path of the same point ends, so that the two are one round trip."""
STARTS: dict[str, str] = {"noise": "fresh noise", "forward": "the forward ends"}
"""The starts in words, as they follow “the backward process starts from”."""
DISPLAY_SEED = 0
"""By which the points of the views are taken from the data; their noise and latents have `SampleSettings.seed`."""
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
    solver: str | None = None
    """The name of a solver (`core.sde.solvers`); None is the model's own."""
    langevin: int = 0
    """Langevin corrector steps at t_1, the earliest time whose score is trained, before the last step to t_0."""
    # Comparisons draw their data by a seed made of the text of this value (`evaluation.fresh.own_seed`), in which
    # what only the views can choose is left out
    parts: Parts = field(default="both", repr=False)
    """What the backward process of a view keeps: ``both`` fields, the ``drift`` alone or the ``score`` alone."""
    start: Start = field(default="noise", repr=False)
    """Where the backward process of a view begins."""

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
        if self.parts not in get_args(Parts):
            raise SettingError(f"The backward process can have both parts, drift or score, not {self.parts!r}.")
        if self.start not in get_args(Start):
            raise SettingError(f"The backward process starts from noise or forward, not {self.start!r}.")
        if self.solver is not None:
            solver_named(self.solver)
        if self.grid is not None:
            object.__setattr__(self, "grid", check_grid(self.grid))

    @property
    def level(self) -> float:
        """The λ that is used: 0 for a solver that draws no noise."""
        return float(self.lam) if self.solver is None or solver_named(self.solver).noise else 0.0

    def asked(self) -> Self:
        """These settings, as a person asks for them; raises `UnsupportedError` for a λ that the named solver has not.

        Views let it be: there λ is kept while solvers come and go.
        """
        if self.solver is not None:
            solver_named(self.solver).check_level(self.lam)
        return self


def check_level(lam: object) -> None:
    """Raise `SettingError` where `lam` is no noise level λ of (17)."""
    try:
        level = float(lam)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        level = math.nan
    if isinstance(lam, str) or not 0 <= level <= 2:
        shown = repr(lam) if isinstance(lam, str) else lam
        raise SettingError(f"The noise level λ must be a number between 0 and 2, not {shown}.")


def check_last_step(last: object) -> None:
    """Raise `SettingError` where `last` is no `LastStep`."""
    if last not in get_args(LastStep):
        raise SettingError(f"The last step is either mean or noise, not {last!r}.")


def check_count(count: object) -> int:
    """`count` as an int; raises `SettingError` where no so many samples can be drawn."""
    number = whole_number("number of samples", count)
    if not 1 <= number <= MOST_SAMPLES:
        raise SettingError(f"The number of samples must be between 1 and {MOST_SAMPLES:,}, not {number}.")
    return number


def whole_number(name: str, value: object) -> int:
    """`value` as an int, NumPy's integers too; raises `SettingError` where it is none."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise SettingError(f"The {name} must be a whole number, not {value!r}.")
    return int(value)


def step_numbers(steps: object) -> tuple[int, ...]:
    """One N, or several, as ints; raises `SettingError` for what is no number of steps."""
    given = [*steps] if isinstance(steps, Iterable) and not isinstance(steps, str) else [steps]
    return tuple(check_steps(whole_number("number of steps N", one)) for one in given)


AS_VIEWED = SampleSettings(last="noise")
"""How the views begin: as the chain that the bound is of, its last step with noise."""

"""What is compared with what, and how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from dnf_studio.errors import SettingError, UnknownNameError

__all__ = ["FULL", "MODELS", "QUICK", "SETS", "TABLES", "TABLE_MODELS", "Cell", "Plan"]

SETS = ("rings", "four-rings", "tree", "carpet", "checkerboard", "2spirals")
MODELS = ("diffflow", "diffusion", "flow")
TABLES = ("wine", "breast-cancer", "digits")
TABLE_MODELS = ("gaussian", "mixture", "diffflow", "flow", "spline")
"""A fitted Gaussian and a mixture, which the others have to beat: DiffFlow, FFJORD and a neural spline flow."""
MOST_SEEDS = 100


@dataclass(frozen=True)
class Cell:
    """One model on one set, from one training seed."""

    data: str
    model: str
    seed: int

    @property
    def name(self) -> str:
        """As its files are called."""
        return f"{self.model}-{self.data}-{self.seed}"


@dataclass(frozen=True)
class Plan:
    """What a reproduction does; another plan needs another folder."""

    seconds: float
    """Training time of each model; on tables early stopping may end it sooner."""
    seeds: int
    """Training seeds, the pairs of which intervals are made (method.md, section 15)."""
    points: int
    """Samples and fresh points in each distance."""
    draws: int
    """Sampling seeds a distance is the mean of."""
    sets: tuple[str, ...] = SETS
    tables: tuple[str, ...] = TABLES
    steps: tuple[int, ...] = (5, 10, 20, 50, 100)

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 10**6:
            raise SettingError(f"Each model is trained for between 0 and 1,000,000 seconds, not {self.seconds:g}.")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise SettingError(f"Each model is trained from between 1 and {MOST_SEEDS} seeds, not {self.seeds}.")
        for name in (*self.sets, *self.tables):
            if name not in (*SETS, *TABLES):
                raise UnknownNameError("data set of the comparison", name, (*SETS, *TABLES))

    def changed(self, names: Sequence[str] | None, seconds: float | None = None, seeds: int | None = None) -> Plan:
        """The same for other sets and tables, another time or other seeds."""
        chosen = (*self.sets, *self.tables) if names is None else tuple(dict.fromkeys(names))
        return replace(
            self,
            sets=tuple(name for name in chosen if name not in TABLES),
            tables=tuple(name for name in chosen if name in TABLES),
            seconds=self.seconds if seconds is None else seconds,
            seeds=self.seeds if seeds is None else seeds,
        )

    def cells(self) -> tuple[Cell, ...]:
        """All models, so that after each seed there is something to report of every set and table."""
        kinds = ((self.sets, MODELS), (self.tables, TABLE_MODELS))
        return tuple(
            Cell(data, model, seed)
            for seed in range(self.seeds)
            for names, models in kinds
            for data in names
            for model in models
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


FULL = Plan(seconds=300.0, seeds=3, points=200_000, draws=5)
QUICK = Plan(seconds=10.0, seeds=1, points=20_000, draws=2)

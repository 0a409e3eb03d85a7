"""What is compared with what, and how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from dnf_studio.errors import SettingError, UnknownNameError

__all__ = ["FULL", "MODELS", "QUICK", "SETS", "Cell", "Plan"]

SETS = ("rings", "four-rings", "tree", "carpet", "checkerboard", "2spirals")
MODELS = ("diffflow", "diffusion", "flow")


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
    """Training time of each model."""
    seeds: int
    """Training seeds, the pairs of which intervals are made (METHOD 8)."""
    points: int
    """Samples and fresh points in each distance."""
    draws: int
    """Sampling seeds a distance is the mean of."""
    sets: tuple[str, ...] = SETS
    steps: tuple[int, ...] = (5, 10, 20, 50, 100)

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 10**6:
            raise SettingError(f"Each model is trained for between 0 and 1,000,000 seconds, not {self.seconds:g}.")
        for name in self.sets:
            if name not in SETS:
                raise UnknownNameError("data set of the comparison", name, SETS)

    def changed(self, sets: Sequence[str] | None, seconds: float | None) -> Plan:
        """The same for other sets or another time."""
        chosen = self.sets if sets is None else tuple(dict.fromkeys(sets))
        return replace(self, sets=chosen, seconds=self.seconds if seconds is None else seconds)

    def cells(self) -> tuple[Cell, ...]:
        """All models, so that after each seed there is something to report of every set."""
        return tuple(Cell(data, model, seed) for seed in range(self.seeds) for data in self.sets for model in MODELS)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


FULL = Plan(seconds=300.0, seeds=3, points=200_000, draws=5)
QUICK = Plan(seconds=10.0, seeds=1, points=20_000, draws=2)

"""What is compared with what, and how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, get_args

from dnf_studio.config import Config
from dnf_studio.config.grids import check_fitted, check_steps
from dnf_studio.config.model_kinds import ModelName
from dnf_studio.errors import SettingError, UnknownNameError

SETS = ("rings", "four-rings", "tree", "carpet", "checkerboard", "2spirals")
HARDER = ("rings-sharp", "carpet-fine", "spiral-lattice", "rings-3d", "gaussians-8d")
"""Sets for which few steps are not enough; only where they are named."""
TABLES = ("wine", "breast-cancer", "digits")
TABLE_MODELS = ("gaussian", "mixture", "diffflow", "flow", "spline")
"""A fitted Gaussian and a mixture, which the others have to beat: DiffFlow, FFJORD and a neural spline flow."""
MOST_SEEDS = 100
WORDS = {"diffflow": "DiffFlow", "diffusion": "diffusion", "flow": "flow (FFJORD)", "matching": "flow matching"}


@dataclass(frozen=True)
class Arm:
    """One of the models that are compared on the sets: a name, what it is called, and how its settings differ."""

    name: str
    words: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Dotted settings, the kind of model among them; all else has the defaults of that kind."""

    def config(self, more: Mapping[str, Any]) -> Config:
        """Its settings, and `more`."""
        return Config.create({"model": self.changes["model"]}).changed({**self.changes, **more})


OTHERS = (Arm("frozen", "DiffFlow, frozen drift", {"model": "diffflow", "network.drift": "frozen"}),)
"""Variants of a kind of model, a line each."""
ARMS: Mapping[str, Arm] = {
    arm.name: arm
    for arm in (*(Arm(name, WORDS.get(name, name), {"model": name}) for name in get_args(ModelName)), *OTHERS)
}
"""By name: every kind of model that is built in with its defaults, and `OTHERS`."""
MODELS = tuple(ARMS)


@dataclass(frozen=True)
class Cell:
    """One model on one set, from one training seed."""

    data: str
    model: str
    """The name of one of `ARMS`, on a table one of `TABLE_MODELS`."""
    seed: int

    @property
    def name(self) -> str:
        """As its files are called."""
        return f"{self.model}-{self.data}-{self.seed}"


@dataclass(frozen=True)
class Plan:
    """What a reproduction does; another plan needs another folder."""

    seconds: float
    """Training time of each model, of one thread on a processor; on tables early stopping may end it sooner."""
    seeds: int
    """Training seeds, the pairs of which intervals are made (method.md, section 15)."""
    points: int
    """Samples and fresh points in each set of a distance."""
    draws: int
    """Sets of samples, and of fresh points, a distance is made of."""
    sets: tuple[str, ...] = SETS
    tables: tuple[str, ...] = TABLES
    steps: tuple[int, ...] = (5, 7, 10, 14, 20, 30, 50)
    arms: tuple[str, ...] = MODELS
    trials: int = 0
    """Trials of settings that each model had before, on validation data; 0 where all have their defaults."""
    fit: tuple[int, ...] = ()
    """Numbers of steps that each trained model on the sets gets fitted steps for, with a network of their own."""

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 10**6:
            raise SettingError(f"Each model is trained for between 0 and 1,000,000 seconds, not {self.seconds:g}.")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise SettingError(f"Each model is trained from between 1 and {MOST_SEEDS} seeds, not {self.seeds}.")
        if min(self.points, self.draws) < 1 or self.trials < 0:
            raise SettingError("A comparison needs at least one point and one set, and no fewer than 0 trials.")
        if not self.steps:
            raise SettingError("A comparison needs a number of steps.")
        for n in self.steps:
            check_steps(n)
        if not set(self.fit) <= set(self.steps):
            raise SettingError("Steps are fitted for numbers that are compared; name them in --steps, too.")
        for n in self.fit:
            check_fitted(n)
        for name in (*self.sets, *self.tables):
            if name not in (*SETS, *HARDER, *TABLES):
                raise UnknownNameError("data set of the comparison", name, (*SETS, *HARDER, *TABLES))
        for name in self.arms:
            if name not in ARMS:
                raise UnknownNameError("model of the comparison", name, ARMS)

    def changed(
        self, names: Sequence[str] | None, seconds: float | None = None, seeds: int | None = None, **more: object
    ) -> Plan:
        """The same for other sets and tables, another time or other seeds; `more` are other fields, unless None."""
        chosen = (*self.sets, *self.tables) if names is None else tuple(dict.fromkeys(names))
        given = {name: value for name, value in more.items() if value is not None}
        changes: dict[str, Any] = {
            **given,
            "sets": tuple(name for name in chosen if name not in TABLES),
            "tables": tuple(name for name in chosen if name in TABLES),
            "seconds": self.seconds if seconds is None else seconds,
            "seeds": self.seeds if seeds is None else seeds,
        }
        return replace(self, **changes)

    def cells(self) -> tuple[Cell, ...]:
        """All models, so that after each seed there is something to report of every set and table."""
        kinds = ((self.sets, self.arms), (self.tables, TABLE_MODELS))
        return tuple(
            Cell(data, model, seed)
            for seed in range(self.seeds)
            for names, models in kinds
            for data in names
            for model in models
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the settings of each of the models."""
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        if not self.fit:
            # As a folder of before there was such a fit has it
            del values["fit"]
        return values | {"arms": {name: dict(ARMS[name].changes) for name in self.arms}}


FULL = Plan(seconds=120.0, seeds=3, points=200_000, draws=5)
QUICK = Plan(seconds=10.0, seeds=1, points=20_000, draws=5, steps=(5, 10, 20, 50))

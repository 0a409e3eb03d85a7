"""What all models of a person's own callables share: units, grids, checks, and what is said of them in files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.config.grids import LEVEL_GRIDS, NO_LEVELS, GridKind
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.wrapped.called import Called
from dnf_studio.core.sde.grid import TimeGrid, make_grid, regrid
from dnf_studio.core.sde.solvers import missing_grids
from dnf_studio.errors import SettingError, UnsupportedError

UNKNOWN = "unknown"
"""The data of a model that does not say what it was trained on."""
Units = float | Sequence[float]
"""A number for each component, or one for all."""


class OwnUnits(Standardisation):
    """A standardisation that is meant even where it changes nothing.

    Equal to none of a data set, so that a model of mean 0 and scale 1 is given data in its own units, not standardised
    data, as a model is that says nothing of its units.
    """


class WrappedModel(GenerativeModel):
    """A model of callables that are a person's own: shown, sampled and measured like any other, but never trained.

    Between the studio and the callables stands `Called`.
    """

    unsaved = (
        "A model of your own callables cannot be saved as a checkpoint, which holds weights and settings of the studio "
        "but no program; save its network as you always do and wrap it again, or export its samples."
    )

    @property
    def words(self) -> str:
        return "wrapped model"

    @classmethod
    def networks_of(cls, config: Config) -> tuple[str, ...]:
        """None: nothing is made of settings."""
        return ()

    def take(self, adapter: Mapping[str, Any], times: Sequence[float]) -> None:
        """Note the `adapter`, go to the device of the callables and try these at `times`, as they are told them.

        What has no derivative by x is noted in `lacks`. Raises `SettingError` for what cannot be called.
        """
        self.adapter = adapter
        devices = {one.weight.device for one in self.calls if one.weight is not None}
        if len(devices) > 1:
            names = " and ".join(str(device) for device in sorted(devices, key=str))
            raise SettingError(f"The callables of one model must be on one device, not on {names}.")
        for device in devices:
            self.to(device)
        for one in self.calls:
            one.probe(times)
        if why := next((one.no_derivative for one in self.calls if one.no_derivative), ""):
            self.lacks = {**self.lacks, "divergence": why}
        self.eval()

    @property
    def calls(self) -> tuple[Called, ...]:
        """Its callables."""
        own = dict(self.named_children())
        return tuple(one for name in self.networks if isinstance(one := own[name], Called))

    def evaluations(self, steps: int, solver: str | None = None) -> int:
        return len(self.networks) * self.checked_solver(solver).evaluations(steps)

    @property
    def device(self) -> torch.device:
        """That of the callables' weights, else of the time grid."""
        return self.timestamps.device

    def grid(self, steps: int | None = None, kind: GridKind | None = None) -> TimeGrid:
        """Its own grid, or one with another N or of another kind over the same times.

        Where its nodes follow no formula another N interpolates them; what depends on t is exact at every one.
        """
        if kind in missing_grids(self.solvers):
            raise UnsupportedError(NO_LEVELS)
        own = TimeGrid(self.timestamps, self.diffusion, self.condition)
        if kind is None and steps in (None, own.steps):
            return own
        count = own.steps if steps is None else steps
        if kind is None:
            kind = self.config.sde.grid if self.formula_grid else None
        if kind is None:
            times = self.between(own, count)
        elif kind in LEVEL_GRIDS:
            times = self.level_times(str(kind), count)
        else:
            times = make_grid(self.config.sde, count, kind).t.tolist()
        # The ends are those of its own grid to the last digit, which that has lost by rounding
        first, last = float(self.timestamps[0]), float(self.timestamps[-1])
        return self.grid_at([first, *(min(max(t, first), last) for t in times[1:-1]), last])

    def between(self, own: TimeGrid, steps: int) -> list[float]:
        """The times of N = `steps` on a grid without a formula."""
        times: list[float] = regrid(own, steps).t.tolist()
        return times

    def level_times(self, kind: str, steps: int) -> list[float]:
        """The times of a grid that follows the noise levels."""
        raise UnsupportedError(NO_LEVELS)


def units_of(dim: int, mean: Units, scale: Units, first: float = 1.0) -> OwnUnits:
    """From a state at t_0, which is `first` times what the callables take for data, to data units.

    Raises `SettingError` for other numbers than one a component.
    """
    values = []
    for name, given in (("mean", mean), ("scale", scale)):
        try:
            row = np.broadcast_to(np.asarray(given, np.float64), (dim,))
        except (TypeError, ValueError):
            row = np.full(dim, np.nan)
        if not np.isfinite(row).all() or (name == "scale" and not (row > 0).all()):
            above = " above 0" if name == "scale" else ""
            raise SettingError(f"The {name} must be a finite number{above}, or {dim} of them, one for each component.")
        values.append(row)
    return OwnUnits(tuple(values[0].tolist()), tuple((values[1] / first).tolist()))


def checked_dim(dim: object) -> int:
    """`dim` as a number of components; raises `SettingError` where it is none."""
    if isinstance(dim, bool) or not isinstance(dim, int | np.integer) or not 1 <= dim <= 10_000:
        raise SettingError(f"The dimension dim must be a whole number between 1 and 10,000, not {dim!r:.50}.")
    return int(dim)


def checked_number(name: str, value: object, low: float = 0.0, high: float = math.inf) -> float:
    """`value` as a number between `low` and `high`; raises `SettingError` where it is none."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        number = math.nan
    if not low < number < high:
        above = f"above {low:g}" if high == math.inf else f"between {low:g} and {high:g}"
        raise SettingError(f"The {name} must be a number {above}, not {value!r:.50}.")
    return number


def tensor_of(values: Sequence[float]) -> Tensor:
    """Float64, on the processor."""
    return torch.tensor(values, dtype=torch.float64)

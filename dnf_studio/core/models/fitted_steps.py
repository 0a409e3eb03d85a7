"""A model's own fitted steps: their numbers, and for some a network of their own, as its state dict holds them."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

from torch import Tensor, nn

from dnf_studio.config import Config
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.solvers import Solver
from dnf_studio.core.sde.solvers.fitted import nodes_of
from dnf_studio.errors import UnsupportedError


class WithFittedSteps(nn.Module):
    """What a model has of steps that `core.training.step_fit` fitted for single N (method.md, section 22)."""

    fitted: ClassVar[Solver | None] = None
    """The solver that takes steps fitted to such a model (`core.sde.solvers.fitted`); None where none can be."""
    fitted_steps: tuple[int, ...] = ()
    """The numbers of steps that it has fitted steps for, rising."""
    config: Config
    timestamps: Tensor

    @classmethod
    @abstractmethod
    def networks_of(cls, config: Config) -> tuple[str, ...]:
        """The names of the networks that a model of these settings has."""

    @abstractmethod
    def grid_at(self, times: Sequence[float]) -> TimeGrid:
        """Nodes at the given rising times."""

    @abstractmethod
    def with_deviations(self, grid: TimeGrid) -> TimeGrid:
        """`grid` with the backward deviations that the model has there."""

    @property
    def last_network(self) -> nn.Module:
        """The one that fitted steps may have a copy of: the score's, the noise's of a diffusion model, else the only
        one."""
        return self.get_submodule(self.networks_of(self.config)[-1])

    @property
    def fitted_networks(self) -> tuple[int, ...]:
        """The numbers of steps whose fitted steps have a network of their own, rising."""
        return tuple(steps for steps in self.fitted_steps if fitted_network_name(steps) in self._modules)

    def take_fitted(self, steps: int, rows: Tensor, network: nn.Module | None = None) -> None:
        """Have these fitted steps for N = `steps` (`core.sde.solvers.fitted`), in the place of those that it had.

        With a `network` they ask that one where the model asks its `last_network`.
        """
        self.register_buffer(fitted_name(steps), rows.to(self.timestamps))
        self._modules.pop(fitted_network_name(steps), None)
        if network is not None:
            self.add_module(fitted_network_name(steps), network)
        self.fitted_steps = tuple(sorted({*self.fitted_steps, steps}))

    def fitted_rows(self, steps: int) -> Tensor:
        """The numbers of its fitted steps for N = `steps`; raises `UnsupportedError` where it has none."""
        if steps not in self.fitted_steps:
            known = " and ".join(map(str, self.fitted_steps)) or "no number of steps"
            raise UnsupportedError(f"This model has fitted steps for N = {known}, and none for {steps}.")
        rows: Tensor = getattr(self, fitted_name(steps))
        return rows

    def fitted_grid(self, steps: int | None = None) -> TimeGrid:
        """The times of its fitted steps for N = `steps`, its own number unless given."""
        count = len(self.timestamps) - 1 if steps is None else steps
        times = nodes_of(self.fitted_rows(count), count, self.timestamps[0])
        return self.with_deviations(self.grid_at(times.flip(0).tolist()))

    def as_fitted(self, steps: int) -> Self:
        """The model with the network of its fitted steps for N = `steps` in place; itself where these have none."""
        network = self._modules.get(fitted_network_name(steps))
        if network is None:
            return self
        own = copy.copy(self)
        own._modules = {**self._modules, self.networks_of(self.config)[-1]: network}
        return own


def fitted_name(steps: int) -> str:
    """The name of the buffer that holds the fitted steps for N = `steps`."""
    return f"fitted_{steps}"


def fitted_network_name(steps: int) -> str:
    """The name of the module that is the network of the fitted steps for N = `steps`, where they have their own."""
    return f"fitted_{steps}_network"

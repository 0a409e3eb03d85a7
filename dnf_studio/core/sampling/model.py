"""What samplers and likelihoods ask of a model; `core.models.base` has the rest that every model can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.config.grids import GridKind
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import Field, Sampler, minus_log_prior
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.sde.solvers import FITTED, Chain, Solver
from dnf_studio.errors import Check, DataError, UnsupportedError

Ability = Literal["noise", "score", "bound", "divergence"]
"""What only some models have: noise on their paths, a score beside the drift, a bound on the NLL by steps, derivatives
by x, on which all densities of the ODE stand."""
NOTHING: Mapping[Ability, str] = MappingProxyType({})
"""What a model lacks that can do everything."""


class FieldWithDivergence(Protocol):
    """A field that also tells its divergence."""

    def __call__(self, node: int, x: Tensor, signs: Tensor | None = None, /) -> tuple[Tensor, Tensor]:
        """Value (B, D) and divergence (B,) at a node and states x (B, D).

        The divergence is exact, or with random `signs` ε (B, D) Hutchinson's unbiased estimate εᵀ (∂value/∂x) ε,
        which costs one derivative instead of D.
        """
        ...


@dataclass(frozen=True, eq=False)
class ProbabilityFlow:
    """The probability-flow ODE as dy/dt at some times, for states y = x/a with a scale a(t) that a model may choose.

    A diffusion model's ODE is stiff in x and smooth in x/a; other models have a = 1.
    """

    times: tuple[float, ...]
    """Increasing or not: whoever asks has its own order."""
    scale: tuple[float, ...]
    """a at each of `times`."""
    rate: FieldWithDivergence
    """dy/dt (B, D) and its divergence (B,) with respect to y, at the k-th of `times` and states y (B, D)."""

    def step(self, first: int, state: tuple[Tensor, Tensor], signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One step of the classical Runge–Kutta method, of order 4, over three times: begin, middle and end.

        `first` is the index of the first of them; `state` is y (B, D) and the integral of the divergence so far (B,).
        """
        y, change = state
        length = self.times[first + 2] - self.times[first]
        v1, d1 = self.rate(first, y, signs)
        v2, d2 = self.rate(first + 1, y + v1 * (length / 2), signs)
        v3, d3 = self.rate(first + 1, y + v2 * (length / 2), signs)
        v4, d4 = self.rate(first + 2, y + v3 * length, signs)
        y = y + (v1 + 2 * (v2 + v3) + v4) * (length / 6)
        return y, change + (d1 + 2 * (d2 + d3) + d4) * (length / 6)


Carry = Literal["forward", "ahead", "backward", "whole"]
"""What is computed of points that are carried through a model: a method of `exploration.display_set.PathSimulator`."""

CarriedPoints = tuple[TimeGrid, SampleSettings, Tensor, Tensor]
"""Grid, settings, points (B, D) and noise (N, B, D)."""
CarriedPath = tuple[TimeGrid, Tensor, Sequence[float], Sequence[int]]
"""Grid, path (N+1, B, D), times and nodes."""


class Elsewhere(Protocol):
    """Whoever steps points through a model whose callables are in another process, in one question for all steps.

    Each returns None for what has to be stepped here. `check` is called now and then and raises to leave.
    """

    def carried(self, flow: Model, way: Carry, given: CarriedPoints, check: Check) -> Mapping[str, NDArray[Any]] | None:
        """What `PathSimulator` tells there, array by array."""
        ...

    def log_density(self, flow: Model, given: CarriedPath, signs: Tensor | None, check: Check) -> Tensor | None:
        """What `log_density_at_nodes` tells there."""
        ...


class Model(ABC):
    """A process between data and noise that can be sampled and whose likelihood can be computed.

    Model units are standardised data; `standardisation` leads to data units and back. What a model cannot do raises
    `UnsupportedError` with the sentence of `lacks`.
    """

    solvers: tuple[Solver, ...]
    """Solvers of the model, its own choice first: those for what it is (`core.sde.solvers.solvers_for`)."""
    lacks: Mapping[Ability, str] = NOTHING
    """Abilities that the model does not have, and why in one sentence."""
    root_time: bool = False
    """Whether the ODE is solved in √t: from a t_0 of next to nothing v grows as 1/t, and what a network in float32
    rounds would be multiplied by a first step that is long against t_0."""
    elsewhere: Elsewhere | None = None
    """Who steps points through it where its callables are in another process; None where they are here."""
    dim: int
    """D."""
    config: Config
    standardisation: Standardisation
    timestamps: Tensor
    """The times (N+1,) of its own grid, of the model's type and on its device."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Device of the parameters."""

    @property
    @abstractmethod
    def kept_numbers(self) -> int:
        """About how many numbers autograd keeps of one evaluation of all its networks at one point."""

    @abstractmethod
    def grid(self, steps: int | None = None, kind: GridKind | None = None) -> TimeGrid:
        """The grid it was trained on, or one with another N or of another kind over the same times."""

    @abstractmethod
    def grid_at(self, times: Sequence[float]) -> TimeGrid:
        """Times anywhere between t_0 and t_N, in any order, with g and the networks' time input there."""

    @abstractmethod
    def fields(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        """Drift and score as functions of node and state, their time embeddings computed once.

        Differentiable where gradients are enabled, the faster kernels where they are not; those
        may have hidden layers of another type. The score of a model without one is 0.
        """

    @abstractmethod
    def fields_with_divergence(
        self, grid: TimeGrid, hidden: torch.dtype | None = None
    ) -> tuple[FieldWithDivergence, FieldWithDivergence]:
        """Drift and score, each with its exact divergence, by the fast kernels; nothing goes back through them.

        `hidden` is as in `fields`.
        """

    @abstractmethod
    def velocity(self) -> Callable[[Tensor, Tensor], Tensor]:
        """dx/dt (B, D) of the deterministic flow from data to noise, as a function of t, a scalar, and x (B, D)."""

    def probability_flow(self, times: Sequence[float]) -> ProbabilityFlow:
        """dx/dt = f − ½ g² s at these times, by the fast kernels; nothing goes back through it."""
        grid = self.grid_at(times)
        drift, score = self.fields_with_divergence(grid)
        weight = (0.5 * grid.g.square()).tolist()

        def rate(k: int, x: Tensor, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
            (f, div_f), (s, div_s) = drift(k, x, signs), score(k, x, signs)
            return f - weight[k] * s, div_f - weight[k] * div_s

        return ProbabilityFlow(tuple(map(float, times)), (1.0,) * len(times), rate)

    def checked_solver(self, name: str | None) -> Solver:
        """Its solver of this name, its own choice for None; raises `UnsupportedError` for one that it has not."""
        for solver in self.solvers:
            if name in (None, solver.name):
                return solver
        if name == FITTED.name:
            raise UnsupportedError("This model has no fitted steps; the verb 'fit-steps' fits some for a few N.")
        known = " or ".join(solver.name for solver in self.solvers)
        raise UnsupportedError(f"The solver '{name}' is not one that a {self.config.model} has; try {known}.")

    def bounding_solver(self, name: str | None) -> Solver:
        """As `checked_solver`, but for None the first of its solvers that is a chain, whose samples have a bound."""
        chains = [solver for solver in self.solvers if solver.chain is not None]
        return chains[0] if name is None and chains else self.checked_solver(name)

    def grid_of(self, settings: SampleSettings) -> TimeGrid:
        """The grid that samples by these settings go along: that of their N and kind, or the solver's own.

        Raises `UnsupportedError` for a kind where the solver has its own, and for an N that it has none for.
        """
        nodes = None if settings.solver is None else self.checked_solver(settings.solver).nodes
        if nodes is None:
            return self.grid(settings.steps, settings.grid)
        if settings.grid is not None:
            raise UnsupportedError(f"The solver '{settings.solver}' has times of its own; leave the time grid out.")
        return nodes(self, settings.steps)

    def nodes_by(self, settings: SampleSettings) -> str | None:
        """The name of the solver whose own times `grid_of` gives; None where N and kind alone decide."""
        return None if self.checked_solver(settings.solver).nodes is None else settings.solver

    def sampler(
        self, grid: TimeGrid, settings: SampleSettings | None = None, hidden: torch.dtype | None = None
    ) -> Sampler:
        """How latents go to samples on `grid` by the solver, λ and last step of `settings`.

        `hidden` is as in `fields`. Raises `UnsupportedError` for a solver that the model has not, and for a λ that the
        solver has not; the ODE by Euler's steps takes any, as it is λ = 0.
        """
        chosen = settings or SampleSettings()
        solver = self.checked_solver(chosen.solver)
        if not solver.euler:
            solver.check_level(chosen.lam)
        return solver.sampler(self, grid, chosen.lam, chosen.last, hidden)

    @property
    def bounded(self) -> bool:
        """Whether its N-step chain has a bound on the NLL, to which each step contributes (method.md, section 4)."""
        return "bound" not in self.lacks

    def chain_bound(self, chain: Chain, x0: Tensor, noise: Tensor, grid: TimeGrid) -> Tensor:
        """The bound (B,) on −log p of points x0 (B, D) under the N steps of `chain`, for forward noise (N, B, D).

        Raises `UnsupportedError` for a model without a bound.
        """
        path, terms = self.chain_terms(chain, x0, noise, grid)
        return minus_log_prior(path[-1]) + terms.sum(0)

    def chain_terms(self, chain: Chain, x0: Tensor, noise: Tensor, grid: TimeGrid) -> tuple[Tensor, Tensor]:
        """The forward paths (N+1, B, D) of x0 (B, D) and what each step of `chain` adds to the bound (N, B), nats.

        All steps have their noise. Samples by ``last="mean"`` leave out that of the last one: they are means of that
        chain's last Gaussian, sharper than the chain by it, and have no density of their own that is known.
        """
        if not self.bounded:
            raise UnsupportedError(self.lacks["bound"])
        return chain.terms(self, x0, noise, grid)

    def last_spread(self, grid: TimeGrid, solver: str | None = None) -> float | None:
        """Standard deviation r of the noise of the last step's Gaussian, model units.

        The chain's density is a mixture of N(μ, r² I), so nothing thinner can be told apart. None of a solver whose
        steps are no chain.
        """
        chain = self.checked_solver(solver).chain
        return None if chain is None else chain.spread(self, grid)


def check_shape(x: Tensor, model: Model, fewest: int = 0) -> None:
    """Raise `DataError` where `x` is not points (n, D) of the model, with n at least `fewest`."""
    if not isinstance(x, Tensor) or x.ndim != 2 or x.shape[1] != model.dim or len(x) < fewest:
        raise DataError(f"The points must be a tensor of shape (n, {model.dim}), not {shown_shape(x)}.")


def shown_shape(x: object) -> str:
    """What was given instead of a tensor of the right shape, for an error."""
    return str(tuple(x.shape)) if isinstance(x, Tensor) else f"of type {type(x).__name__}"

"""What a solver is: one record that says all that the studio knows of one way to step from noise to data.

The window, the command line, the help and the numerics read it; none of them knows a solver by its name. Records
are listed before torch is loaded, so that the modules of this package import it for type checkers only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from dnf_studio.errors import UnsupportedError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from dnf_studio.core.sde.grid import Levels, TimeGrid
    from dnf_studio.core.sde.paths import Field, Sampler

LastStep = Literal["mean", "noise"]
"""The last step onto the data: its ``mean``, or with its ``noise``."""
Parts = Literal["both", "drift", "score"]
"""Which fields move the points: ``drift`` is the process with s = 0, ``score`` the one with f = 0."""
Needs = Literal["fields", "marginals", "drift", "velocity", "fitted"]
"""What a solver asks of a model: that it is a `TwoFields`, a `Marginals`, a `OneDrift` or a `OneVelocity`, or that it
has steps that were fitted to it."""
NOT_EULER = {
    "parts": "Only the solvers SDE and ODE can leave the drift or the score out.",
    "langevin": "Langevin steps go with the solvers SDE and ODE only.",
}
"""Settings that no solver of other steps than (17) uses, and why: a part of their `Solver.unused`."""


def without_noise(steps: str) -> dict[str, str]:
    """The `Solver.unused` of such steps as draw no noise; `steps`, like “DDIM steps”, begins the sentences."""
    return {
        "lam": f"{steps} have no noise; λ is for the solver SDE.",
        "last": f"{steps} have no noise that the last one could leave out.",
        **NOT_EULER,
    }


class WithFields(Protocol):
    """A model with a drift f and a score s at the nodes of a grid."""

    dim: int

    def fields(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        """Drift and score at the nodes of `grid`, with hidden layers of the type `hidden` where one is given."""
        ...


class TwoFields(WithFields, Protocol):
    """A model of two SDEs."""

    def grid_at(self, times: Sequence[float]) -> TimeGrid:
        """Times anywhere between t_0 and t_N as a grid, for a solver that evaluates the fields between nodes."""
        ...


class Marginals(Protocol):
    """A diffusion model, which predicts the noise ε of x_t = a(t) x_0 + σ(t) ε."""

    def noise_field(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> Field:
        """The prediction ε̂ at the nodes of `grid`."""
        ...

    def levels(self, times: Tensor) -> Levels:
        """a and σ at `times` (K,), each (K,), float64 on the processor: differences of them stay exact."""
        ...


class OneDrift(Protocol):
    """A model without noise, whose drift alone moves the points."""

    def drift_at(self, times: Tensor, hidden: torch.dtype | None = None) -> Field:
        """f at the times (K,), by their number."""
        ...


class OneVelocity(Protocol):
    """A model that has learned the velocity of its ODE itself, and not a drift and a score."""

    def velocity_at(self, times: Tensor, hidden: torch.dtype | None = None) -> Field:
        """dx/dt of the ODE at the times (K,), by their number."""
        ...


class Chain(NamedTuple):
    """The chain of Gaussians that a solver with noise draws from, all of its steps with their noise."""

    terms: Callable[..., tuple[Tensor, Tensor]]
    """Takes a model, x0 (B, D), forward noise (N, B, D) and a grid; returns forward paths (N+1, B, D), and what each
    step adds to the bound on −log p(x0), (N, B), nats."""
    spread: Callable[..., float]
    """Takes a model and a grid; returns the standard deviation of the noise of the last step, model units."""


@dataclass(frozen=True, eq=False)
class Solver:
    """One way to step from noise to data."""

    name: str
    """The solver's name in settings, in files and on the command line. Solvers of different `needs` may share one, and
    `noise` with it: a model has the one for what it is."""
    label: str
    """The name in a few letters, for the toolbar."""
    title: str
    """The longer name for lists that are wide enough."""
    moved_by: str
    """What carries the points: “… carried to samples by …”."""
    equation: str
    """What the solver computes, and where that is written, as a sentence."""
    card: str
    """Its line of the “?” as rich text; solvers with the same one share a line."""
    source: str
    """Paper or book that the solver is from, with the numbers of equations."""
    needs: Needs
    order: int
    """By which power of the step its error falls."""
    noise: bool
    """Whether its steps draw noise. One without follows the probability-flow ODE, λ = 0 of (17)."""
    sampler: Callable[..., Sampler]
    """Takes a model, a grid, λ, the `LastStep` and the type of hidden layers; returns the function from latents z (B,
    D) to samples."""
    evaluations: Callable[[int], int] = field(default=lambda steps: steps)
    """How often N steps evaluate each network of the model (NFE)."""
    euler: bool = False
    """Whether its steps are (17), Euler's of drift and score: one may be left out, and noises are known exactly."""
    unused: Mapping[str, str] = field(default_factory=dict)
    """Why ``lam``, ``last``, ``parts``, ``langevin`` or ``grid`` mean nothing to it; those that do are not in it."""
    chain: Chain | None = None
    """The Markov chain that gives its samples a bound on the NLL; None where they have none."""
    only: tuple[int, ...] = ()
    """The numbers of steps that it can make of the model that has it; empty where it makes any."""
    nodes: Callable[..., TimeGrid] | None = None
    """Takes a model and N, or None for no choice, and returns the grid of its own; None where it goes on any grid."""

    def makes(self, steps: int | None) -> bool:
        """Whether it makes so many steps; None is the model's own number of them."""
        return not self.only or steps in self.only

    def check_level(self, lam: float) -> None:
        """Raise `UnsupportedError` for a λ that it does not have; 0 is what one without noise has, 1 is no choice."""
        if "lam" in self.unused and lam != 1 and not (lam == 0 and not self.noise):
            raise UnsupportedError(f"The noise level λ is for the solver 'sde'; '{self.name}' has none.")

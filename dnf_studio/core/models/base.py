"""What every generative model of the studio can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal, Protocol

import torch
from torch import Tensor, nn

from dnf_studio.config import Config
from dnf_studio.config.grids import GridKind
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.models.field_network import FieldNetwork
from dnf_studio.core.models.make_network import make_network
from dnf_studio.core.sde.grid import TimeGrid, make_grid, regrid
from dnf_studio.core.sde.paths import Field, Sampler
from dnf_studio.core.sde.sample_settings import LastStep, SampleSettings
from dnf_studio.core.sde.solvers import Solver
from dnf_studio.errors import DataError, SettingError, UnsupportedError

__all__ = [
    "Ability",
    "FieldWithDivergence",
    "GenerativeModel",
    "LogProbMethod",
    "check_noise",
    "check_points",
    "check_shape",
]

LogProbMethod = Literal["ode", "bound", "importance"]
Ability = Literal["noise", "score", "bound"]
"""What only some models have: noise on their paths, a score beside the drift, a bound on the NLL by steps."""


class FieldWithDivergence(Protocol):
    """A field that also tells its divergence."""

    def __call__(self, node: int, x: Tensor, signs: Tensor | None = None, /) -> tuple[Tensor, Tensor]:
        """Value (B, D) and divergence (B,) at a node and states x (B, D).

        The divergence is exact, or with random `signs` ε (B, D) Hutchinson's unbiased estimate εᵀ (∂value/∂x) ε,
        which costs one derivative instead of D.
        """
        ...


class GenerativeModel(nn.Module, ABC):
    """A model between data and noise with paths of N steps each way.

    Model units are standardised data; `standardisation` leads to data units and back. What a
    model cannot do raises `UnsupportedError`.

    The grid it was trained on lives in the buffers `timestamps`, `diffusion` and `condition`,
    each (N+1,). `formula_grid` says whether `config.sde` describes that grid; where it does not
    (some reference-program files), another N interpolates the nodes. `image` is the size of points
    that are images, which a U-Net needs.
    """

    solvers: ClassVar[tuple[Solver, ...]]
    """What it can be sampled with, its own choice first: those for what it is (`core.sde.solvers.solvers_for`)."""
    networks: ClassVar[int]
    """Network evaluations that f and s take together."""
    lacks: ClassVar[Mapping[Ability, str]] = {}
    """What it cannot do, and why in one sentence."""
    timestamps: Tensor
    diffusion: Tensor
    condition: Tensor

    def __init__(
        self,
        dim: int,
        config: Config | None = None,
        standardisation: Standardisation | None = None,
        grid: TimeGrid | None = None,
        image: ImageShape | None = None,
    ) -> None:
        super().__init__()
        self.dim, self.image = dim, image
        self.config = config or self.default_config()
        self.standardisation = standardisation or Standardisation.identity(dim)
        self.formula_grid = grid is None
        nodes = grid or make_grid(self.config.sde)
        self.register_buffer("timestamps", nodes.t.float())
        self.register_buffer("diffusion", nodes.g.float())
        self.register_buffer("condition", nodes.condition.float())
        self.make_networks()

    @abstractmethod
    def make_networks(self) -> None:
        """Set the attributes that are its networks, each a `new_network`."""

    def new_network(self) -> FieldNetwork:
        """One of the kind and size that the settings name; raises `UnsupportedError` where it is for images only."""
        return make_network(self.dim, self.config, self.image)

    def cover(self, points: Tensor) -> None:
        """Tell its networks where data lies, by `points` (n, D) in model units, before they are trained."""
        for network in self.children():
            if isinstance(network, FieldNetwork):
                network.cover(points)

    @classmethod
    def default_config(cls) -> Config:
        """The settings of a model that is given none."""
        return Config()

    def grid(self, steps: int | None = None, kind: GridKind | None = None) -> TimeGrid:
        """The training grid, or one with another N or of another kind over the same times."""
        own = TimeGrid(self.timestamps, self.diffusion, self.condition)
        if kind in (None, self.config.sde.grid) and steps in (None, own.steps):
            return own
        if kind is None and not self.formula_grid:
            return regrid(own, int(steps or own.steps))
        return make_grid(self.config.sde, own.steps if steps is None else steps, kind).to(self.timestamps)

    def set_grid(self, grid: TimeGrid) -> None:
        """Train and sample on `grid` from now on."""
        nodes = grid.to(self.timestamps)
        self.timestamps, self.diffusion, self.condition = nodes.t, nodes.g, nodes.condition

    def sample(
        self,
        count: int,
        steps: int | None = None,
        lam: float = 1.0,
        seed: int = 0,
        last: LastStep = "mean",
        grid: GridKind | None = None,
        solver: str | None = None,
    ) -> Tensor:
        """`count` samples (n, D), float32, data units.

        `steps` is N, `grid` the kind of time grid and `solver` the name of one of `solvers`, each the model's own
        unless given; `lam` is the noise level λ of the SDE, `last` the last step, its ``mean`` or with its ``noise``.
        """
        from dnf_studio.core.sampling.blocks import sample

        return sample(self, count, SampleSettings(steps, lam, last, grid, seed, solver))

    @property
    def bounded(self) -> bool:
        """Whether its N-step chain has a bound on the NLL, to which each step contributes (method.md, section 4)."""
        return "bound" not in self.lacks

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
    def encoder(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> Sampler:
        """How data x_0 (B, D) goes to noise on `grid`: from it and the noise of step i to the N+1 states.

        `hidden` is as in `fields`.
        """

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

    def evaluations(self, steps: int, solver: str | None = None) -> int:
        """Network evaluations (NFE) that `sampler` makes for a sample in `steps` steps."""
        return self.networks * self.checked_solver(solver).evaluations(steps)

    @abstractmethod
    def forward_path(self, x0: Tensor, noise: Tensor | None = None, grid: TimeGrid | None = None) -> Tensor:
        """Data to noise: states (N+1, B, D) in model units, row 0 at t_0."""

    @abstractmethod
    def backward_path(
        self,
        z: Tensor,
        noise: Tensor | None = None,
        lam: float = 1.0,
        last: LastStep = "noise",
        grid: TimeGrid | None = None,
    ) -> Tensor:
        """Noise to data: states (N+1, B, D) in model units, row 0 at t_N … row N at t_0."""

    @abstractmethod
    def log_prob(self, x: Tensor, method: LogProbMethod = "ode") -> Tensor:
        """Log density (n,), nats, data units, of points `x` (n, D) in data units."""

    @abstractmethod
    def velocity(self) -> Callable[[Tensor, Tensor], Tensor]:
        """dx/dt (B, D) of the deterministic flow from data to noise, as a function of t, a scalar, and x (B, D)."""

    @abstractmethod
    def training_loss(self, x0: Tensor, noise: Tensor) -> Tensor:
        """The scalar objective of a batch (B, D) in model units and noise (N, B, D), a row for each step."""

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @property
    def kept_numbers(self) -> int:
        """About how many numbers autograd keeps of one evaluation of all its networks at one point."""
        return sum(part.kept_numbers for part in self.modules() if isinstance(part, FieldNetwork))

    def checked_solver(self, name: str | None) -> Solver:
        """Its solver of this name, its own choice for None; raises `UnsupportedError` for one that it has not."""
        for solver in self.solvers:
            if name in (None, solver.name):
                return solver
        known = " or ".join(solver.name for solver in self.solvers)
        raise UnsupportedError(f"The solver '{name}' is not one that a {self.config.model} has; try {known}.")


def check_shape(x: Tensor, model: GenerativeModel, fewest: int = 0) -> None:
    """Raise `DataError` where `x` is not points (n, D) of the model, with n at least `fewest`."""
    if not isinstance(x, Tensor) or x.ndim != 2 or x.shape[1] != model.dim or len(x) < fewest:
        raise DataError(f"The points must be a tensor of shape (n, {model.dim}), not {_shown_shape(x)}.")


def check_points(x: Tensor, model: GenerativeModel) -> None:
    """Raise `DataError` where `x` is not (B, D) of the model's own type and device."""
    check_shape(x, model)
    own = model.timestamps
    if (x.dtype, x.device, x.layout) != (own.dtype, own.device, own.layout):
        raise DataError(
            f"The points must be dense {own.dtype} on {own.device} as the model is, not {x.dtype} on {x.device}."
        )


def check_noise(noise: Tensor, grid: TimeGrid, x: Tensor) -> Tensor:
    """`noise` (N, B, D) in the type and on the device of `x` (B, D), for its paths on `grid`.

    Raises `SettingError` where it has another shape or holds no real numbers.
    """
    if not isinstance(noise, Tensor):
        raise SettingError(f"The noise must be a tensor, not {_shown_shape(noise)}.")
    if noise.shape != (grid.steps, *x.shape):
        raise SettingError(
            f"The noise must have the shape {(grid.steps, *x.shape)} of its path, not {tuple(noise.shape)}."
        )
    if noise.is_complex() or noise.layout != torch.strided:
        raise SettingError(f"The noise must be dense real numbers, not {noise.dtype} in {noise.layout} layout.")
    return noise.to(x)


def _shown_shape(x: object) -> str:
    """What was given instead of a tensor of the right shape, for an error."""
    return str(tuple(x.shape)) if isinstance(x, Tensor) else f"of type {type(x).__name__}"

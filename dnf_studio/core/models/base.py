"""What every generative model of the studio can do."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.config.grids import NO_LEVELS, GridKind
from dnf_studio.config.model_kinds import MODEL_KINDS, ModelName
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.data.naming import MEMORY
from dnf_studio.core.models.fitted_steps import WithFittedSteps
from dnf_studio.core.networks.base import FieldNetwork
from dnf_studio.core.networks.build import make_network
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.sampling.blocks import sample
from dnf_studio.core.sampling.likelihood import LogProbMethod, bound_nll, log_prob
from dnf_studio.core.sampling.model import Model, check_shape, shown_shape
from dnf_studio.core.sde.grid import TimeGrid, make_grid, regrid
from dnf_studio.core.sde.paths import Sampler
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.core.sde.solvers import LastStep, missing_grids
from dnf_studio.errors import DataError, SettingError, UnsupportedError
from dnf_studio.facts import WithFacts


class GenerativeModel(WithFacts, Model, WithFittedSteps):
    """A model between data and noise with paths of N steps each way.

    Model units are standardised data; `standardisation` leads to data units and back. What a
    model cannot do raises `UnsupportedError`, and so does making one of networks for images where there are none.

    The grid it was trained on lives in the buffers `timestamps`, `diffusion` and `condition`,
    each (N+1,). `formula_grid` says whether `config.sde` describes that grid; where it does not
    (some reference-program files), another N interpolates the nodes. `image` is the size of points
    that are images, which a U-Net needs.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> model = dnf.load("diffflow-rings")
    >>> isinstance(model, dnf.GenerativeModel), model.dim, model.grid().steps
    (True, 2, 30)
    >>> tuple(model.sample(5, steps=10, lam=0.5, seed=1).shape)
    (5, 2)
    """

    kind: ClassVar[ModelName]
    """Its name in the settings, by which `MODEL_KINDS` tells the rest."""
    networks: ClassVar[tuple[str, ...]]
    """The names of its networks, which are attributes and begin the names of their tensors in files."""

    @classmethod
    def networks_of(cls, config: Config) -> tuple[str, ...]:
        """Those of `networks` that a model of these settings has."""
        return cls.networks

    unsaved: ClassVar[str] = ""
    """Why it cannot be saved as a checkpoint, as a sentence; empty where it can."""
    adapter: Mapping[str, Any] = MappingProxyType({})
    """How a model of a person's own callables was made of them; empty for all others."""
    other_nodes: ClassVar[bool] = False
    """Whether its file may hold nodes that its settings do not describe, as some of the reference program do."""
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
        for name in self.networks_of(self.config):
            setattr(self, name, make_network(dim, self.config, image))
        self.set_up()

    def set_up(self) -> None:
        """Do what else its settings ask of a new model, whose networks are made."""

    def cover(self, points: Tensor) -> None:
        """Tell its networks where data lies, by `points` (n, D) in model units, before they are trained."""
        for network in self.children():
            if isinstance(network, FieldNetwork):
                network.cover(points)

    @property
    def words(self) -> str:
        """What it is, in words."""
        return MODEL_KINDS[self.kind].words

    @classmethod
    def default_config(cls) -> Config:
        """The settings of a model that is given none."""
        return Config.create({"model": cls.kind})

    def grid(self, steps: int | None = None, kind: GridKind | None = None) -> TimeGrid:
        """The training grid, or one with another N or of another kind over the same times.

        Raises `UnsupportedError` for a kind that the model cannot have, as `missing_grids` says.
        """
        if kind in missing_grids(self.solvers):
            raise UnsupportedError(NO_LEVELS)
        own = TimeGrid(self.timestamps, self.diffusion, self.condition)
        if kind in (None, self.config.sde.grid) and steps in (None, own.steps):
            return own
        if kind is None and not self.formula_grid:
            return regrid(own, int(steps or own.steps))
        return make_grid(self.config.sde, own.steps if steps is None else steps, kind).to(self.timestamps)

    def with_deviations(self, grid: TimeGrid) -> TimeGrid:
        """`grid`, whose times lie between its own ends, with the backward deviations that the model has there."""
        return grid

    def complete(self, draw: Callable[[int], Tensor], pool: BlockPool, part: float = 1.0) -> None:
        """Find what follows from its trained weights in closed form; `draw(n)` gives points (n, D) of the training data
        in model units. `part` is how many of the points are taken that a finished model needs.
        """

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
        return sample(self, count, SampleSettings(steps, lam, last, grid, seed, solver))

    @abstractmethod
    def encoder(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> Sampler:
        """How data x_0 (B, D) goes to noise on `grid`: from it and the noise of step i to the N+1 states.

        `hidden` is as in `fields`.
        """

    def evaluations(self, steps: int, solver: str | None = None) -> int:
        """Network evaluations (NFE) that `sampler` makes for a sample in `steps` steps."""
        return len(self.networks_of(self.config)) * self.checked_solver(solver).evaluations(steps)

    def multiply_adds(self, steps: int, solver: str | None = None) -> int:
        """Multiply-adds of these evaluations (`FieldNetwork.multiply_adds`), nearly all that a sample costs."""
        return self.checked_solver(solver).evaluations(steps) * sum(one.multiply_adds for one in self.evaluated)

    @property
    def evaluated(self) -> tuple[FieldNetwork, ...]:
        """Those of `networks` that it has, in their order."""
        own = dict(self.named_children())
        return tuple(one for name in self.networks if isinstance(one := own.get(name), FieldNetwork))

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

    def log_prob(self, x: Tensor, method: LogProbMethod = "ode") -> Tensor:
        """Log density (n,), nats, data units, of points `x` (n, D) in data units.

        ``ode`` is that of the deterministic flow; ``bound`` and ``importance`` bound that of the chain of steps.
        """
        return log_prob(self, x, method)

    def validation_nll(self, points: Tensor, draws: int) -> Tensor:
        """What training makes small, of validation points (n, D) in model units; its mean counts, nats.

        It is the bound with `draws` noise draws a point, unless a model says otherwise.
        """
        return bound_nll(self, points, draws)

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return next(self.parameters()).device

    def _facts(self) -> Mapping[str, object]:
        return {
            "dim": self.dim,
            "steps": len(self.timestamps) - 1,
            "data": self.config.data.removeprefix(MEMORY),
            "parameters": sum(one.numel() for one in self.parameters()),
            "device": str(self.device),
        }

    @property
    def kept_numbers(self) -> int:
        """About how many numbers autograd keeps of one evaluation of all its networks at one point."""
        return sum(part.kept_numbers for part in self.modules() if isinstance(part, FieldNetwork))


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
        raise SettingError(f"The noise must be a tensor, not {shown_shape(noise)}.")
    if noise.shape != (grid.steps, *x.shape):
        raise SettingError(
            f"The noise must have the shape {(grid.steps, *x.shape)} of its path, not {tuple(noise.shape)}."
        )
    if noise.is_complex() or noise.layout != torch.strided:
        raise SettingError(f"The noise must be dense real numbers, not {noise.dtype} in {noise.layout} layout.")
    return noise.to(x)

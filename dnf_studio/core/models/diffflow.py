"""The diffusion normalizing flow: a drift and a score network that share the state."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.models.base import GenerativeModel, LogProbMethod, shown_shape
from dnf_studio.core.models.kernels import FourierKernel
from dnf_studio.core.models.networks import FourierMLP
from dnf_studio.core.sde import paths
from dnf_studio.core.sde.grid import TimeGrid, make_grid, regrid
from dnf_studio.core.sde.paths import Field, LastStep
from dnf_studio.errors import DataError, SettingError
from dnf_studio.grids import GridKind

__all__ = ["DiffFlow", "FieldWithDivergence"]

FieldWithDivergence = Callable[[int, Tensor], tuple[Tensor, Tensor]]
"""Value (B, D) and divergence (B,) of a field at a node i and states x (B, D)."""


class DiffFlow(GenerativeModel):
    """Two SDEs trained together: dx = f dt + g dw and dx = [f − g² s] dt + g dw̄ (8, 9).

    The grid it was trained on lives in the buffers `timestamps`, `diffusion` and `condition`,
    each (N+1,). `formula_grid` says whether `config.sde` describes that grid; where it does not
    (some reference-program files), another N interpolates the nodes.

    Reference: Zhang and Chen, "Diffusion Normalizing Flow", NeurIPS 2021, arXiv:2110.07579.
    """

    timestamps: Tensor
    diffusion: Tensor
    condition: Tensor

    def __init__(
        self,
        dim: int,
        config: Config | None = None,
        standardisation: Standardisation | None = None,
        grid: TimeGrid | None = None,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.config = config or Config()
        self.standardisation = standardisation or Standardisation.identity(dim)
        self.formula_grid = grid is None
        nodes = grid or make_grid(self.config.sde)
        self.register_buffer("timestamps", nodes.t.float())
        self.register_buffer("diffusion", nodes.g.float())
        self.register_buffer("condition", nodes.condition.float())
        size = self.config.network
        self.drift = FourierMLP(dim, size.layers, size.channels)
        self.score = FourierMLP(dim, size.layers, size.channels)

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

    def fields(self, grid: TimeGrid, hidden: torch.dtype | None = None) -> tuple[Field, Field]:
        """Drift and score as functions of node and state, their time embeddings computed once.

        Differentiable where gradients are enabled, the faster kernels where they are not; those
        may have hidden layers of another type.
        """
        return _field(self.drift, grid, hidden), _field(self.score, grid, hidden)

    def fields_with_divergence(self, grid: TimeGrid) -> tuple[FieldWithDivergence, FieldWithDivergence]:
        """Drift and score, each with its exact divergence, by the fast kernels; nothing goes back through them."""
        drift, score = (FourierKernel(net, net.embed_time(grid.condition)) for net in (self.drift, self.score))
        return lambda i, x: drift.with_divergence(x, i), lambda i, x: score.with_divergence(x, i)

    def forward_path(self, x0: Tensor, noise: Tensor | None = None, grid: TimeGrid | None = None) -> Tensor:
        nodes = grid or self.grid()
        _check_points(x0, self)
        eps = self._noise(nodes, x0) if noise is None else _checked(noise, nodes, x0)
        return paths.forward_path(self.fields(nodes)[0], nodes, x0, eps)

    def backward_path(
        self,
        z: Tensor,
        noise: Tensor | None = None,
        lam: float = 1.0,
        last: LastStep = "noise",
        grid: TimeGrid | None = None,
    ) -> Tensor:
        nodes = grid or self.grid()
        _check_points(z, self)
        paths.check_level(lam)
        eps = self._noise(nodes, z) if noise is None else _checked(noise, nodes, z)
        return paths.backward_path(*self.fields(nodes), nodes, z, eps, lam, last)

    def sample(
        self,
        count: int,
        steps: int | None = None,
        lam: float = 1.0,
        seed: int = 0,
        last: LastStep = "mean",
        grid: GridKind | None = None,
    ) -> Tensor:
        from dnf_studio.core.sampling.blocks import sample

        return sample(self, count, steps=steps, lam=lam, seed=seed, last=last, grid=grid)

    def log_prob(self, x: Tensor, method: LogProbMethod = "ode") -> Tensor:
        from dnf_studio.core.sampling.likelihood import log_prob

        return log_prob(self, x, method)

    def training_loss(self, x0: Tensor, noise: Tensor) -> Tensor:
        from dnf_studio.core.training.objective import mean_bound

        return mean_bound(self, x0, noise)

    @staticmethod
    def _noise(grid: TimeGrid, x: Tensor) -> Tensor:
        return torch.randn((grid.steps, *x.shape), dtype=x.dtype, device=x.device)


def _field(network: FourierMLP, grid: TimeGrid, hidden: torch.dtype | None) -> Field:
    embeddings = network.embed_time(grid.condition)
    if torch.is_grad_enabled():
        return lambda i, x: network.body(x, embeddings[i])
    kernel = FourierKernel(network, embeddings, hidden)
    return lambda i, x: kernel.value(x, i)


def _check_points(x: Tensor, flow: DiffFlow) -> None:
    """Raise `DataError` where `x` is not (B, D) of the model's own type and device."""
    own = flow.timestamps
    if not isinstance(x, Tensor) or x.ndim != 2 or x.shape[1] != flow.dim:
        raise DataError(f"The points must be a tensor of shape (B, {flow.dim}), not {shown_shape(x)}.")
    if (x.dtype, x.device, x.layout) != (own.dtype, own.device, own.layout):
        raise DataError(
            f"The points must be dense {own.dtype} on {own.device} as the model is, not {x.dtype} on {x.device}."
        )


def _checked(noise: Tensor, grid: TimeGrid, x: Tensor) -> Tensor:
    if not isinstance(noise, Tensor):
        raise SettingError(f"The noise must be a tensor, not {shown_shape(noise)}.")
    if noise.shape != (grid.steps, *x.shape):
        raise SettingError(
            f"The noise must have the shape {(grid.steps, *x.shape)} of its path, not {tuple(noise.shape)}."
        )
    return noise

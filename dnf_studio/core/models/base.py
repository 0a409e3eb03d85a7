"""What every generative model of the studio can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn

from dnf_studio.config import Config
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.sde.grid import TimeGrid
from dnf_studio.core.sde.paths import LastStep
from dnf_studio.grids import GridKind

__all__ = ["GenerativeModel", "LogProbMethod", "shown_shape"]

LogProbMethod = Literal["ode", "bound", "importance"]


class GenerativeModel(nn.Module, ABC):
    """A model between data and noise with paths of N steps each way.

    Model units are standardised data; `standardisation` leads to data units and back. What a
    model cannot do raises `UnsupportedError`.
    """

    dim: int
    config: Config
    standardisation: Standardisation

    @abstractmethod
    def sample(
        self,
        count: int,
        steps: int | None = None,
        lam: float = 1.0,
        seed: int = 0,
        last: LastStep = "mean",
        grid: GridKind | None = None,
    ) -> Tensor:
        """`count` samples (n, D), float32, data units."""

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
    def training_loss(self, x0: Tensor, noise: Tensor) -> Tensor:
        """The scalar objective, nats, of a batch (B, D) in model units and its forward noise (N, B, D)."""

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device


def shown_shape(x: object) -> str:
    """What was given instead of a tensor of the right shape, for an error."""
    return str(tuple(x.shape)) if isinstance(x, Tensor) else f"of type {type(x).__name__}"

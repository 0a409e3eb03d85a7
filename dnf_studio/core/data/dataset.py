"""What every source of data offers, whatever it is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.image_shape import ImageShape

__all__ = ["Dataset", "Standardisation"]


@dataclass(frozen=True)
class Standardisation:
    """An affine map per component: model units = (data units − mean) / scale."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def identity(cls, dim: int) -> Standardisation:
        """Mean 0 and scale 1: model units are data units."""
        return cls((0.0,) * dim, (1.0,) * dim)

    def to_model(self, x: Tensor) -> Tensor:
        """Data units to model units, (..., D)."""
        return (x - x.new_tensor(self.mean)) / x.new_tensor(self.scale)

    def to_data(self, x: Tensor) -> Tensor:
        """Model units to data units, (..., D)."""
        return x * x.new_tensor(self.scale) + x.new_tensor(self.mean)

    @property
    def log_scale(self) -> float:
        """Σ_j log σ_j, what is added to an NLL in model units to have it in data units."""
        return float(np.log(self.scale).sum())


class Dataset(ABC):
    """Where x_0 comes from. Draws are in model units; `standardisation` leads back to data units."""

    name: str
    dim: int
    columns: tuple[str, ...]
    standardisation: Standardisation
    entropy: float | None
    """Exact differential entropy of the standardised data in nats, or None where unknown."""
    fingerprint: str
    """SHA-256 (hex) of what the data is, the same whenever the same data is opened again."""
    levels: bool = False
    """Whether data units are whole levels k dequantised over [k, k + 1), so that likelihoods are bits of the levels."""
    image: ImageShape | None = None
    """The size of a row that is an image; None for all other data."""
    about: str = ""
    """What there is to know about this data in particular, in a few words for a person."""

    @abstractmethod
    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """A training batch (count, D), float32, model units."""

    @abstractmethod
    def fresh(self, count: int, seed: int) -> Tensor:
        """Points (≤ count, D), float32, model units, that training does not see."""

    def validation(self, count: int, seed: int) -> Tensor | None:
        """Points (≤ count, D), float32, model units, on which training decides when to end; None where there are none.

        Training does not see them, and neither does an evaluation.
        """
        return None

    def log_density(self, x: Tensor) -> Tensor | None:
        """Exact log density (n,) in nats per data unit at `x` (n, D) in data units, or None."""
        return None

    def outside(self, x: Tensor, tolerance: float = 0.02) -> NDArray[np.bool_] | None:
        """Which of `x` (n, D), model units, lie farther than `tolerance` from the support, or None."""
        return None

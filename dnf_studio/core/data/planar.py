"""What the built-in sets that are drawn afresh have in common, those in the plane and those of more dimensions."""

from __future__ import annotations

import hashlib
import math
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.dataset import Dataset, Standardisation, stream_of

GENERATOR_VERSION = 1
"""Part of the fingerprint: to be raised whenever a generator in `toy2d`, `fractals` or `solids` changes what it
draws."""


def uniform(count: int, generator: torch.Generator) -> Tensor:
    """(count,) float64 from U[0, 1)."""
    return torch.rand(count, generator=generator, dtype=torch.float64)


def normal(count: int, generator: torch.Generator, dim: int = 2) -> Tensor:
    """(count, dim) float64 from N(0, 1)."""
    return torch.randn(count, dim, generator=generator, dtype=torch.float64)


class GeneratedSet(Dataset):
    """A distribution of D dimensions, drawn afresh for every batch.

    `mean` and `variance` are exact, per axis, in data units; `entropy` is given in data units and
    kept for the standardised data.
    """

    def __init__(
        self, name: str, title: str, mean: Sequence[float], variance: Sequence[float], entropy: float | None = None
    ) -> None:
        self.name = name
        self.title = title
        self.standardisation = Standardisation(tuple(mean), tuple(math.sqrt(v) for v in variance))
        self.entropy = None if entropy is None else entropy - self.standardisation.log_scale
        self.fingerprint = hashlib.sha256(f"dnf-studio built-in {name} {GENERATOR_VERSION}".encode()).hexdigest()

    @abstractmethod
    def generate(self, count: int, generator: torch.Generator) -> Tensor:
        """Points (count, D), float64, data units."""

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """A training batch (count, D), float32, model units."""
        return self.standardisation.to_model(self.generate(count, generator)).float()

    def fresh(self, count: int, seed: int) -> Tensor:
        """`count` points (count, D), float32, model units, from a stream of their own for each `seed`."""
        return self.draw(count, stream_of(f"fresh {self.name} {seed}"))

    def log_density(self, x: Tensor) -> Tensor | None:
        """Exact log density (n,) in nats per data unit at `x` (n, D) in data units, or None."""
        density = self._log_density(x.double())
        return None if density is None else density.to(x.dtype)

    def outside(self, x: Tensor, tolerance: float = 0.02) -> NDArray[np.bool_] | None:
        """Which of `x` (n, D), model units, lie farther than `tolerance` from the support, or None.

        The support of a blurred curve reaches 3 standard deviations of the blur to either side; sets
        with smooth edges have none. A point that is not finite is outside.
        """
        with np.errstate(invalid="ignore", over="ignore"):
            distance = self._distance(x.detach().cpu().double().numpy())
        return None if distance is None else ~(distance <= tolerance)

    def _log_density(self, x: Tensor) -> Tensor | None:
        """`log_density` in float64."""
        return None

    def _distance(self, z: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Distance (n,) in model units of `z` (n, D), model units, to the support."""
        return None


class Toy2D(GeneratedSet):
    """A distribution in the plane."""

    dim = 2
    columns = ("x", "y")

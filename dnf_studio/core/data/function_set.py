"""A data set of a person's own function, which draws its points afresh."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from dnf_studio.core.data.planar import GeneratedSet
from dnf_studio.errors import PluginError

Draw = Callable[[int, np.random.Generator], ArrayLike]
"""Points (count, D) for a count and a source of randomness."""
MEASURED = 1 << 16
"""Points from which mean and variance are measured, where they are not given."""
ASKED = (1, 7)
"""Counts that a function is asked for before it is trusted."""


class FunctionSet(GeneratedSet):
    """The points of `draw`; its mean and variance (D) are measured where they are not given.

    The numbers of a standardisation are then those of the same 65,536 points every time, so that a model finds its
    data again. Raises `PluginError` for a function that does not return finite points (count, D).
    """

    def __init__(
        self,
        name: str,
        title: str,
        draw: Draw,
        mean: Sequence[float] | None = None,
        variance: Sequence[float] | None = None,
        entropy: float | None = None,
        version: int = 1,
    ) -> None:
        self.name, self._draw = name, draw
        self.dim = -1
        for count in ASKED:
            self.dim = self._points(count, np.random.default_rng(0)).shape[1]
        if mean is None or variance is None:
            points = self._points(MEASURED, np.random.default_rng(0))
            mean = points.mean(0).tolist() if mean is None else mean
            variance = points.var(0, unbiased=False).tolist() if variance is None else variance
        if not len(mean) == len(variance) == self.dim or not all(value > 0 for value in variance):
            raise PluginError(
                f"The data set '{name}' needs a mean and a variance above 0 for each of its {self.dim} components."
            )
        super().__init__(name, title, mean, variance, entropy)
        self.columns = ("x", "y") if self.dim == 2 else tuple(f"x{j + 1}" for j in range(self.dim))
        self.fingerprint = hashlib.sha256(f"dnf-studio plug-in {name} {version}".encode()).hexdigest()

    def generate(self, count: int, generator: torch.Generator) -> Tensor:
        """The function's points, from a source of its own that `generator` seeds."""
        seed = int(torch.randint(1 << 62, (), generator=generator))
        return self._points(count, np.random.default_rng(seed))

    def _points(self, count: int, rng: np.random.Generator) -> Tensor:
        try:
            points = torch.as_tensor(np.asarray(self._draw(count, rng), dtype=np.float64))
        except Exception as error:
            said = (str(error).splitlines() or [""])[0]
            raise PluginError(f"The data set '{self.name}' failed: {type(error).__name__}: {said}") from error
        wide = points.ndim == 2 and points.shape[1] > 0 and self.dim in (-1, points.shape[1])
        if not wide or len(points) != count or not bool(torch.isfinite(points).all()):
            shape = "numbers that are not finite" if wide and len(points) == count else tuple(points.shape)
            dim = "D" if self.dim == -1 else self.dim
            raise PluginError(
                f"The data set '{self.name}' is to return finite points ({count}, {dim}), and returned {shape}."
            )
        return points

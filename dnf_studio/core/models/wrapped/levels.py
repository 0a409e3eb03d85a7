"""How much noise there is at each time of a diffusion, in its own convention and in that of the studio.

Every diffusion x = a(t) x_0 + σ(t) ε with a linear drift is one process: y = x_0 + r w, where the ratio r = σ/a grows.
They differ in how fast r grows and in a scale (Karras et al. 2022, arXiv:2206.00364, appendix B; Kingma et al. 2021,
arXiv:2107.00630). The studio carries ã x_0 + σ̃ ε with

    ã = 1/√(1 + ρ r²),   σ̃ = ã r,   dx = −½ ρ g² x dt + g dw,   g² = ã² d(r²)/dt

and ρ such that N(0, s² I), where the samples of the convention begin, is N(0, I). Of processes that preserve variance ρ
is 1 and nothing changes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor

from dnf_studio.core.sde.grid import Levels

EVEN = 1e-6
"""Least |ρ|: a base of exactly the width 1 is left by so little."""


class NoisePath(ABC):
    """The noise of one convention as a function of the time t of the studio, float64 tensors (…) all."""

    start: float
    end: float = 1.0
    base: float = 1.0
    """s, the standard deviation of the convention's own state where samples begin."""
    rho: float

    def settle(self) -> None:
        """Find ρ, once the rest is known."""
        last = torch.tensor(self.end, dtype=torch.float64)
        ratio, signal = float(self.ratio(last)), float(self.signal(last))
        rho = ((self.base / signal) ** 2 - 1) / ratio**2
        self.rho = rho if abs(rho) > EVEN else EVEN

    @abstractmethod
    def ratio(self, t: Tensor) -> Tensor:
        """r = σ/a."""

    @abstractmethod
    def growth(self, t: Tensor) -> Tensor:
        """d(r²)/dt."""

    @abstractmethod
    def time(self, ratio: Tensor) -> Tensor:
        """When the ratio is so large."""

    @abstractmethod
    def signal(self, t: Tensor) -> Tensor:
        """a of the convention."""

    @abstractmethod
    def told(self, t: Tensor) -> Tensor:
        """What the callable takes for the time."""

    def levels(self, t: Tensor) -> Levels:
        """ã and σ̃."""
        ratio = self.ratio(t)
        signal = (1 + self.rho * ratio.square()).rsqrt()
        return Levels(signal, signal * ratio)

    def diffusion(self, t: Tensor) -> Tensor:
        """g."""
        return (self.growth(t) / (1 + self.rho * self.ratio(t).square())).sqrt()

    def zoom(self, t: Tensor) -> Tensor:
        """By what a state of the studio is multiplied to be one of the convention, a/ã."""
        return self.signal(t) / self.levels(t).signal


class VariancePreserving(NoisePath):
    """β = β_min + (β_max − β_min) t and B = ∫ β dt: a² = e^−B with σ² = 1 − e^−B, of sub-VP σ = 1 − e^−B.

    The callable takes t itself. Reference: Song et al., ICLR 2021, arXiv:2011.13456, equation 29.
    """

    def __init__(self, beta_min: float, beta_max: float, start: float, sub: bool) -> None:
        self.beta_min, self.beta_max, self.start, self.sub = beta_min, beta_max, start, sub
        self.settle()

    def beta(self, t: Tensor) -> Tensor:
        """β."""
        return self.beta_min + (self.beta_max - self.beta_min) * t

    def total(self, t: Tensor) -> Tensor:
        """B."""
        return (self.beta_min + 0.5 * (self.beta_max - self.beta_min) * t) * t

    def ratio(self, t: Tensor) -> Tensor:
        total = self.total(t)
        return 2 * (0.5 * total).sinh() if self.sub else total.expm1().sqrt()

    def growth(self, t: Tensor) -> Tensor:
        total, beta = self.total(t), self.beta(t)
        return 2 * beta * total.sinh() if self.sub else beta * total.exp()

    def time(self, ratio: Tensor) -> Tensor:
        total = 2 * (0.5 * ratio).asinh() if self.sub else ratio.square().log1p()
        root = (self.beta_min**2 + 2 * (self.beta_max - self.beta_min) * total).sqrt()
        return 2 * total / (self.beta_min + root)

    def signal(self, t: Tensor) -> Tensor:
        return (-0.5 * self.total(t)).exp()

    def told(self, t: Tensor) -> Tensor:
        return t


class _Even(NoisePath):
    """Times in which g is the same everywhere: ln(1 + ρ r²) grows evenly, up to 1."""

    def __init__(self, first: float, last: float) -> None:
        """`first` and `last` are the ratios at both ends."""
        self._last = last
        self.rate = 0.0
        self.settle()
        self.rate = math.log1p(self.rho * last**2)
        self.start = float(self.time(torch.tensor(first, dtype=torch.float64)))

    def ratio(self, t: Tensor) -> Tensor:
        if not self.rate:
            return torch.full_like(t, self._last)
        return ((self.rate * t).expm1() / self.rho).sqrt()

    def growth(self, t: Tensor) -> Tensor:
        return (self.rate * t).exp() * (self.rate / self.rho)

    def time(self, ratio: Tensor) -> Tensor:
        return (self.rho * ratio.square()).log1p() / self.rate


class Exploding(_Even):
    """a = 1 and σ from σ_min to σ_max, which is also s.

    The callable takes σ, or with `clock` Song's time, ln(σ/σ_min)/ln(σ_max/σ_min) of the σ_min given there.
    """

    def __init__(self, sigma_min: float, sigma_max: float, clock: float | None = None) -> None:
        self.base, self.sigma_max, self.clock = sigma_max, sigma_max, clock
        super().__init__(sigma_min, sigma_max)

    def signal(self, t: Tensor) -> Tensor:
        return torch.ones_like(t)

    def told(self, t: Tensor) -> Tensor:
        sigma = self.ratio(t)
        return sigma if self.clock is None else (sigma / self.clock).log() / math.log(self.sigma_max / self.clock)


class Discrete(_Even):
    """Steps k = 0 … K−1 with a² = ᾱ_k and σ² = 1 − ᾱ_k; the callable takes k, whole at the steps."""

    def __init__(self, alphas_bar: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        ratios = np.sqrt((1 - alphas_bar) / alphas_bar)
        super().__init__(float(ratios[0]), float(ratios[-1]))
        self.times = self.time(torch.from_numpy(ratios)).numpy()
        """When each step is, (K,)."""

    def signal(self, t: Tensor) -> Tensor:
        return (1 + self.ratio(t).square()).rsqrt()

    def told(self, t: Tensor) -> Tensor:
        # In the root of t, in which noise grows evenly at the data
        at = np.interp(np.sqrt(t.numpy()), np.sqrt(self.times), np.arange(len(self.times), dtype=np.float64))
        return torch.from_numpy(np.asarray(at))

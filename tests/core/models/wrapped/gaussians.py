"""Every adapter with the exact answer of data N(MEAN, VARIANCE), in the adapter's own convention."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

import dnf_studio as dnf
from dnf_studio.core.models.wrapped.base import WrappedModel

MEAN, VARIANCE = torch.tensor([0.5, -1.0]).double(), torch.tensor([0.3, 1.5]).double()
ALPHAS_BAR = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
Levels = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Signal a and noise σ of the convention at what its callable takes for the time."""


def wide(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """`function` in float64 with times (B, 1), its values in the type of x."""
    return lambda x, t: function(x.double(), t.double()[:, None]).to(x.dtype)


def vp(t: Tensor) -> tuple[Tensor, Tensor]:
    total = 0.1 * t + 0.5 * 19.9 * t**2
    return (-total / 2).exp(), (1 - (-total).exp()).sqrt()


def subvp(t: Tensor) -> tuple[Tensor, Tensor]:
    a, sigma = vp(t)
    return a, sigma**2


def ve(t: Tensor) -> tuple[Tensor, Tensor]:
    return torch.ones_like(t), 0.01 * 5000**t


def steps(k: Tensor) -> tuple[Tensor, Tensor]:
    kept = ALPHAS_BAR[k.round().long()]
    return kept.sqrt(), (1 - kept).sqrt()


def edm(sigma: Tensor) -> tuple[Tensor, Tensor]:
    return torch.ones_like(sigma), sigma


def straight(t: Tensor) -> tuple[Tensor, Tensor]:
    return 1 - t, t


def score_of(levels: Levels) -> Callable[[Tensor, Tensor], Tensor]:
    def score(x: Tensor, t: Tensor) -> Tensor:
        a, sigma = levels(t)
        return -(x - a * MEAN) / (a**2 * VARIANCE + sigma**2)

    return wide(score)


def epsilon(x: Tensor, k: Tensor) -> Tensor:
    assert k.dtype is torch.int64
    a, sigma = steps(k[:, None])
    return (sigma * (x.double() - a * MEAN) / (a**2 * VARIANCE + sigma**2)).to(x.dtype)


@wide
def denoiser(x: Tensor, sigma: Tensor) -> Tensor:
    return (VARIANCE * x + sigma**2 * MEAN) / (VARIANCE + sigma**2)


@wide
def velocity(x: Tensor, u: Tensor) -> Tensor:
    """Of torchcfm's convention, noise at 0."""
    return MEAN + (u * VARIANCE - (1 - u)) / (u**2 * VARIANCE + (1 - u) ** 2) * (x - u * MEAN)


@dataclass(frozen=True)
class Case:
    """One adapter."""

    make: Callable[[], WrappedModel]
    levels: Levels
    base: float = 1.0
    gained: Callable[[Tensor], Tensor] | None = None
    """What stands for (σ/a)² in the scale of the state; None where the state is the convention's own."""
    end: float = 1.0
    """What the callable takes for the last time."""

    def marginal(self, told: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance (D,) of what the studio carries when the callable takes `told` for the time."""
        a, sigma = self.levels(told.double())
        zoom = torch.ones_like(a)
        if self.gained is not None:
            # N(0, base²) of the convention is N(0, 1)
            last = torch.tensor(self.end).double()
            part = ((self.base / self.levels(last)[0]) ** 2 - 1) / self.gained(last)
            zoom = 1 / (a * (1 + part * self.gained(told.double())).sqrt())
        return zoom * a * MEAN, zoom**2 * (a**2 * VARIANCE + sigma**2)


def squared_ratio(levels: Levels) -> Callable[[Tensor], Tensor]:
    return lambda t: (levels(t)[1] / levels(t)[0]) ** 2


def growing(t: Tensor) -> tuple[Tensor, Tensor]:
    """Of no drift and g² = 40 t + 5 from noise of the width 0.1 on."""
    return torch.ones_like(t), (0.01 + 20 * t**2 + 5 * t).sqrt()


CASES = {
    "vp": Case(lambda: dnf.from_score(score_of(vp), dim=2), vp),
    "subvp": Case(lambda: dnf.from_score(score_of(subvp), dim=2, sde="subvp"), subvp, 1.0, squared_ratio(subvp)),
    "ve": Case(lambda: dnf.from_score(score_of(ve), dim=2, sde="ve"), ve, 50.0, squared_ratio(ve)),
    "epsilon": Case(lambda: dnf.from_epsilon(epsilon, ALPHAS_BAR, dim=2), steps),
    "edm": Case(lambda: dnf.from_denoiser(denoiser, 0.002, 80.0, dim=2), edm, 80.0, squared_ratio(edm), 80.0),
    "data at 1": Case(lambda: dnf.from_velocity(velocity, dim=2), straight),
    "data at 0": Case(lambda: dnf.from_velocity(lambda x, u: -velocity(x, 1 - u), dim=2, data_at=0), straight),
    "wrap": Case(
        lambda: dnf.wrap(
            lambda x, t: -0.5 * (0.1 + 19.9 * t[:, None]) * x,
            score_of(vp),
            t=torch.linspace(0.03, 1, 101) ** 2,
            g=lambda t: (0.1 + 19.9 * t).sqrt(),
            dim=2,
        ),
        vp,
    ),
    "wrap wide": Case(
        lambda: dnf.wrap(
            lambda x, _: torch.zeros_like(x),
            score_of(growing),
            t=torch.linspace(0, 1, 101),
            g=lambda t: (40 * t + 5).sqrt(),
            dim=2,
            base=5.0,
        ),
        growing,
        5.0,
        lambda t: 20 * t**2 + 5 * t,
    ),
}
"""By what each is called in the tests."""


def log_normal(x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return (-0.5 * (x - mean) ** 2 / variance - 0.5 * torch.log(2 * math.pi * variance)).sum(-1)

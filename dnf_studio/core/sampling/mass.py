"""Whether a density holds a mass of one, in any number of dimensions: ∫p by importance sampling.

On a plane a grid tells it (`exploration.log_density`). Beyond, points are drawn from a density q near p and p/q is
averaged. Here q is the model's own samples blurred by Student kernels: samples put it where the mass is, whatever its
shape, and heavy tails keep the weights p/q bounded, since p falls off like the Gaussian that its flow ends in. A fitted
Student alone would have as bounded weights, but few of its points would meet several modes or a thin support; Gaussian
kernels would follow the samples and let single far points weigh without bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dnf_studio.core.sampling.blocks import sample
from dnf_studio.core.sampling.likelihood import estimate_ode_nll
from dnf_studio.core.sampling.model import Model
from dnf_studio.core.sde.sample_settings import SampleSettings

POINTS = 4_000
CENTRES = 2_000
BLOCK = 512
FREEDOM = 8.0
"""Degrees of freedom of the kernels: their tails fall as a power of this and the dimension together."""
RIDGE = 1e-6
"""Added to the variances of samples that may have collapsed."""
TOLERANCE = 1e-4
"""Tolerance of the ODE solver: a hundredth of what the points leave uncertain."""


@dataclass(frozen=True)
class Mass:
    """∫p, and how well it is known."""

    value: float
    error: float
    """Standard error. It is itself an estimate, which few effective points make too small."""
    effective: float
    """(Σ w)² / Σ w²: how many equally weighted points would tell as much."""


class BlurredSamples:
    """The mixture (1/M) Σ_m t(x; c_m, h² Σ) of Student kernels around samples (M, D), whose covariance is Σ.

    h is Silverman's (4 / ((D + 2) M))^(1/(D + 4)). The centres are drawn in towards the mean by √(1 − h²), so that
    many dimensions, where h is near 1, leave one Student of the samples' own covariance.

    Reference: West, "Approximating posterior distributions by mixtures", J. R. Stat. Soc. B 55, 1993.
    """

    def __init__(self, samples: Tensor) -> None:
        wide = samples.detach().cpu().double()
        count, self.dim = wide.shape
        mean = wide.mean(0)
        self.h: float = min(1.0, (4 / ((self.dim + 2) * count)) ** (1 / (self.dim + 4)))
        covariance = torch.cov(wide.T).reshape(self.dim, self.dim) + RIDGE * torch.eye(self.dim, dtype=torch.float64)
        self.root: Tensor = torch.linalg.cholesky(covariance)
        self.centres = mean + math.sqrt(1 - self.h**2) * (wide - mean)

    def draw(self, count: int, seed: int) -> Tensor:
        """Points (n, D), float64."""
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.randint(len(self.centres), (count,), generator=generator)
        eps = torch.randn(count, self.dim, generator=generator, dtype=torch.float64)
        squares = torch.randn(count, int(FREEDOM), generator=generator, dtype=torch.float64).square().sum(1)
        far = self.h * (squares / FREEDOM).rsqrt()
        return self.centres[chosen] + far[:, None] * (eps @ self.root.T)

    def log_density(self, x: Tensor) -> Tensor:
        """log q (n,), nats, at x (n, D)."""
        places, centres = (
            torch.linalg.solve_triangular(self.root, points.T, upper=False).T for points in (x, self.centres)
        )
        power = 0.5 * (FREEDOM + self.dim)
        constant = math.lgamma(power) - math.lgamma(0.5 * FREEDOM) - 0.5 * self.dim * math.log(FREEDOM * math.pi)
        scale = self.dim * math.log(self.h) + float(self.root.diagonal().log().sum()) + math.log(len(centres))
        parts = [
            torch.logsumexp(-power * torch.log1p(torch.cdist(block, centres).square() / (self.h**2 * FREEDOM)), 1)
            for block in places.split(BLOCK)
        ]
        return torch.cat(parts) + (constant - scale)


def ode_mass(flow: Model, points: int | None = None) -> Mass:
    """∫p of the probability-flow ODE's density over all space: 1 for any that is right.

    The mean of `points` weights p/q, `POINTS` unless given; q is `BlurredSamples` of samples at the model's own N. The
    divergence is exact in any dimension: exp of an estimate would be too large in the mean. Raises `DivergenceError`
    where samples leave the finite numbers or the ODE cannot be solved.
    """
    points = POINTS if points is None else points
    standard = flow.standardisation
    near = BlurredSamples(standard.to_model(sample(flow, CENTRES, SampleSettings(seed=0)).double()))
    x = near.draw(points, seed=0)
    nll = estimate_ode_nll(flow, x.to(flow.timestamps), TOLERANCE, exact=True).value
    weights = (-nll.cpu().double() - near.log_density(x)).exp()
    total = float(weights.sum())
    effective = total**2 / float(weights.square().sum()) if total else 0.0
    return Mass(total / points, float(weights.std()) / math.sqrt(points), effective)

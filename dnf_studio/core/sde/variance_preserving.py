"""The variance-preserving forward SDE of a diffusion model, whose marginals are known exactly.

dx = −½ β(t) x dt + √β(t) dw leads x_0 to x_t = a(t) x_0 + σ(t) ε with ε ~ N(0, I),
a = exp(−½ B), σ² = 1 − exp(−B) and B(t) = ∫ β. Before t_0 the integral takes β as it is at t_0, so
that σ(t_0) is small but not 0 and the score there is finite.

Reference: Y. Song et al., "Score-Based Generative Modeling through SDEs", ICLR 2021,
arXiv:2011.13456, equations 11, 29 and 33.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from dnf_studio.config import SDEConfig
from dnf_studio.core.sde.grid import diffusion_at

__all__ = ["Levels", "levels_at"]


class Levels(NamedTuple):
    """How much of the data and how much noise there is at some times, each (…)."""

    signal: Tensor
    """a(t)"""
    noise: Tensor
    """σ(t); a² + σ² = 1."""


def levels_at(sde: SDEConfig, t: Tensor) -> Levels:
    """a and σ at the times t (…) ≥ t_0, computed in float64 and given in the type of `t`.

    β is a polynomial of at most the second degree in t, for which Simpson's rule is exact.
    """
    end = t.double()
    first = end.new_tensor(sde.t_start)
    start, middle, last = (diffusion_at(sde, times).square() for times in (first, 0.5 * (first + end), end))
    total = start * first + (end - first) * (start + 4 * middle + last) / 6
    return Levels((-0.5 * total).exp().to(t), (-(-total).expm1()).sqrt().to(t))

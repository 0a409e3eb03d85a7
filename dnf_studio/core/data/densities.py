"""Closed-form log densities of the built-in sets, distances to their supports, and what blurring a density costs.

Densities are functions of points in data units and are evaluated in the precision of their input;
`toy2d` and `fractals` call them in float64. Distances are NumPy functions in whatever units the points have.

The last step of a chain adds noise of standard deviation r = g_1 √Δ_0, so its density is a mixture of N(μ, r² I),
whatever its networks say. Of all such mixtures the best one of a thin curve has all its centres on the curve: across,
data N(0, σ²) with σ < r is nearest to N(0, r²) itself, for E exp((2xy − y²)/2r²) ≤ 1 at every other centre y.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LOG_TWO_PI = math.log(2 * math.pi)
Points = NDArray[np.float64]
NODES = 40
"""Nodes of Gauss–Hermite quadrature."""
FAR, PLACES = 12.0, 4001


def log_mean_exp(terms: Tensor) -> Tensor:
    """Log of the mean over the last axis of exp(`terms`): an equal mixture, (..., K) to (...)."""
    return torch.logsumexp(terms, -1) - math.log(terms.shape[-1])


def log_gaussian(squared_distance: Tensor, sigma: float) -> Tensor:
    """Isotropic Gaussian in the plane, from the squared distance to its centre."""
    return -squared_distance / (2 * sigma**2) - LOG_TWO_PI - 2 * math.log(sigma)


def log_blurred_ring(r: Tensor, sigma: float) -> Tensor:
    """Unit circle blurred isotropically by `sigma`, at distance `r` from its centre (method.md, section 13)."""
    bessel: Tensor = torch.special.i0e(r / sigma**2)
    return log_gaussian((r - 1) ** 2, sigma) + bessel.log()


def log_radial_ring(r: Tensor, sigma: float) -> Tensor:
    """Ring of radius N(1, `sigma`²) and uniform angle, at distance `r` from its centre (method.md, section 13)."""
    # The density has a pole at the centre, of no mass; it is kept finite there.
    r_positive = r.clamp_min(torch.finfo(r.dtype).tiny)
    return -((r - 1) ** 2) / (2 * sigma**2) - 1.5 * LOG_TWO_PI - math.log(sigma) - r_positive.log()


def log_blurred_segment(along: Tensor, across: Tensor, length: float, sigma: float) -> Tensor:
    """A centred segment blurred isotropically by `sigma` ≪ `length`, in its own two coordinates.

    Along the segment the density is a difference of two normal distribution functions; at
    `length` > 100 `sigma` the far one is zero to any precision.
    """
    end: Tensor = torch.special.log_ndtr((length / 2 - along.abs()) / sigma) - math.log(length)
    return end - across**2 / (2 * sigma**2) - 0.5 * LOG_TWO_PI - math.log(sigma)


def box_distance(points: Points, low: Points, high: Points) -> Points:
    """Euclidean distance of `points` (n, 2) to the box from `low` to `high`; 0 inside."""
    beyond = np.maximum(np.maximum(low - points, points - high), 0.0)
    return np.hypot(beyond[:, 0], beyond[:, 1])


def ellipse_distance(points: Points, a: float, b: float) -> Points:
    """Euclidean distance of `points` (n, 2) to the centred ellipse with half axes `a` and `b`.

    The foot of the perpendicular is found by replacing the curve with its circle of curvature, which
    converges cubically, so that four rounds do; by symmetry one quadrant is enough.
    """
    px, py = np.abs(points[:, 0]), np.abs(points[:, 1])
    tx = np.full(len(points), math.sqrt(0.5))
    ty = tx.copy()
    for _ in range(4):
        # Centre (ex, ey) of curvature at the present foot (a tx, b ty), and the radius there.
        ex, ey = (a * a - b * b) / a * tx**3, (b * b - a * a) / b * ty**3
        qx, qy = px - ex, py - ey
        stretch = np.hypot(a * tx - ex, b * ty - ey) / np.maximum(np.hypot(qx, qy), 1e-300)
        nx, ny = np.clip((qx * stretch + ex) / a, 0, 1), np.clip((qy * stretch + ey) / b, 0, 1)
        norm = np.hypot(nx, ny)
        known = norm > 0  # at the centre of a circle every foot is as near as any other
        tx, ty = np.where(known, nx / np.where(known, norm, 1), tx), np.where(known, ny / np.where(known, norm, 1), ty)
    return np.hypot(px - a * tx, py - b * ty)


def blur_excess(sigma: float, blur: float) -> float:
    """Least KL(N(0, σ²) ‖ a mixture of N(μ, r²)) in nats: ln(r/σ) − ½ + σ²/2r² where r = `blur` > σ, else 0."""
    if blur <= sigma:
        return 0.0
    return math.log(blur / sigma) - 0.5 + 0.5 * (sigma / blur) ** 2


def crossing_growth(sigma: float, blur: float) -> float:
    """How many times as much a crossing of two curves of thickness σ takes from E[−log q] if q is blurred to r > σ.

    Along the other curve w there is r ∫ E ln(1 + exp((σ² z²/r² − w²)/2)) dw to be had, which grows about as r does.
    """
    return 1.0 if blur <= sigma else blur * _crossing(sigma / blur) / (sigma * _crossing(1.0))


@cache
def _crossing(thickness: float) -> float:
    z, weights = np.polynomial.hermite_e.hermegauss(NODES)
    w = np.linspace(-FAR, FAR, PLACES)
    inside = np.logaddexp(0.0, 0.5 * ((thickness * z[:, None]) ** 2 - w**2)).sum(1) * (w[1] - w[0])
    return float(inside @ weights / weights.sum())

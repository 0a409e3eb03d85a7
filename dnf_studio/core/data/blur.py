"""What blurring costs: how near a density that is blurred by N(0, r² I) can come to data that is thinner than r.

The last step of a chain adds noise of standard deviation r = g_1 √Δ_0, so its density is a mixture of N(μ, r² I),
whatever its networks say. Of all such mixtures the best one of a thin curve has all its centres on the curve: across,
data N(0, σ²) with σ < r is nearest to N(0, r²) itself, for E exp((2xy − y²)/2r²) ≤ 1 at every other centre y.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

__all__ = ["blur_excess", "crossing_growth"]

NODES = 40
"""Of Gauss and Hermite's quadrature."""
FAR, PLACES = 12.0, 4001


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

"""The logit of values in a bounded range, by which a model of the whole line is one of the range. NumPy only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Logit"]

LEAST, MOST = 1e-9, 0.5
NEAREST = 1e-12
"""Of p and 1 − p: what is farther out than the line reaches back stands here."""
NODES = 64
"""Of the rule that integrates a step of levels."""
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Logit:
    """v = ln p − ln(1 − p) of p = α + (1 − 2α) u, where u = (x − low) / (high − low) is in [0, 1].

    α keeps the ends of the range at a finite place; what lies beyond them on the line is beyond the range by at
    most α / (1 − 2α) of its width. Raises `ValueError` for an empty range and for α outside [1e-9, 0.5).

    Reference: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", arXiv:1605.08803, section 4.1.
    """

    low: float
    high: float
    alpha: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError("a logit has a range of values")
        if not LEAST <= self.alpha < MOST:
            raise ValueError(f"the alpha of a logit is at least {LEAST:g} and below {MOST:g}")

    def forward(self, x: Tensor) -> Tensor:
        """v (…) of values x (…), computed in float64."""
        share, inner = (x.double() - self.low) / (self.high - self.low), 1 - 2 * self.alpha
        # 1 − p from its own sum, without the digits that a difference would lose
        p, rest = (self.alpha + inner * part for part in (share, 1 - share))
        return (p.clamp(min=NEAREST).log() - rest.clamp(min=NEAREST).log()).to(x.dtype)

    def inverse(self, v: Tensor) -> Tensor:
        """x (…) of any v (…), computed in float64; NaN where v is not finite, so that what diverged shows."""
        share = (v.double().sigmoid() - self.alpha) / (1 - 2 * self.alpha)
        return (self.low + (self.high - self.low) * share).masked_fill(~v.isfinite(), math.nan).to(v.dtype)

    def log_slope(self, v: Tensor) -> Tensor:
        """ln dx/dv (…) at v (…): ln (high − low) / (1 − 2α) + ln p + ln(1 − p)."""
        far = v.abs()
        return math.log((self.high - self.low) / (1 - 2 * self.alpha)) - far - 2 * (-far).exp().log1p()

    def values(self, v: NDArray[Any]) -> NDArray[np.float32]:
        """As `inverse`, in single precision and quickly, for pictures."""
        share = (0.5 + 0.5 * np.tanh(0.5 * np.asarray(v, np.float32)) - self.alpha) / (1 - 2 * self.alpha)
        x: NDArray[np.float32] = np.float32(self.low) + np.float32(self.high - self.low) * share.astype(np.float32)
        return x

    def moments(self, low: Array, step: float) -> tuple[Array, Array]:
        """Exact mean and variance (n,) of v where x is uniform over [low, low + step), for each of `low` (n,).

        Over p uniform, v has the density of the logistic distribution, p (1 − p) dv = dp, which Gauss and Legendre's
        rule integrates to the last digits: even for the least α a level of many is 20 wide and the nearest pole at ±iπ.
        """
        begin, end = (self._line((x - self.low) / (self.high - self.low))[:, None] for x in (low, low + step))
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        v = (begin + end) / 2 + (end - begin) / 2 * nodes
        share = weights / np.cosh(v / 2) ** 2
        share /= share.sum(1, keepdims=True)
        mean = (share * v).sum(1)
        return mean, (share * (v - mean[:, None]) ** 2).sum(1)

    def _line(self, share: Array) -> Array:
        """v (…) of shares u (…) of the range."""
        p, rest = (self.alpha + (1 - 2 * self.alpha) * part for part in (share, 1 - share))
        line: Array = np.log(p) - np.log(rest)
        return line

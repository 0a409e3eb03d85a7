"""Rows that are images, and the logit of values in a bounded range. NumPy only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

WHITE = 255


class _Units(Protocol):
    """Mean and scale, (D,), of model units, and the logit that they are of."""

    @property
    def mean(self) -> Sequence[float]: ...
    @property
    def scale(self) -> Sequence[float]: ...
    @property
    def logit(self) -> Logit | None: ...


@dataclass(frozen=True)
class ImageShape:
    """Images as rows that run line by line, the channels of a pixel together.

    Raises `ValueError` for what is no image: sides below 1, other than one or three channels, or an
    empty range of values.
    """

    height: int
    width: int
    channels: int
    """1 for grey, 3 for red, green and blue."""
    low: float
    """The value, data units, that is drawn black."""
    high: float
    """The value that is drawn white."""

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 1 or self.channels not in (1, 3):
            raise ValueError("an image has a height, a width, and one or three channels")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError("an image has a range of values")

    @property
    def size(self) -> int:
        """D, the numbers of an image."""
        return self.height * self.width * self.channels

    def mirrored(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Images (n, D) with left and right exchanged."""
        return rows.reshape(-1, self.height, self.width, self.channels)[:, :, ::-1].reshape(-1, self.size)


class PixelMap:
    """From model units to grey or colour levels 0 … 255, always by the same scale, so that nothing flickers."""

    def __init__(self, shape: ImageShape, standardisation: _Units) -> None:
        self.shape, self._logit = shape, standardisation.logit
        self._scale, self._mean = (
            np.asarray(part, np.float32) for part in (standardisation.scale, standardisation.mean)
        )

    def same_as(self, other: PixelMap | None) -> bool:
        """Whether `other` draws the same points as the same images."""
        return (
            other is not None
            and (self.shape, self._logit) == (other.shape, other._logit)
            and np.array_equal(self._scale, other._scale)
            and np.array_equal(self._mean, other._mean)
        )

    def to_data(self, points: NDArray[Any]) -> NDArray[np.float32]:
        """Model units to data units, (n, D)."""
        with np.errstate(over="ignore", invalid="ignore"):
            data: NDArray[np.float32] = np.asarray(points, np.float32) * self._scale + self._mean
            return data if self._logit is None else self._logit.values(data)

    def __call__(self, points: NDArray[Any]) -> NDArray[np.uint8]:
        """The images (n, height, width, channels) of `points` (n, D), model units."""
        return self.draw(self.to_data(points))

    def draw(self, data: NDArray[Any]) -> NDArray[np.uint8]:
        """The images (n, height, width, channels) of `data` (n, D), data units.

        Values beyond the range are black or white; what is no number is black.
        """
        span = np.float32(WHITE / (self.shape.high - self.shape.low))
        with np.errstate(over="ignore", invalid="ignore"):
            levels = np.clip((np.asarray(data, np.float32) - np.float32(self.shape.low)) * span, 0, WHITE)
        shaped: NDArray[np.uint8] = np.nan_to_num(levels, copy=False, nan=0).astype(np.uint8)
        return shaped.reshape(-1, self.shape.height, self.shape.width, self.shape.channels)


LEAST, MOST = 1e-9, 0.5
NEAREST = 1e-12
"""Least value of p and 1 − p whose logarithm is taken, so that values beyond the ends of the line stay finite."""
NODES = 64
"""Nodes of the quadrature rule that integrates a step of levels."""
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
        """Do as `inverse` does, but in single precision and quickly, for pictures."""
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

"""What makes rows of numbers images: their size, and which values are black and white. NumPy only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.logit import Logit

__all__ = ["ImageShape", "PixelMap"]

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

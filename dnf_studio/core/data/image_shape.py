"""What makes rows of numbers images: their size, and which values are black and white. NumPy only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["ImageShape", "PixelMap"]

WHITE = 255


class _Affine(Protocol):
    """Mean and scale, (D,), of model units."""

    @property
    def mean(self) -> Sequence[float]: ...
    @property
    def scale(self) -> Sequence[float]: ...


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


class PixelMap:
    """From model units to grey or colour levels 0 … 255, always by the same scale, so that nothing flickers."""

    def __init__(self, shape: ImageShape, standardisation: _Affine) -> None:
        self.shape = shape
        span = WHITE / (shape.high - shape.low)
        self._gain = (np.asarray(standardisation.scale) * span).astype(np.float32)
        self._offset = ((np.asarray(standardisation.mean) - shape.low) * span).astype(np.float32)

    def __call__(self, points: NDArray[Any]) -> NDArray[np.uint8]:
        """The images (n, height, width, channels) of `points` (n, D), model units.

        Values beyond the range are black or white; what is no number is black.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            levels = np.clip(np.asarray(points, np.float32) * self._gain + self._offset, 0, WHITE)
        shaped: NDArray[np.uint8] = np.nan_to_num(levels, copy=False, nan=0).astype(np.uint8)
        return shaped.reshape(-1, self.shape.height, self.shape.width, self.shape.channels)

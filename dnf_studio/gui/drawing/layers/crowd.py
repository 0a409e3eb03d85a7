"""A crowd of points as one picture: squares counted in pixels, where a round picture for each would take too long.

50,000 points in 560 × 480 pixels take 2 ms so and 7 ms otherwise. The arrays are kept from one picture to the next:
fresh ones of this size are memory that the system has to clear, which took two thirds of the time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from dnf_studio.gui.drawing.layers.pixels import strengths

__all__ = ["Crowd"]

PIXELS_A_POINT = 20
"""A round picture takes the time of so many pixels of a crowd's."""
FEWEST = 8000
"""Fewer points are seen one by one, and would be seen to move from pixel to pixel."""
MOST = 15
"""More points of a pixel are as many."""
Array = NDArray[np.float32]


class Crowd:
    """The pictures of one layer, each good until the next."""

    def __init__(self) -> None:
        self._allocate(0, 0)

    @staticmethod
    def pays(points: int, size: tuple[int, int]) -> bool:
        """Whether so many points in a picture of `size` (width, height) are drawn faster so, and look alike."""
        return points >= FEWEST and points * PIXELS_A_POINT > size[0] * size[1]

    def picture(self, xy: Array, size: tuple[int, int], dot: tuple[float, float], colour: str) -> QImage:
        """Points `xy` (P, 2), in pixels, in a picture of `size` (width, height).

        `dot` is the diameter of one in pixels and its opacity; it becomes the next larger square, as much fainter.
        """
        width, height = size
        if self._argb.shape != (height, width):
            self._allocate(width, height)
        side = max(1, int(np.ceil(dot[0])))
        alpha = min(1.0, dot[1] * np.pi / 4 * (dot[0] / side) ** 2)
        table = strengths((colour,), np.array([1 - (1 - alpha) ** count for count in range(MOST + 1)]))
        # The pixel at the left and top of each square; one that is cut by the edge, or is no number, is left out
        x, y = (np.floor(xy[:, axis] - np.float32(side / 2 - 0.5)) for axis in (0, 1))
        with np.errstate(invalid="ignore"):
            inside = (x >= 0) & (x <= width - side) & (y >= 0) & (y <= height - side)
        self._count(y[inside].astype(np.int32) * np.int32(width) + x[inside].astype(np.int32), side)
        table.take(self._counts, mode="clip", out=self._argb)
        return QImage(self._argb.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)

    def _allocate(self, width: int, height: int) -> None:
        shape = height, width
        self._found, self._argb = np.empty(shape, np.int32), np.empty(shape, np.uint32)
        self._counts, self._rows = np.empty(shape, np.uint8), np.empty(shape, np.uint8)

    def _count(self, cells: NDArray[np.int32], side: int) -> None:
        """How many squares of `side` that begin at `cells` cover each pixel, at most `MOST`: `_counts`."""
        self._found.fill(0)
        # Unlike `bincount` into an array that is there
        np.add.at(self._found.ravel(), cells, np.int32(1))
        np.minimum(self._found, MOST, out=self._rows, casting="unsafe")
        np.copyto(self._counts, self._rows)
        for k in range(1, side):
            self._counts[:, k:] += self._rows[:, :-k]
        np.minimum(self._counts, MOST, out=self._rows)
        np.copyto(self._counts, self._rows)
        for k in range(1, side):
            self._counts[k:] += self._rows[:-k]
        np.minimum(self._counts, MOST, out=self._counts)

"""Small grey pictures of points or of images, which take the colour of the theme."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage, QPixmap

from dnf_studio.gui.drawing.axes import half_range

SIDE = 96
"""Pixels, twice what is shown: sharp on screens of double density too."""
FEW = 4
"""Images across, at least where they are small."""


def coverage(points: NDArray[np.float32]) -> NDArray[np.uint8]:
    """How much of each pixel the points (n, D) cover, 0 … 255, up the picture what grows.

    The first two components; of one component its histogram as bars.
    """
    finite = points[np.isfinite(points).all(axis=1)]
    if finite.shape[1] == 1:
        half = half_range(finite)
        counts = np.histogram(finite[:, 0], SIDE // 2, (-half, half))[0].repeat(2)
        heights = counts / max(1, int(counts.max())) * (SIDE - 8)
        bars = np.arange(SIDE)[::-1, None] < heights[None]
        return np.where(bars, 255, 0).astype(np.uint8)
    half = half_range(finite[:, :2])
    binned = np.histogram2d(finite[:, 1], finite[:, 0], SIDE, ((-half, half), (-half, half)))[0]
    grey: NDArray[np.uint8] = (255 * (1 - np.exp(-1.2 * binned))).astype(np.uint8)[::-1].copy()
    return grey


def sheet(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As many of `images` (n, height, width, channels) as fit side by side, in grey, 0 … 255."""
    every = math.ceil(max(images.shape[1:3]) / SIDE)
    small = images[:, ::every, ::every].mean(axis=-1)
    side = max(small.shape[1:])
    zoom = max(1, SIDE // (FEW * (side + 1)))
    cell = zoom * (side + 1)
    across = max(1, SIDE // cell)
    margin = max(0, (SIDE - across * cell + zoom) // 2)
    grey = np.zeros((SIDE, SIDE), np.uint8)
    for k, image in enumerate(small[: across**2].repeat(zoom, 1).repeat(zoom, 2)):
        top, left = (margin + place * cell for place in divmod(k, across))
        grey[top : top + image.shape[0], left : left + image.shape[1]] = image
    return grey


def image_of(grey: NDArray[np.uint8]) -> QImage:
    """The picture of `SIDE` × `SIDE` levels."""
    return QImage(grey.tobytes(), SIDE, SIDE, SIDE, QImage.Format.Format_Grayscale8).copy()


def tinted(image: QImage, colour: str) -> QPixmap:
    """A grey picture in this colour, the more transparent the darker it is."""
    filled = QImage(image.size(), QImage.Format.Format_ARGB32)
    filled.fill(QColor(colour))
    filled.setAlphaChannel(image)
    return QPixmap.fromImage(filled)

"""Many paths as one faint picture, kept until the paths or the view change.

Every path is sampled about once a pixel and the samples are counted in pixels; where many paths
run, the colour is stronger. That costs the same whatever N is (PITFALLS 2: counting is the cheap
way to draw many things), about 2 ms for 500 paths, and a cursor that moves over it costs one copy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QTransform

from dnf_studio.gui.plots.layers.device import DeviceLayer, to_device
from dnf_studio.gui.plots.words import lost_paths

__all__ = ["PathsLayer", "count_pixels"]

MAX_SAMPLES = 400_000
MAX_COUNT = 64
USUAL_PATHS = 500
GOLDEN = 0.6180339887
Array = NDArray[np.float32]


class PathsLayer(DeviceLayer):
    """Paths in one colour."""

    def __init__(self, colour: str, alpha: float = 0.16, most: float = 0.62) -> None:
        super().__init__()
        self._paths: Array = np.empty((0, 0, 2), np.float32)
        self._colour, self._alpha, self._most = colour, alpha, most
        self._image: QImage | None = None
        self._key: tuple[object, ...] = ()
        self._version = 0

    def set_paths(self, paths: Array) -> None:
        """Show `paths` (N+1, P, 2), plot units; those that leave the finite numbers are left out."""
        self._paths = paths if not lost_paths(paths) else paths[:, np.isfinite(paths).all(axis=(0, 2))]
        self._version += 1
        self.update()

    def set_colour(self, colour: str) -> None:
        """Draw in `colour`."""
        self._colour = colour
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """One picture, made anew if something changed."""
        if len(self._paths) < 2 or not self._paths.shape[1]:
            return
        ratio = painter.device().devicePixelRatio()
        corner = QPointF(np.floor(area.left()), np.floor(area.top()))
        width, height = (int(np.ceil(v * ratio)) + 1 for v in (area.right() - corner.x(), area.bottom() - corner.y()))
        key = (self._version, self._colour, ratio, width, height, corner.x(), corner.y(), *_numbers(transform))
        if self._image is None or key != self._key:
            shift = transform * QTransform.fromTranslate(-corner.x(), -corner.y()) * QTransform.fromScale(ratio, ratio)
            counts = count_pixels(to_device(self._paths, shift), width, height)
            self._image = _picture(counts, self._strengths())
            self._image.setDevicePixelRatio(ratio)
            self._key = key
        painter.drawImage(corner, self._image)

    def _strengths(self) -> NDArray[np.uint32]:
        """Premultiplied ARGB for 0, 1, … crossings of a pixel; fewer paths are drawn more strongly."""
        single = min(0.9 * self._most, self._alpha * (USUAL_PATHS / self._paths.shape[1]) ** 0.5)
        alpha = self._most * (1 - (1 - single / self._most) ** np.arange(MAX_COUNT))
        colour = QColor(self._colour)
        parts = (np.ones(MAX_COUNT), *(np.full(MAX_COUNT, v) for v in (colour.redF(), colour.greenF(), colour.blueF())))
        argb = np.zeros(MAX_COUNT, np.uint32)
        for part in parts:
            argb = (argb << np.uint32(8)) | np.rint(255 * part * alpha).astype(np.uint32)
        return argb


def count_pixels(paths: Array, width: int, height: int) -> NDArray[np.intp]:
    """How many samples of `paths` (N+1, P, 2), in pixels, fall into each pixel: (height, width).

    A step is sampled as often as all but the longest steps are pixels long, so single far jumps
    look dotted instead of costing every path.
    """
    # One pixel of border all around takes what lies outside
    x, y = np.clip(paths[..., 0] + 1, 0, width + 1), np.clip(paths[..., 1] + 1, 0, height + 1)
    dx, dy = np.diff(x, axis=0), np.diff(y, axis=0)
    lengths = np.maximum(np.abs(dx), np.abs(dy)).ravel()
    usual = float(np.quantile(lengths[:: max(1, len(lengths) // 4000)], 0.95))
    samples = int(np.clip(np.ceil(usual), 1, max(1, MAX_SAMPLES // len(lengths))))
    # Each path is sampled at its own phase; else all would be counted twice in the same columns of a t–x view
    phase = (np.arange(paths.shape[1]) * GOLDEN % 1).astype(np.float32)
    way = (np.arange(samples, dtype=np.float32)[:, None, None] + phase) / samples
    cells = (y[:-1] + dy * way).astype(np.int32)
    cells *= width + 2
    cells += (x[:-1] + dx * way).astype(np.int32)
    counts = np.bincount(cells.ravel(), minlength=(width + 2) * (height + 2))
    return counts.reshape(height + 2, width + 2)[1:-1, 1:-1]


def _picture(counts: NDArray[np.intp], strengths: NDArray[np.uint32]) -> QImage:
    """The counts in colour; the image owns its pixels."""
    pixels = np.ascontiguousarray(strengths.take(counts, mode="clip"))
    height, width = pixels.shape
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied).copy()


def _numbers(transform: QTransform) -> tuple[float, ...]:
    return transform.m11(), transform.m22(), transform.dx(), transform.dy()

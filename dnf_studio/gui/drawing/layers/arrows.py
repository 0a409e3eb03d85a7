"""A vector field as arrows, all of them one batch of lines: 1 ms for 32 × 32, and the heat map under it.

A length goes with the root of the vector's, so that weak parts of a field are seen beside strong ones. The
longest arrows just do not touch; arrows that would lie too close are thinned out.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QTransform

from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.layers.device import DeviceLayer, to_device
from dnf_studio.gui.drawing.layers.pixels import image_of
from dnf_studio.gui.drawing.layers.strokes import StrokesLayer

__all__ = ["ArrowsLayer", "HeatLayer", "arrow_lines", "head_strokes", "next_limit", "upper_limit"]

TOP = 0.98
"""Quantile of the values that gets the longest arrow or the strongest colour."""
FOLLOW = 0.12
CLOSEST = 15.0
"""Pixels between two arrows."""
LONGEST = 0.95
"""Of the distance between two."""
SHORTEST = 1.2
"""Pixels; what is shorter is a dot."""
HEAD = 0.34
MAX_HEAD = 5.0
SHADES = 256
Array = NDArray[np.float64]
_TURN = np.deg2rad(152.0)
_TURNS = np.array([[np.cos(_TURN), np.sin(_TURN)], [np.cos(_TURN), -np.sin(_TURN)]])
"""Cosine and sine of the two strokes of a head."""


class ArrowsLayer(StrokesLayer):
    """Arrows on a regular grid."""

    def __init__(self) -> None:
        super().__init__()
        self._x, self._y, self._vectors = np.empty(0), np.empty(0), np.empty((0, 0, 2))
        self._limit = 0.0

    def set_field(self, x: Array, y: Array, vectors: Array, limit: float) -> None:
        """Show `vectors` (R, C, 2) at the places x (C,) and y (R,); those of the length `limit` are the longest."""
        self._x, self._y, self._vectors, self._limit = x, y, vectors, limit
        self.update()

    def strokes(self, transform: QTransform) -> Array:
        """Shafts and heads."""
        if not self._vectors.size or self._limit <= 0:
            return np.empty((0, 4))
        return arrow_lines(self._x, self._y, self._vectors, self._limit, transform)


class HeatLayer(DeviceLayer):
    """Values on a regular grid as a smooth picture."""

    def __init__(self) -> None:
        super().__init__()
        self._values = np.empty((0, 0))
        self._extent = 0.0, 0.0, 1.0, 1.0
        self._limit, self._signed = 0.0, False
        self._stops: tuple[str, ...] = ("#000000", "#000000")
        self._image: QImage | None = None

    def set_values(self, values: Array, extent: tuple[float, float, float, float], limit: float, signed: bool) -> None:
        """Colour `values` (R, C), lowest row first, from 0 or −`limit` to `limit` over left, bottom, right, top."""
        self._values, self._extent, self._limit, self._signed = values, extent, limit, signed
        self._image = None
        self.update()

    def set_colours(self, stops: tuple[str, ...]) -> None:
        """The colours from the lowest to the highest value."""
        self._stops, self._image = stops, None
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """One small picture, stretched."""
        if not self._values.size or self._limit <= 0:
            return
        if self._image is None:
            self._image = _picture(self._values, self._limit, self._signed, self._stops)
        left, bottom, right, top = self._extent
        corners = transform.map(QPointF(left, top)), transform.map(QPointF(right, bottom))
        painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF(*corners), self._image)


def arrow_lines(x: Array, y: Array, vectors: Array, limit: float, transform: QTransform) -> Array:
    """Shafts and heads, (K, 4) device pixels, of the arrows that are neither too close nor not finite.

    Each arrow has its middle at its place; one too short to have a direction is left out.
    """
    apart = _apart(x, transform.m11()), _apart(y, transform.m22())
    strides = [max(1, int(np.ceil(CLOSEST / max(each, 1e-9)))) for each in apart]
    room = min(stride * each for stride, each in zip(strides, apart, strict=True))
    starts = [(len(axis) - 1) % stride // 2 for axis, stride in zip((x, y), strides, strict=True)]
    x, y = x[starts[0] :: strides[0]], y[starts[1] :: strides[1]]
    some = vectors[starts[1] :: strides[1], starts[0] :: strides[0]].reshape(-1, 2)
    places = to_device(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32), transform)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        length = np.hypot(some[:, 0], some[:, 1])
        pixels = np.minimum(1.0, np.sqrt(length / limit)) * LONGEST * room
        shown = np.isfinite(length) & (pixels >= SHORTEST)
    places, pixels = places[shown].astype(np.float64), pixels[shown, None]
    ways = some[shown] / length[shown, None] * [np.sign(transform.m11()), np.sign(transform.m22())]
    tips = places + 0.5 * pixels * ways
    heads = np.minimum(MAX_HEAD, HEAD * pixels)
    shafts = np.concatenate([tips, places - 0.5 * pixels * ways], axis=1)
    return np.concatenate([shafts, *head_strokes(tips, ways, heads)])


def head_strokes(tips: Array, ways: Array, sizes: Array) -> list[Array]:
    """The two strokes of heads at `tips` (K, 2) that point along the unit vectors `ways`, (K, 4) each."""
    turned = [np.stack([c * ways[:, 0] - s * ways[:, 1], s * ways[:, 0] + c * ways[:, 1]], axis=1) for c, s in _TURNS]
    return [np.concatenate([tips, tips + sizes * stroke], axis=1) for stroke in turned]


def upper_limit(values: Array) -> float:
    """The size that all but a few of `values` stay below; 0 where none is finite."""
    sizes = np.abs(values[np.isfinite(values)])
    return float(np.quantile(sizes, TOP)) if sizes.size else 0.0


def next_limit(limit: float | None, wanted: float) -> float:
    """`limit` on its way to `wanted`: at once where there is none, then an eighth of the way a frame."""
    if limit is None or limit <= 0 or wanted <= 0:
        return wanted
    return float(limit * (wanted / limit) ** FOLLOW)


def _apart(axis: Array, scale: float) -> float:
    """Pixels between two neighbours; far apart where there is one place only."""
    return float(abs(axis[1] - axis[0]) * abs(scale)) if len(axis) > 1 else 1e3


def _picture(values: Array, limit: float, signed: bool, stops: tuple[str, ...]) -> QImage:
    """A pixel a value, the highest row first; what is not finite is left out. The image owns its pixels."""
    known = np.isfinite(values)
    way = np.where(known, values, 0.0) / limit
    shades = np.clip((0.5 + 0.5 * way if signed else way) * (SHADES - 1), 0, SHADES - 1).astype(np.intp)
    return image_of(np.where(known, _table(stops)[shades], np.uint32(0))[::-1])


@cache
def _table(stops: tuple[str, ...]) -> NDArray[np.uint32]:
    return np.array([QColor(colour).rgba() for colour in colour_ramp(stops, SHADES)], np.uint32)

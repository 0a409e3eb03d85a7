"""Values over the plane as one stretched picture: cells in sixteen colours with their key, or a smooth map."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QTransform

from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.layers.device import DeviceLayer, image_of
from dnf_studio.gui.drawing.layers.scale import BUCKETS, ColourKey, bucket_of, nats_at
from dnf_studio.gui.drawing.theme import Theme

__all__ = ["CellsLayer", "HeatLayer"]

SHADES = 256

Array = NDArray[np.float32]


class CellsLayer(DeviceLayer):
    """Values in sixteen colours, nothing where there is no number, and the key of the colours.

    `ramp` is the map of the theme, `words` writes the ends of the key.
    """

    def __init__(self, ramp: str = "disagreement", words: Callable[[float, float], tuple[str, str]] = nats_at) -> None:
        super().__init__()
        self._ramp = ramp
        self._cells: Array = np.empty((0, 0), np.float32)
        self._range = QRectF()
        self._limits = (0.0, 1.0)
        self._font = QFont()
        self._image: QImage | None = None
        self._colours: NDArray[np.uint32] = np.zeros(BUCKETS, np.uint32)
        self._key = ColourKey(ramp, words)

    def set_cells(self, cells: Array, area: QRectF, limits: tuple[float, float]) -> None:
        """Show `cells` (rows, columns), the first row lowest, over `area` in plot units."""
        self._cells, self._range, self._limits, self._image = cells, area, limits, None
        self.update()

    def set_theme(self, theme: Theme, font: QFont) -> None:
        """The colours of `theme`; the key is written in `font`."""
        ramp = colour_ramp(getattr(theme, self._ramp), BUCKETS)
        self._colours = np.array([QColor(colour).rgba() for colour in ramp], np.uint32)
        self._key.set_theme(theme)
        self._font, self._image = font, None
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """One stretched image."""
        if not self._cells.size:
            return
        if self._image is None:
            argb = np.where(np.isnan(self._cells), np.uint32(0), self._colours[bucket_of(self._cells, self._limits)])
            self._image = image_of(argb[::-1])
        painter.setClipRect(area)
        painter.drawImage(transform.mapRect(self._range), self._image)
        self._key.draw(painter, area, self._limits, self._font)


class HeatLayer(DeviceLayer):
    """Values on a regular grid as a smooth picture."""

    def __init__(self) -> None:
        super().__init__()
        self._values: NDArray[np.float64] = np.empty((0, 0))
        self._extent = 0.0, 0.0, 1.0, 1.0
        self._limit, self._signed = 0.0, False
        self._stops: tuple[str, ...] = ("#000000", "#000000")
        self._image: QImage | None = None

    def set_values(
        self, values: NDArray[np.float64], extent: tuple[float, float, float, float], limit: float, signed: bool
    ) -> None:
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


def _picture(values: NDArray[np.float64], limit: float, signed: bool, stops: tuple[str, ...]) -> QImage:
    """A pixel a value, the highest row first; what is not finite is left out. The image owns its pixels."""
    known = np.isfinite(values)
    way = np.where(known, values, 0.0) / limit
    shades = np.clip((0.5 + 0.5 * way if signed else way) * (SHADES - 1), 0, SHADES - 1).astype(np.intp)
    return image_of(np.where(known, _table(stops)[shades], np.uint32(0))[::-1])


@cache
def _table(stops: tuple[str, ...]) -> NDArray[np.uint32]:
    return np.array([QColor(colour).rgba() for colour in colour_ramp(stops, SHADES)], np.uint32)

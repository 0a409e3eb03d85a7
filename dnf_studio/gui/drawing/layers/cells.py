"""Cells of a map, one picture stretched over its range."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QTransform

from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.layers.device import DeviceLayer
from dnf_studio.gui.drawing.layers.pixels import image_of
from dnf_studio.gui.drawing.layers.scale import BUCKETS, ColourKey, bucket_of, nats_at
from dnf_studio.gui.drawing.theme import Theme

__all__ = ["CellsLayer"]

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

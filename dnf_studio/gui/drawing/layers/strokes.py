"""Lines of one colour, drawn by one call."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pyqtgraph.Qt import internals
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QTransform

from dnf_studio.gui.drawing.layers.device import DeviceLayer

__all__ = ["StrokesLayer"]


class StrokesLayer(DeviceLayer):
    """Draws what `strokes` finds, in a width of pixels."""

    width = 1.0

    def __init__(self) -> None:
        super().__init__()
        self._colour = "#000000"
        self._batch = internals.PrimitiveArray(QLineF, 4)

    def strokes(self, transform: QTransform) -> NDArray[np.floating]:
        """From where to where, (K, 4) device pixels."""
        raise NotImplementedError

    def set_colour(self, colour: str) -> None:
        """Draw in `colour`."""
        self._colour = colour
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """Nothing where there is no line."""
        lines = self.strokes(transform)
        if not len(lines):
            return
        self._batch.resize(len(lines))
        self._batch.ndarray()[:] = lines
        pen = QPen(QColor(self._colour), self.width)
        pen.setCosmetic(True)
        painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen)
        painter.drawLines(*self._batch.drawargs())

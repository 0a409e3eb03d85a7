"""The ground of all layers: an item that fills its view and draws in device pixels.

pyqtgraph's own items carry Python work for every point or redraw every path on every repaint. A
layer keeps arrays, maps them with one multiplication and draws them with one call of QPainter.
"""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QTransform
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

__all__ = ["BEHIND", "DeviceLayer", "to_device"]

FAR = 1e5
BEHIND = 0.35
"""Opacity of what is behind many chosen points."""
Array = NDArray[np.float32]


class DeviceLayer(pg.GraphicsObject):  # type: ignore[misc]
    """An item whose `draw` gets a painter in device pixels and the way there from plot units."""

    def boundingRect(self) -> QRectF:
        """The whole view, so the item needs no geometry of its own and never changes any range."""
        return QRectF(self.viewRect())

    def viewTransformChanged(self) -> None:
        """The view moved or changed its size."""
        self.prepareGeometryChange()
        super().viewTransformChanged()

    def step_back(self, back: bool) -> None:
        """Be faint behind what is set off, or not any more."""
        self.setOpacity(BEHIND if back else 1.0)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Called by Qt."""
        transform = painter.transform()
        area = transform.mapRect(self.boundingRect())
        painter.save()
        painter.resetTransform()
        self.draw(painter, transform, area)
        painter.restore()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """Draw within `area`, in device pixels."""
        raise NotImplementedError


def to_device(points: Array, transform: QTransform) -> Array:
    """Plot units (…, 2) to device pixels, kept within what QPainter can draw."""
    mapped = np.empty(points.shape, np.float32)
    ways = (transform.m11(), transform.dx()), (transform.m22(), transform.dy())
    with np.errstate(over="ignore", invalid="ignore"):
        # An axis after the other: four times faster than both at once, which numpy does in loops of two
        for axis, (scale, offset) in enumerate(ways):
            np.multiply(points[..., axis], np.float32(scale), out=mapped[..., axis])
            mapped[..., axis] += np.float32(offset)
        np.clip(mapped, -FAR, FAR, out=mapped)
    return mapped

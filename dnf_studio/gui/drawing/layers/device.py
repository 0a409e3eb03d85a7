"""What all layers stand on: an item that fills its view and draws in device pixels, lines in one call, and pixels.

pyqtgraph's own items carry Python work for every point or redraw every path on every repaint. A
layer keeps arrays, maps them with one multiplication and draws them with one call of QPainter.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from pyqtgraph.Qt import internals
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QTransform
from PySide6.QtWidgets import QGraphicsScene, QStyleOptionGraphicsItem, QWidget

from dnf_studio.gui.drawing.layers.figure_painter import FigurePainter

FAR = 1e5
BEHIND = 0.35
"""Opacity of what is behind many chosen points."""
Array = NDArray[np.float32]
Pixels = NDArray[np.uint32]


class DeviceLayer(pg.GraphicsObject):  # type: ignore[misc]
    """An item whose `draw` gets a painter in device pixels and the way there from plot units."""

    _image: QImage | None = None
    """The picture that a layer may keep while nothing changes, a megabyte or two of a view."""

    def setVisible(self, visible: bool) -> None:
        """Show or hide it; hidden it keeps no picture."""
        super().setVisible(visible)
        if not visible:
            self.forget_picture()

    def forget_picture(self) -> None:
        """Keep no picture, as nobody sees it."""
        self._image = None

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

    @abstractmethod
    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """Draw within `area`, in device pixels."""


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


def forget_pictures(scene: QGraphicsScene) -> None:
    """Let no layer of `scene` keep a picture: nothing of it is seen."""
    for item in scene.items():
        if isinstance(item, DeviceLayer):
            item.forget_picture()


class StrokesLayer(DeviceLayer):
    """Draws what `strokes` finds, in a width of pixels."""

    width = 1.0

    def __init__(self) -> None:
        super().__init__()
        self._colour = "#000000"
        self._batch = internals.PrimitiveArray(QLineF, 4)

    @abstractmethod
    def strokes(self, transform: QTransform) -> NDArray[np.floating]:
        """The end points x1, y1, x2, y2 of each stroke, (K, 4), device pixels."""

    def set_colour(self, colour: str) -> None:
        """Draw in `colour`."""
        self._colour = colour
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """Draw the strokes; nothing where there is none."""
        lines = self.strokes(transform)
        if not len(lines):
            return
        self._batch.resize(len(lines))
        self._batch.ndarray()[:] = lines
        pen = QPen(QColor(self._colour), self.width)
        pen.setCosmetic(not isinstance(painter, FigurePainter))
        painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen)
        painter.drawLines(*self._batch.drawargs())


def image_of(pixels: Pixels) -> QImage:
    """Premultiplied ARGB (height, width) as an image that owns its pixels."""
    rows = np.ascontiguousarray(pixels)
    height, width = rows.shape
    return QImage(rows.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied).copy()


def premultiplied(colours: Sequence[str], alphas: NDArray[np.float64]) -> Pixels:
    """Each of `colours` with its own of `alphas`, all (C,); nobody writes to what is returned."""
    return _premultiplied(tuple(colours), alphas.astype(np.float64).tobytes())


@lru_cache(maxsize=256)
def _premultiplied(colours: tuple[str, ...], opacities: bytes) -> Pixels:
    """Asked for with every picture of paths, of which it would be a tenth of the time."""
    alphas = np.frombuffer(opacities, np.float64)
    known = [QColor(colour) for colour in colours]
    argb = np.zeros(len(known), np.uint32)
    for part in (QColor.alphaF, QColor.redF, QColor.greenF, QColor.blueF):
        values = np.array([part(colour) for colour in known])
        argb = (argb << np.uint32(8)) | np.rint(255 * values * alphas).astype(np.uint32)
    return argb


def strengths(colours: tuple[str, ...], alphas: NDArray[np.float64]) -> Pixels:
    """Each of `colours` with each of `alphas`, (colours, alphas)."""
    return np.stack([premultiplied([colour] * len(alphas), alphas) for colour in colours])

"""Images side by side, one picture: 2 ms for 144 of 28 × 28 pixels.

Plot units are pixels of the images, the first row at the top. Each image has a whole number of device pixels
for each of its own, as long as nobody zooms, and a gap around it where what is chosen is framed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QTransform

from dnf_studio.core.data.image_shape import ImageShape, PixelMap
from dnf_studio.gui.drawing.layers.device import DeviceLayer
from dnf_studio.gui.drawing.layers.figure_painter import FigurePainter

WANTED = 96
"""Images seen at once, about."""
GAP = 10
"""An image's side over the gap beside it."""
FRAME = 2.0
"""Device pixels of a frame."""
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Mosaic:
    """How images stand: `columns` across and `rows` down, each image and its gap `cell` high and wide."""

    columns: int
    rows: int
    cell: tuple[int, int]
    gap: int
    zoom: float
    """Device pixels for each pixel of an image."""

    @property
    def count(self) -> int:
        """How many images fit."""
        return self.columns * self.rows

    def place(self, index: int) -> QRectF:
        """The image `index`, plot units, without its gap."""
        row, column = divmod(index, self.columns)
        high, wide = self.cell
        return QRectF(column * wide, row * high, wide - self.gap, high - self.gap)

    def centres(self, count: int) -> NDArray[np.float64]:
        """The middles (count, 2) of the first images, plot units."""
        row, column = np.divmod(np.arange(count), self.columns)
        high, wide = self.cell
        return np.stack([(column + 0.5) * wide - self.gap / 2, (row + 0.5) * high - self.gap / 2], axis=1)

    def at(self, x: float, y: float) -> int | None:
        """The image at a place in plot units; None beside all."""
        column, row = math.floor(x / self.cell[1]), math.floor(y / self.cell[0])
        index = row * self.columns + column
        inside = 0 <= column < self.columns and 0 <= row < self.rows
        return index if inside and self.place(index).contains(x, y) else None


def arrange(shape: ImageShape, count: int, width: float, height: float) -> Mosaic:
    """The mosaic of `count` images in an area of `width` by `height` device pixels.

    Of all whole numbers of device pixels for a pixel, the one with which about `WANTED` images are in sight, or
    about `count` where these are fewer.
    """
    gap = max(2, round(max(shape.height, shape.width) / GAP))
    cell = shape.height + gap, shape.width + gap

    def fitting(zoom: float) -> tuple[int, int]:
        return int((width + gap) / (cell[1] * zoom)), int((height + gap) / (cell[0] * zoom))

    wanted = min(count, WANTED)
    zooms = range(1, 1 + max(1, int(min((width + gap) / cell[1], (height + gap) / cell[0]))))
    zoom: float = min(zooms, key=lambda zoom: abs(math.log(max(0.1, math.prod(fitting(zoom))) / wanted)))
    columns, rows = fitting(zoom)
    if not columns * rows:
        zoom = max(1e-3, min(width / shape.width, height / shape.height, 1.0))
        columns = rows = 1
    return Mosaic(columns, min(rows, max(1, math.ceil(count / columns))), cell, gap, zoom)


def picture_of(pixels: NDArray[np.uint8], mosaic: Mosaic, ground: str) -> QImage:
    """Images (n, height, width, channels) in the cells of `mosaic`, the rest and the gaps in the colour `ground`."""
    n, high, wide, _ = pixels.shape
    rows, columns = mosaic.rows, mosaic.columns
    cells = np.empty((rows, mosaic.cell[0], columns, mosaic.cell[1]), np.uint32)
    cells[:] = QColor(ground).rgb()
    parts = pixels.astype(np.uint32)
    red, green, blue = (parts[..., min(k, parts.shape[-1] - 1)] for k in range(3))
    argb = np.uint32(0xFF000000) | red << np.uint32(16) | green << np.uint32(8) | blue
    inner = cells.transpose(0, 2, 1, 3)[:, :, :high, :wide]
    whole, rest = divmod(n, columns)
    inner[:whole] = argb[: whole * columns].reshape(whole, columns, high, wide)
    if rest:
        inner[whole, :rest] = argb[whole * columns :]
    across, down = columns * mosaic.cell[1], rows * mosaic.cell[0]
    # A copy, for the array does not live as long as the picture
    return QImage(cells.data, across, down, 4 * across, QImage.Format.Format_RGB32).copy()


class ImagesLayer(DeviceLayer):
    """The images, frames in their colours, and stronger ones around what is chosen."""

    coloured_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._points: Array = np.empty((0, 0), np.float32)
        self._mosaic: Mosaic | None = None
        self._pixels: PixelMap | None = None
        self._ground, self._accent, self._text = "#ffffff", "#000000", "#000000"
        self._buckets: NDArray[np.uint8] | None = None
        self._colours: tuple[str, ...] = ()
        self._first = 0
        self._frames: tuple[object, QImage] | None = None
        self._chosen: list[int] = []

    def set_images(self, points: Array, first: int, mosaic: Mosaic | None, pixels: PixelMap | None) -> None:
        """Show `points` (n, D), model units, of which the first one is number `first`; None shows nothing.

        A point with a number that is not finite leaves its place empty.
        """
        self._points, self._first, self._mosaic, self._pixels = points, first, mosaic, pixels
        self._image = None
        self.update()

    def forget_picture(self) -> None:
        """Keep neither the images nor their frames, as nobody sees them."""
        super().forget_picture()
        self._frames = None

    def set_chosen(self, places: list[int]) -> None:
        """Frame the images at these places of the mosaic, the last one, the current point, twice."""
        if places != self._chosen:
            self._chosen = places
            self.update()

    def set_buckets(self, buckets: NDArray[np.uint8] | None, colours: tuple[str, ...]) -> None:
        """Frame image k in `colours[buckets[k]]`, where there is a bucket for each; None frames none."""
        before = self.coloured
        self._buckets, self._colours, self._frames = buckets, colours, None
        self.update()
        if self.coloured != before:
            self.coloured_changed.emit()

    @property
    def coloured(self) -> bool:
        """Whether images are framed in colours."""
        return self._buckets is not None

    def set_look(self, ground: str, accent: str, text: str) -> None:
        """Gaps of `ground`, frames of what is chosen in `accent`, the current one in `text` around it."""
        self._ground, self._accent, self._text = ground, accent, text
        self._image = None
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """One stretched picture, then frames."""
        if self._mosaic is None or self._pixels is None or not len(self._points):
            return
        if self._image is None:
            self._image = picture_of(self._shown(self._pixels), self._mosaic, self._ground)
        painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
        target = transform.mapRect(QRectF(0, 0, self._image.width(), self._image.height()))
        if isinstance(painter, FigurePainter):
            painter.rasterise(transform, target & area, self._draw_picture)
        else:
            self._draw_picture(painter, transform, area)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        self._draw_colours(painter, transform, area.toAlignedRect(), self._mosaic)
        self._draw_chosen(painter, transform, self._mosaic)

    def _draw_picture(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        if self._image is not None:
            target = transform.mapRect(QRectF(0, 0, self._image.width(), self._image.height()))
            smaller = target.width() < self._image.width()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smaller)
            painter.drawImage(target, self._image)

    def _shown(self, pixels: PixelMap) -> NDArray[np.uint8]:
        """The images; one that is lost is in the colour of the ground."""
        shown = pixels(self._points)
        lost = ~np.isfinite(self._points).all(axis=1)
        if lost.any():
            ground = QColor(self._ground)
            shown[lost] = (ground.red(), ground.green(), ground.blue())[: shown.shape[-1]]
        return shown

    def _draw_colours(self, painter: QPainter, transform: QTransform, area: QRect, mosaic: Mosaic) -> None:
        """Frames that stay while the time moves: as one picture they cost a tenth of drawing them anew."""
        count = len(self._points)
        if self._buckets is None or len(self._buckets) < self._first + count:
            return
        if isinstance(painter, FigurePainter):
            self._frame_colours(painter, transform, mosaic, self._buckets[self._first : self._first + count])
            return
        ratio = painter.device().devicePixelRatio()
        key = transform, area, mosaic, self._first, count, ratio
        if self._frames is None or self._frames[0] != key:
            frames = QImage(area.size() * ratio, QImage.Format.Format_ARGB32_Premultiplied)
            frames.setDevicePixelRatio(ratio)
            frames.fill(Qt.GlobalColor.transparent)
            inner = QPainter(frames)
            inner.translate(-area.topLeft())
            self._frame_colours(inner, transform, mosaic, self._buckets[self._first : self._first + count])
            inner.end()
            self._frames = (QTransform(transform), *key[1:]), frames
        painter.drawImage(area.topLeft(), self._frames[1])

    def _frame_colours(
        self, painter: QPainter, transform: QTransform, mosaic: Mosaic, buckets: NDArray[np.uint8]
    ) -> None:
        for bucket, colour in enumerate(self._colours):
            places = np.flatnonzero(buckets == bucket).tolist()
            self._frame(painter, transform, mosaic, places, QPen(QColor(colour), FRAME), 1)

    def _draw_chosen(self, painter: QPainter, transform: QTransform, mosaic: Mosaic) -> None:
        self._frame(painter, transform, mosaic, self._chosen, QPen(QColor(self._accent), FRAME + 1), 1)
        self._frame(painter, transform, mosaic, self._chosen[-1:], QPen(QColor(self._text), FRAME), 3)

    def _frame(
        self, painter: QPainter, transform: QTransform, mosaic: Mosaic, places: list[int], pen: QPen, away: float
    ) -> None:
        """Rectangles `away` device pixels outside of the images."""
        if places:
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.drawRects([transform.mapRect(mosaic.place(k)).adjusted(-away, -away, away, away) for k in places])

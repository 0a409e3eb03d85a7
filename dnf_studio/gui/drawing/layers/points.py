"""Points, each one small round picture, or many of them counted in pixels: 0.3 ms for 2,000, 2 for 50,000."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pyqtgraph.Qt import internals
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap, QTransform

from dnf_studio.gui.drawing.layers.device import BEHIND, DeviceLayer, strengths, to_device

HUED = 1.3
"""How much stronger points are whose colour means something."""
Array = NDArray[np.float32]
PIXELS_A_POINT = 20
"""A round picture takes the time of so many pixels of a counted one's."""
FEWEST = 8000
"""Fewer points are seen one by one, and would be seen to move from pixel to pixel."""
MOST = 15
"""More points of a pixel are as many."""


class PointsLayer(DeviceLayer):
    """A cloud of points in one colour, or each in its own of a few; the more there are, the smaller and fainter."""

    def __init__(self, colour: str, diameter: float = 3.6, alpha: float = 0.7) -> None:
        super().__init__()
        self._points: Array = np.empty((0, 2), np.float32)
        self._colour, self._diameter, self._alpha = colour, diameter, alpha
        self._rows: NDArray[np.intp] | None = None
        self._faint = False
        self._shares = 1.0, 1.0
        self._picture: QPixmap | None = None
        self._picture_key: tuple[object, ...] = ()
        self._buckets: NDArray[np.uint8] | None = None
        self._colours: tuple[str, ...] = ()
        self._counted = CountedPoints()
        self._fragments = internals.PrimitiveArray(QPainter.PixmapFragment, 10)

    def set_points(self, points: Array, rows: NDArray[np.intp] | None = None) -> None:
        """Show `points` (P, 2), plot units, or these `rows` of them; those that are not finite are left out."""
        self._points, self._rows = points if rows is None else points[rows], rows
        self.update()

    def set_colour(self, colour: str) -> None:
        """Draw in `colour`."""
        self._colour = colour
        self.update()

    def set_buckets(self, buckets: NDArray[np.uint8] | None, colours: tuple[str, ...]) -> None:
        """Draw point k in `colours[buckets[k]]`, where there is a bucket for each; None draws in one colour again."""
        self._buckets, self._colours = buckets, colours
        self.update()

    def step_back(self, back: bool) -> None:
        """Draw the points fainter: by a fainter picture, which unlike opacity costs nothing."""
        if back != self._faint:
            self._faint = back
            self.update()

    def set_dots(self, diameter: float, alpha: float) -> None:
        """Draw points of so many times their usual diameter and opacity."""
        if (diameter, alpha) != self._shares:
            self._shares = diameter, alpha
            self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """One call for all points within the view."""
        if not len(self._points):
            return
        ratio, buckets = painter.device().devicePixelRatio(), self._own_buckets()
        size = int(np.ceil((area.width() + 1) * ratio)), int(np.ceil((area.height() + 1) * ratio))
        if buckets is None and CountedPoints.pays(len(self._points), size):
            self._draw_counted(painter, transform, area, size)
            return
        with np.errstate(invalid="ignore"):
            xy = to_device(self._points, transform)
            inside = (
                (xy[:, 0] > area.left() - 4)
                & (xy[:, 0] < area.right() + 4)
                & (xy[:, 1] > area.top() - 4)
                & (xy[:, 1] < area.bottom() + 4)
            )
        if inside.any():
            self._draw_dots(painter, xy[inside], None if buckets is None else buckets[inside], ratio)

    def _draw_counted(self, painter: QPainter, transform: QTransform, area: QRectF, size: tuple[int, int]) -> None:
        ratio, corner = painter.device().devicePixelRatio(), QPointF(np.floor(area.left()), np.floor(area.top()))
        shift = transform * QTransform.fromTranslate(-corner.x(), -corner.y()) * QTransform.fromScale(ratio, ratio)
        diameter, alpha = self._dot(1)
        picture = self._counted.picture(to_device(self._points, shift), size, (diameter * ratio, alpha), self._colour)
        picture.setDevicePixelRatio(ratio)
        painter.drawImage(corner, picture)

    def _draw_dots(self, painter: QPainter, xy: Array, buckets: NDArray[np.uint8] | None, ratio: float) -> None:
        picture = self._dots(ratio, (self._colour,) if buckets is None else self._colours)
        self._fragments.resize(len(xy))
        rows = self._fragments.ndarray()
        rows[:, 0:2] = xy
        rows[:, 2:4] = 0
        if buckets is not None:
            rows[:, 2] = buckets.astype(np.float64) * picture.height()
        rows[:, 4:6] = picture.height()
        rows[:, 6:8] = 1 / ratio
        rows[:, 8] = 0
        rows[:, 9] = 1
        fragments, count = self._fragments.drawargs()
        painter.drawPixmapFragments(fragments, count, picture)

    def _own_buckets(self) -> NDArray[np.uint8] | None:
        """The buckets of the points that are shown; None where there is not one for each."""
        needed = len(self._points) if self._rows is None else int(self._rows.max(initial=-1)) + 1
        if self._buckets is None or len(self._buckets) < needed:
            return None
        return self._buckets[:needed] if self._rows is None else self._buckets[self._rows]

    def _dot(self, colours: int) -> tuple[float, float]:
        """Diameter and opacity of a point, for their number."""
        smaller = max(1.0, len(self._points) / 4000) ** -0.3
        alpha = self._alpha * smaller
        if colours > 1:
            alpha = min(1.0, alpha * HUED)
        alpha = min(1.0, alpha * self._shares[1])
        diameter = max(1.6, self._diameter * smaller) * self._shares[0]
        return max(1.0, diameter), alpha * BEHIND if self._faint else alpha

    def _dots(self, ratio: float, colours: tuple[str, ...]) -> QPixmap:
        """The pictures of one point in every colour side by side."""
        diameter, alpha = self._dot(len(colours))
        key = (colours, ratio, diameter, alpha)
        if self._picture is None or key != self._picture_key:
            self._picture_key, self._picture = key, _round_dots(colours, ratio, diameter, alpha)
        return self._picture


def _round_dots(colours: tuple[str, ...], ratio: float, diameter: float, alpha: float) -> QPixmap:
    """Antialiased discs, each in the middle of a square of the picture; its ratio is left at 1 for fragments."""
    side = int(np.ceil(diameter * ratio)) + 2
    picture = QPixmap(side * len(colours), side)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    rim = (side - diameter * ratio) / 2
    for place, colour in enumerate(colours):
        fill = QColor(colour)
        fill.setAlphaF(min(1.0, alpha))
        painter.setBrush(fill)
        painter.drawEllipse(QRectF(place * side + rim, rim, side - 2 * rim, side - 2 * rim))
    painter.end()
    return picture


class CountedPoints:
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

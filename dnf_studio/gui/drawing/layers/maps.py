"""Values over the plane: as cells in sixteen colours with their key, as a smooth map, and as contour lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QTransform
from PySide6.QtWidgets import QApplication

from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.layers.device import DeviceLayer, StrokesLayer, image_of, to_device
from dnf_studio.gui.drawing.layers.figure_painter import FigurePainter, letters
from dnf_studio.gui.drawing.layers.scale import BUCKETS, ColourKey, bucket_of, nats_at
from dnf_studio.gui.drawing.theme import Theme

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
        painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
        if isinstance(painter, FigurePainter):
            painter.rasterise(transform, transform.mapRect(self._range) & area, self._draw_cells)
        else:
            self._draw_cells(painter, transform, area)
        self._key.draw(painter, area, self._limits, letters(painter, self._font))

    def _draw_cells(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        if self._image is not None:
            painter.drawImage(transform.mapRect(self._range), self._image)


class HeatLayer(DeviceLayer):
    """Values on a regular grid as a smooth picture."""

    def __init__(self) -> None:
        super().__init__()
        self._values: NDArray[np.float64] = np.empty((0, 0))
        self._extent = 0.0, 0.0, 1.0, 1.0
        self._limit, self._signed = 0.0, False
        self._stops: tuple[str, ...] = ("#000000", "#000000")

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
        if isinstance(painter, FigurePainter):
            painter.rasterise(transform, area, self.draw)
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


INSET = 24.0
"""Pixels between a label and the edge of the view."""
APART = 26.0
"""Pixels between two labels."""
TRIED = 400
"""Places of a line that are looked at for its label."""
Values = NDArray[np.float64]

# A cell's corners count 1, 2, 4 and 8 from the lower left on, its edges 0 … 3 from the lower one on, both
# counterclockwise. Two opposite corners are joined where the middle is inside too: rows 16 and 17.
_SEGMENTS = np.full((18, 2, 2), -1)
for _case, _pair in {1: (3, 0), 2: (0, 1), 3: (3, 1), 4: (1, 2), 6: (0, 2), 7: (3, 2)}.items():
    _SEGMENTS[_case, 0] = _SEGMENTS[15 - _case, 0] = _pair
_SEGMENTS[5] = _SEGMENTS[17] = (3, 0), (1, 2)
_SEGMENTS[10] = _SEGMENTS[16] = (0, 1), (2, 3)


class ContoursLayer(StrokesLayer):
    """Lines of several levels."""

    width = 1.2

    def __init__(self) -> None:
        super().__init__()
        self._lines = np.empty((0, 4), np.float32)

    def set_lines(self, lines: Mapping[str, Values]) -> None:
        """Show these segments (K, 4), plot units, by the label of their level."""
        self._lines = np.concatenate([np.empty((0, 4)), *lines.values()]).astype(np.float32)
        self.update()

    def strokes(self, transform: QTransform) -> NDArray[np.float32]:
        """All lines."""
        return to_device(self._lines.reshape(-1, 2), transform).reshape(-1, 4)


class LabelsLayer(DeviceLayer):
    """What is written at each line: above the points, each once."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[str, Values] = {}
        self._anchors: dict[str, Values] | None = None
        self._colours = "#000000", "#ffffff"

    def set_lines(self, lines: Mapping[str, Values]) -> None:
        """Label these segments (K, 4), plot units."""
        self._lines, self._anchors = {label: each for label, each in lines.items() if len(each)}, None
        self.update()

    def set_colours(self, text: str, ground: str) -> None:
        """Write in `text` on `ground`."""
        self._colours = text, ground
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """At places that stay while the view moves, until there are other lines."""
        if self._anchors is None:
            self._anchors = _anchors(self._lines, transform, area)
        painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
        painter.setPen(QColor(self._colours[0]))
        painter.setFont(letters(painter, QApplication.font()))
        metrics = painter.fontMetrics()
        ground = QColor(self._colours[1])
        ground.setAlphaF(0.85)
        for label, anchor in self._anchors.items():
            at = transform.map(QPointF(*anchor))
            box = QRectF(0, 0, metrics.horizontalAdvance(label) + 6, metrics.height())
            box.moveCenter(at)
            painter.fillRect(box, ground)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, label)


def contour_lines(x: Values, y: Values, values: Values, level: float) -> Values:
    """Where `values` (R, C) at x (C,) and y (R,) cross `level`, linear between neighbours: segments (K, 4).

    Marching squares. Cells with a value that is no number have none.
    """
    inside = values >= level
    corners = inside[:-1, :-1], inside[:-1, 1:], inside[1:, 1:], inside[1:, :-1]
    cases = sum((corner.astype(np.intp) << k for k, corner in enumerate(corners)), np.zeros(corners[0].shape, np.intp))
    rows, columns = np.nonzero((cases > 0) & (cases < 15))
    around = np.array([[0, 0], [0, 1], [1, 1], [1, 0]])
    r, c = rows + around[:, :1], columns + around[:, 1:]
    v = values[r, c]
    known = np.isfinite(v).all(axis=0)
    r, c, v, some = r[:, known], c[:, known], v[:, known], cases[rows, columns][known]
    some = np.where((v.mean(axis=0) >= level) & np.isin(some, (5, 10)), 16 + (some == 10), some)
    following = np.roll(np.arange(4), -1)
    # An edge that is not crossed may have no place at all
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        way = (level - v) / (v[following] - v)
        places = np.stack([x[c] + way * (x[c[following]] - x[c]), y[r] + way * (y[r[following]] - y[r])], axis=-1)
    found = []
    for pair in (0, 1):
        edges = _SEGMENTS[some, pair]
        there = np.flatnonzero(edges[:, 0] >= 0)
        found.append(np.concatenate([places[edges[there, end], there] for end in (0, 1)], axis=1))
    return np.concatenate(found)


def dashed(segments: Values, length: float) -> Values:
    """Every other piece, about `length` long, of the lines that `segments` (K, 4) join to."""
    if not len(segments):
        return segments
    # Two cells find the same place in another order, and not to the last bit
    ends = np.rint(segments.reshape(-1, 2) / (1e-4 * length)).astype(np.int64)
    _, joints, counts = np.unique(ends[:, 0] * (1 << 32) + ends[:, 1], return_inverse=True, return_counts=True)
    # Where two segments meet, one place is their sum less the other's; a line ends where there are others
    places = np.repeat(np.arange(len(segments)), 2)
    sums = np.where(counts == 2, np.bincount(joints, places).astype(np.int64), -1).tolist()
    steps = np.linalg.norm(segments[:, 2:] - segments[:, :2], axis=1).tolist()
    ends_of = (joints[::2] + joints[1::2]).tolist()
    ways = [-1.0] * len(segments)
    for begin, joint in enumerate(joints[::2].tolist()):
        place, way = begin, 0.0
        while ways[place] < 0:
            ways[place] = way
            way += steps[place]
            joint = ends_of[place] - joint
            if sums[joint] < 0:
                break
            place = sums[joint] - place
    shown: Values = segments[np.array(ways) // length % 2 == 0]
    return shown


def _anchors(lines: Mapping[str, Values], transform: QTransform, area: QRectF) -> dict[str, Values]:
    """Where each line is labelled, plot units: within `area`, and as far from the other labels as can be."""
    inner = area.adjusted(INSET, INSET, -INSET, -INSET)
    # The legend is at the upper left
    placed = [np.array([area.left(), area.top()])]
    found: dict[str, Values] = {}
    for label, segments in lines.items():
        middles = (segments[:, :2] + segments[:, 2:]) / 2
        middles = middles[:: -(-len(middles) // TRIED)]
        pixels = to_device(middles.astype(np.float32), transform).astype(np.float64)
        seen = (pixels >= [inner.left(), inner.top()]).all(axis=1) & (pixels <= [inner.right(), inner.bottom()]).all(
            axis=1
        )
        if not seen.any():
            continue
        distance = np.linalg.norm(pixels[seen][:, None] - np.array(placed), axis=-1).min(axis=1)
        best = int(distance.argmax())
        if distance[best] >= APART:
            placed.append(pixels[seen][best])
            found[label] = middles[seen][best]
    return found

"""A cloud of points as a picture of its density, and the data set as faint dots under it.

Points are counted in bins of a fixed size on the screen, so zooming in resolves more, and the
counts are smoothed over one bin or, of few points, over a few. The colours' upper limit depends on
where the time cursor is, not on how it came there, and follows new frames slowly: nothing flickers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QTransform

from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.layers.device import DeviceLayer, image_of, premultiplied, to_device
from dnf_studio.gui.drawing.layers.figure_painter import FigurePainter
from dnf_studio.gui.drawing.layers.trails import at_position

BIN = 4
"""Pixels across a bin."""
MARGIN = 6
"""Bins outside the view, so that smoothing knows what lies there."""
SHADES = 256
MOST = 0.92
TOP = 0.985
"""Quantile of the bins that hold points which gets the strongest colour."""
MAX_SAMPLED = 20_000
MANY = 10_000
MAX_PASSES = 10
MOMENTS = 5
"""Places of the way at which the colours' limits are known."""
FOLLOW = 0.12
"""Part of the way to the limit of a new frame that is gone with each frame."""
Array = NDArray[np.float32]
Bins = tuple[QPointF, int, int]


class DensityLayer(DeviceLayer):
    """Where the points of one direction are dense, from nothing to the strongest of its colours."""

    def __init__(self) -> None:
        super().__init__()
        self._paths: Array = np.empty((0, 0, 2), np.float32)
        self._count = 0
        self._points: Array = np.empty((0, 2), np.float32)
        self._way = 0.0
        self._table = argb_table(("#000000", "#000000"))
        self._version = 0
        self._limits = Limits(self._level)

    def set_paths(self, paths: Array, fresh: bool, count: int | None = None) -> None:
        """The paths (N+1, P, 2) whose points are shown, or some of `count`; `fresh` ones set the limits at once."""
        self._paths, self._count = paths, paths.shape[1] if count is None else count
        self._version += 1
        if fresh:
            self._limits.forget()
        self.update()

    def set_points(self, points: Array, way: float) -> None:
        """Show `points` (P, 2), the `way` from data, 0, to noise, 1."""
        self._points, self._way = points, way
        self.update()

    def set_colours(self, stops: tuple[str, ...]) -> None:
        """The colours from little to much; below the first it fades away."""
        self._table = argb_table(stops)
        self.update()

    @property
    def limit(self) -> float:
        """The density, share of points a bin, that gets the strongest colour where the cursor is."""
        found = self._limits.at(self._way)
        return 1.0 if found is None else float(np.exp(found[0]))

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """Count, smooth, colour and stretch."""
        if not len(self._points):
            return
        if isinstance(painter, FigurePainter):
            # The limits that the screen has followed stay those of the screen
            followed = self._limits.copy()
            painter.rasterise(transform, area, self.draw)
            self._limits = followed
            return
        corner, width, height = bins = bins_over(transform, area)
        self._limits.bring_up(self._way, self._version, transform, bins)
        shares = _shares(self._points, passes_for(len(self._points)), transform, corner, width, height)
        # The root shows thin tails beside dense cores
        shades = np.sqrt(shares * np.float32(1 / max(self.limit, 1e-12))) * np.float32(SHADES - 1)
        image = image_of(self._table.take(shades.astype(np.int32), mode="clip"))
        painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF(corner, QPointF(corner.x() + width * BIN, corner.y() + height * BIN)), image)

    def _level(self, way: float, transform: QTransform, bins: Bins) -> Array:
        """Log of a high quantile of the filled bins at one moment of the `way`, (1,); NaN where there is none."""
        paths = self._paths
        if not len(paths) or not paths.shape[1]:
            return np.full(1, np.nan, np.float32)
        some = paths[:, :: -(-paths.shape[1] // MAX_SAMPLED)]
        points = at_position(some, way * (len(paths) - 1))
        shares = _shares(points, passes_for(self._count), transform, *bins)
        filled = shares[shares > 0.1 / some.shape[1]]
        return np.full(1, np.log(np.quantile(filled, TOP)) if len(filled) else np.nan, np.float32)


class Limits:
    """Log limits that depend on where the time cursor is, not on how it came there, and follow new frames slowly.

    They are looked for at the two moments beside the cursor, not at all of them: whoever changes the size of a window
    with several clouds waits for that.
    """

    def __init__(self, find: Callable[[float, QTransform, Bins], Array]) -> None:
        """`find` gives the logs at one part of the way, 0 … 1, NaN where there are none."""
        self._find = find
        self._found: dict[int, tuple[int, Array]] = {}
        self._key: tuple[float, ...] = ()
        """Version and zoom, both ways, of which the limits are; empty where there are none."""
        self._place: tuple[QTransform, Bins] | None = None

    def copy(self) -> Limits:
        """The same ones, to go on from."""
        other = Limits(self._find)
        other._found, other._key, other._place = dict(self._found), self._key, self._place
        return other

    def forget(self) -> None:
        """Have the next ones at once."""
        self._found.clear()
        self._key = ()

    def bring_up(self, way: float, version: int, transform: QTransform, bins: Bins) -> None:
        """Have those beside `way` for the paths of this `version`, at once where the zoom is another one."""
        key = version, transform.m11(), transform.m22()
        if key[1:] != self._key[1:]:
            self._found.clear()
        if key != self._key:
            self._key, self._place = key, (QTransform(transform), bins)
        self._bring(sorted({int(np.floor(way * (MOMENTS - 1))), int(np.ceil(way * (MOMENTS - 1)))}), version)
        if not self._known():
            # Nothing is seen there: what is seen elsewhere tells more than nothing
            self._bring(range(MOMENTS), version)

    def at(self, way: float) -> Array | None:
        """The logs at `way`, between those of the moments beside it; None where none are known."""
        known = self._known()
        if not known:
            return None
        places = np.array(known) / (MOMENTS - 1)
        rows = np.array([self._found[k][1] for k in known])
        return np.array([np.interp(way, places, column) for column in rows.T], np.float32)

    def _known(self) -> list[int]:
        return [k for k, (_, logs) in sorted(self._found.items()) if np.isfinite(logs).all()]

    def _bring(self, moments: list[int] | range, version: int) -> None:
        assert self._place is not None
        for k in moments:
            before = self._found.get(k)
            if before is not None and before[0] == version:
                continue
            wanted = self._find(k / (MOMENTS - 1), *self._place)
            if before is not None and np.isfinite(before[1]).all() and np.isfinite(wanted).all():
                wanted = followed(before[1], wanted, version - before[0])
            self._found[k] = version, wanted


def followed(before: Array, wanted: Array, frames: int = 1) -> Array:
    """Log limits on their way from `before` to `wanted`, an eighth of it a frame."""
    return before + np.float32(1 - (1 - FOLLOW) ** frames) * (wanted - before)


class GroundLayer(DeviceLayer):
    """The data set as faint dots; one picture that is kept until view or data change."""

    def __init__(self) -> None:
        super().__init__()
        self._points: Array = np.empty((0, 2), np.float32)
        self._colour = "#000000"
        self._key: tuple[object, ...] = ()
        self._version = 0

    def set_points(self, points: Array) -> None:
        """Show `points` (P, 2), plot units."""
        if not np.array_equal(points, self._points, equal_nan=True):
            self._points = points
            self._version += 1
            self.update()

    def set_colour(self, colour: str) -> None:
        """Draw in `colour`."""
        self._colour = colour
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """One copy of the picture, made anew if something changed."""
        if not len(self._points):
            return
        if isinstance(painter, FigurePainter):
            painter.rasterise(transform, area, self.draw)
            return
        ratio = painter.device().devicePixelRatio()
        corner = QPointF(np.floor(area.left()), np.floor(area.top()))
        width, height = (int(np.ceil(v * ratio)) + 1 for v in (area.right() - corner.x(), area.bottom() - corner.y()))
        place = transform.m11(), transform.m22(), transform.dx(), transform.dy()
        key = (self._version, self._colour, ratio, width, height, corner.x(), corner.y(), *place)
        if self._image is None or key != self._key:
            counts = bin_points(to_device(self._points, transform), (corner.x(), corner.y()), 1 / ratio, width, height)
            dots = counts.copy()
            for y, x in ((1, 0), (0, 1), (1, 1)):
                dots[y:, x:] += counts[: height - y, : width - x]
            strength = 0.75 if len(self._points) <= MANY else 0.5
            table = argb_table((self._colour,), 4, strength, floor=0.6 * strength)
            self._image = image_of(table.take(dots, mode="clip"))
            self._image.setDevicePixelRatio(ratio)
            self._key = key
        painter.drawImage(corner, self._image)


def bin_points(points: Array, corner: tuple[float, float], cell: float, width: int, height: int) -> NDArray[np.intp]:
    """How many of `points` (P, 2) fall into each bin of `cell` by `cell` from `corner` on: (height, width).

    A bin takes what lies on its left and upper edge. Points outside and points that are not finite
    do not count.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        x = (points[:, 0] - np.float32(corner[0])) * np.float32(1 / cell)
        y = (points[:, 1] - np.float32(corner[1])) * np.float32(1 / cell)
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    cells = y[inside].astype(np.int32) * width + x[inside].astype(np.int32)
    return np.bincount(cells, minlength=width * height).reshape(height, width)


def smooth(values: Array) -> Array:
    """Binomial weights 1 4 6 4 1 along both axes; nothing lies outside."""
    for _ in range(2):
        padded = np.pad(values, ((2, 2), (0, 0)))
        values = (6 * padded[2:-2] + 4 * (padded[1:-3] + padded[3:-1]) + padded[:-4] + padded[4:]).T / np.float32(16)
    return values


@cache
def argb_table(
    stops: tuple[str, ...], shades: int = SHADES, most: float = MOST, floor: float = 0.0
) -> NDArray[np.uint32]:
    """Premultiplied ARGB for 0 … `shades` − 1: nothing, then ever more of the colours from first to last stop."""
    colours = colour_ramp(stops, shades) if len(stops) > 1 else [stops[0]] * shades
    alpha = floor + (most - floor) * np.linspace(0, 1, shades)
    alpha[0] = 0
    return premultiplied(colours, alpha)


def bins_over(transform: QTransform, area: QRectF) -> Bins:
    """Corner and size of the bins that cover `area`; they lie fast on the plot's origin while it is dragged."""
    left = np.floor((area.left() - transform.dx()) / BIN) - MARGIN
    top = np.floor((area.top() - transform.dy()) / BIN) - MARGIN
    corner = QPointF(transform.dx() + left * BIN, transform.dy() + top * BIN)
    width, height = (int(v // BIN) + MARGIN + 1 for v in (area.right() - corner.x(), area.bottom() - corner.y()))
    return corner, width, height


def passes_for(count: int) -> int:
    """How often to smooth: once from 10,000 points on, twice for 2,000, more for fewer."""
    return int(np.clip(round((MANY / max(1, count)) ** 0.5), 1, MAX_PASSES))


def _shares(points: Array, passes: int, transform: QTransform, corner: QPointF, width: int, height: int) -> Array:
    """Smoothed share of all points in each bin."""
    counts = bin_points(to_device(points, transform), (corner.x(), corner.y()), BIN, width, height)
    shares = counts.astype(np.float32) * np.float32(1 / len(points))
    for _ in range(passes):
        shares = smooth(shares)
    return shares

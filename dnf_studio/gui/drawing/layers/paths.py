"""Many paths as one faint picture, kept until the paths or the view change.

Every path is sampled about once a pixel and the samples are counted in pixels; where many paths
run, the colour is stronger. That costs the same whatever N is (PITFALLS 2: counting is the cheap
way to draw many things), about 2 ms for 500 paths, and a cursor that moves over it costs one copy.
Coloured by step, a pixel has the mean colour of the samples in it. Coloured by path, where a mean of
two colours would be one that means something else, it has that of one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF, QTransform
from PySide6.QtWidgets import QApplication

from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.layers.device import DeviceLayer, image_of, strengths, to_device
from dnf_studio.gui.drawing.layers.figure_painter import FINER, FigurePainter, letters
from dnf_studio.gui.drawing.layers.scale import BUCKETS, ColourKey, StepColours
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.drawing.words import lost_paths

MAX_SAMPLES = 400_000
MAX_COUNT = 64
USUAL_PATHS = 500
GOLDEN = 0.6180339887
SHIFT = 26
"""Bits of a sum of buckets under their count."""
FRACTION = 15
"""Bits of a place, in pixels, behind the point: whole numbers are added faster than floats are made whole ones."""
SAME = 0.02
"""Pixels that a path may move and be drawn where it was."""
STEPS_A_MARK = 4
"""More steps than so many for each mark that a figure draws become a picture there too, as faint as on the screen."""
NEAR = 1.5
"""Units of a figure between two nodes of a line, at least."""
Array = NDArray[np.float32]
Whole = TypeVar("Whole", bound=np.integer[Any])


STEP_ALPHA, STEP_MOST = 0.45, 0.95
"""Opacity of one path, and of any number of them, where paths are coloured by step and faint colours mean something."""


class PathsLayer(DeviceLayer):
    """Paths in one colour, or each path, or each step of each, in its own of a few."""

    def __init__(self, colour: str, alpha: float = 0.16, most: float = 0.62) -> None:
        super().__init__()
        self._paths: Array = np.empty((0, 0, 2), np.float32)
        self._colour, self._alpha, self._most = colour, alpha, most
        self._pixels: Array = self._paths
        self._key: tuple[tuple[object, ...], tuple[object, ...]] = (), ()
        self._version, self._moves = 0, 0
        self._kept: NDArray[Any] | None = None
        self._steps: StepColours | None = None
        self._ramp: tuple[str, ...] = ()
        self._colour_key = ColourKey()
        self._buckets: NDArray[np.uint8] | None = None
        self._colours: tuple[str, ...] = ()

    def set_paths(self, paths: Array) -> None:
        """Show `paths` (N+1, P, 2), plot units; those that leave the finite numbers are left out.

        The same ones, which come again with more points beside them, are a picture already.
        """
        if self._kept is None and np.array_equal(paths, self._paths):
            return
        self._kept = np.asarray(np.isfinite(paths).all(axis=(0, 2))) if lost_paths(paths) else None
        self._paths = paths if self._kept is None else paths[:, self._kept]
        self._moves += 1
        self.update()

    def set_steps(self, colours: StepColours | None) -> None:
        """Draw each step in its own colour, where these are of the paths shown; None draws in one colour again."""
        if colours is not self._steps:
            self._steps = colours
            self._version += 1
            self.update()

    def set_buckets(self, buckets: NDArray[np.uint8] | None, colours: tuple[str, ...]) -> None:
        """Draw path k in `colours[buckets[k]]`, where there is a bucket for each; None draws in one colour again.

        Colours of steps go before.
        """
        self._buckets, self._colours = buckets, colours
        self._version += 1
        self.update()

    def set_ramp(self, theme: Theme) -> None:
        """The colours of the steps, and of their key."""
        self._ramp = colour_ramp(theme.disagreement, BUCKETS)
        self._colour_key.set_theme(theme)
        self._version += 1
        self.update()

    def set_colour(self, colour: str) -> None:
        """Draw in `colour`."""
        self._colour = colour
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """One picture, made anew if something changed."""
        if len(self._paths) < 2 or not self._paths.shape[1]:
            return
        if not isinstance(painter, FigurePainter):
            self._draw_counted(painter, transform, area)
        elif self._paths.shape[0] * self._paths.shape[1] <= STEPS_A_MARK * painter.most_marks:
            self._draw_lines(painter, to_device(self._paths, transform), area)
        else:
            kept = self._image, self._pixels, self._key
            painter.rasterise(transform, area, self._draw_counted, finest=1.5)
            self._image, self._pixels, self._key = kept
        if self._steps is not None and self._fitting_buckets() is not None:
            font = letters(painter, QApplication.font())
            self._colour_key.draw(painter, area, self._steps.limits, font, extremes=self._steps.extremes)

    def _draw_counted(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """One picture, made anew if something changed."""
        ratio = painter.device().devicePixelRatio()
        corner = QPointF(np.floor(area.left()), np.floor(area.top()))
        width, height = (int(np.ceil(v * ratio)) + 1 for v in (area.right() - corner.x(), area.bottom() - corner.y()))
        look = self._version, self._colour, ratio, width, height
        scale = transform.m11(), transform.m22(), transform.dx(), transform.dy()
        place = self._moves, corner.x(), corner.y(), *scale
        if self._image is None or (look, place) != self._key:
            shift = transform * QTransform.fromTranslate(-corner.x(), -corner.y()) * QTransform.fromScale(ratio, ratio)
            pixels = to_device(self._paths, shift)
            # B's paths over A's steps, where another N of A moves them and the axis alike, are where they were
            if self._image is None or look != self._key[0] or not _same(pixels, self._pixels):
                self._image, self._pixels = image_of(self._argb(pixels, width, height)), pixels
                self._image.setDevicePixelRatio(ratio)
            self._key = look, place
        painter.drawImage(corner, self._image)

    def _draw_lines(self, painter: QPainter, pixels: Array, area: QRectF) -> None:
        """The `pixels` (N+1, P, 2) as lines, in a figure: each path one, or of coloured steps all of one colour."""
        pixels = (np.rint(pixels * FINER) / FINER).astype(np.float32)
        steps, whole = self._fitting_buckets(), self._fitting_colours()
        painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if steps is not None:
            single = float(_alphas(pixels.shape[1], STEP_ALPHA, STEP_MOST)[1])
            pieces = np.stack([pixels[:-1], pixels[1:]], axis=2)
            for bucket, name in enumerate(self._ramp):
                painter.setPen(_pen(name, single))
                path = QPainterPath()
                for (x, y), (u, v) in pieces[steps == bucket].tolist():
                    path.moveTo(x, y)
                    path.lineTo(u, v)
                painter.drawPath(path)
            return
        shades = (self._alpha, self._most) if whole is None else (STEP_ALPHA, STEP_MOST)
        single = float(_alphas(pixels.shape[1], *shades)[1])
        for k in range(pixels.shape[1]):
            painter.setPen(_pen(self._colour if whole is None else self._colours[whole[k]], single))
            painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in _thinned(pixels[:, k])]))

    def _argb(self, pixels: Array, width: int, height: int) -> NDArray[np.uint32]:
        """The picture of paths in pixels, (height, width)."""
        steps, whole = self._fitting_buckets(), self._fitting_colours()
        plain = steps is None and whole is None
        alphas = _alphas(self._paths.shape[1], *((self._alpha, self._most) if plain else (STEP_ALPHA, STEP_MOST)))
        if steps is not None:
            return step_picture(pixels, steps, width, height, strengths(self._ramp, alphas))
        if whole is not None:
            return path_picture(pixels, whole, width, height, strengths(self._colours, alphas))
        argb: NDArray[np.uint32] = strengths((self._colour,), alphas).take(
            count_pixels(pixels, width, height), mode="clip"
        )
        return argb

    def _fitting_colours(self) -> NDArray[np.uint8] | None:
        """The bucket of each path that is drawn; None where there are none for them."""
        buckets, count = self._buckets, self._paths.shape[1]
        if buckets is None or self._kept is None:
            return buckets[:count] if buckets is not None and len(buckets) >= count else None
        return buckets[: len(self._kept)][self._kept] if len(buckets) >= len(self._kept) else None

    def _fitting_buckets(self) -> NDArray[np.uint8] | None:
        """The buckets of the paths that are drawn; None where there are none for them."""
        (nodes, count, _), buckets = self._paths.shape, self._steps.buckets if self._steps is not None else None
        if buckets is not None and self._kept is not None and buckets.shape[1] == len(self._kept):
            buckets = buckets[:, self._kept]
        return buckets if buckets is not None and buckets.shape == (nodes - 1, count) and self._ramp else None


def _thinned(path: Array) -> list[list[float]]:
    """The nodes of one path (N+1, 2), without those next to the one before, which nobody sees and a file would hold."""
    nodes: list[list[float]] = path.tolist()
    kept = nodes[:1]
    for node in nodes[1:-1]:
        if abs(node[0] - kept[-1][0]) + abs(node[1] - kept[-1][1]) >= NEAR:
            kept.append(node)
    return [*kept, nodes[-1]]


def _pen(name: str, alpha: float) -> QPen:
    colour = QColor(name)
    colour.setAlphaF(alpha)
    return QPen(colour, 1)


def _alphas(paths: int, alpha: float, most: float) -> NDArray[np.float64]:
    """How strong 0, 1, … crossings of a pixel are; fewer paths are drawn more strongly."""
    single = min(0.9 * most, alpha * (USUAL_PATHS / paths) ** 0.5)
    values: NDArray[np.float64] = most * (1 - (1 - single / most) ** np.arange(MAX_COUNT))
    return values


def count_pixels(paths: Array, width: int, height: int) -> NDArray[np.int32]:
    """How many samples of `paths` (N+1, P, 2), in pixels, fall into each pixel: (height, width).

    A step is sampled as often as all but the longest steps are pixels long, so single far jumps
    look dotted instead of costing every path.
    """
    counts = np.zeros((height + 2) * (width + 2), np.int32)
    for cells in _cells(paths, width, height):
        np.add.at(counts, cells.ravel(), np.int32(1))
    return _inner(counts, width, height)


def step_picture(
    paths: Array, buckets: NDArray[np.uint8], width: int, height: int, table: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """The samples of `paths`, counted as in `count_pixels`, in the mean colour of each pixel: ARGB (height, width).

    `buckets` (N, P) holds which row of `table` (colours, MAX_COUNT) each step is drawn in.
    """
    both = np.zeros((height + 2) * (width + 2), np.int64)
    # One pass counts and sums: a count is worth more than any sum of buckets
    weights = buckets.ravel() + np.int64(1 << SHIFT)
    for cells in _cells(paths, width, height):
        np.add.at(both, cells.ravel(), weights)
    touched = np.flatnonzero(both)
    found = both[touched]
    counts = found >> SHIFT
    means = ((found & (1 << SHIFT) - 1) / counts + 0.5).astype(np.int64)
    pixels = np.zeros(len(both), np.uint32)
    pixels[touched] = table[means, np.minimum(counts, MAX_COUNT - 1)]
    return _inner(pixels, width, height)


def path_picture(
    paths: Array, buckets: NDArray[np.uint8], width: int, height: int, table: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """The samples of `paths`, counted as in `count_pixels`, each pixel in the colour of its last: ARGB (height, width).

    `buckets` (P,) holds which row of `table` (colours, MAX_COUNT) each path is drawn in.
    """
    size = (width + 2) * (height + 2)
    counts, owner = np.zeros(size, np.int32), np.zeros(size, np.uint8)
    for cells in _cells(paths, width, height):
        np.add.at(counts, cells.ravel(), np.int32(1))
        owner[cells] = buckets
    touched, pixels = np.flatnonzero(counts), np.zeros(size, np.uint32)
    pixels[touched] = table[owner[touched], np.minimum(counts[touched], MAX_COUNT - 1)]
    return _inner(pixels, width, height)


def _cells(paths: Array, width: int, height: int) -> Iterator[NDArray[np.int32]]:
    """The pixels of one sample of each step (N, P) after the other, in rows of `width` + 2 with a border all around.

    One at a time and always in the same array, because fresh ones are memory that the system has to clear.
    """
    # One pixel of border all around takes what lies outside
    x, y = np.clip(paths[..., 0] + 1, 0, width + 1), np.clip(paths[..., 1] + 1, 0, height + 1)
    dx, dy = np.diff(x, axis=0), np.diff(y, axis=0)
    lengths = np.maximum(np.abs(dx), np.abs(dy)).ravel()
    usual = float(np.quantile(lengths[:: max(1, len(lengths) // 4000)], 0.95))
    samples = int(np.clip(np.ceil(usual), 1, max(1, MAX_SAMPLES // len(lengths))))
    # Each path is sampled at its own phase; else all would be counted twice in the same columns of a t–x view
    phase = (np.arange(paths.shape[1]) * GOLDEN % 1).astype(np.float32)
    across, down, right, under = (
        (change * np.float32(2**FRACTION)).astype(np.int32)
        for change in (x[:-1] + dx * (phase / samples), y[:-1] + dy * (phase / samples), dx / samples, dy / samples)
    )
    cells, column = np.empty_like(down), np.empty_like(across)
    for _ in range(samples):
        np.right_shift(down, FRACTION, out=cells)
        np.right_shift(across, FRACTION, out=column)
        cells *= width + 2
        cells += column
        yield cells
        across += right
        down += under


def _same(pixels: Array, before: Array) -> bool:
    return pixels.shape == before.shape and float(np.abs(pixels - before).max()) < SAME


def _inner(pixels: NDArray[Whole], width: int, height: int) -> NDArray[Whole]:
    return pixels.reshape(height + 2, width + 2)[1:-1, 1:-1]

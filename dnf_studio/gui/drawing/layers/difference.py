"""Where one of two clouds has more points than the other: their signed difference as a picture.

Both are counted in the bins of the density layer and smoothed alike. What chance makes of so few points
is left out: counts are Poisson, so the variance of a smoothed count is the sum of the counts times the
squares of their weights, and only differences beyond two standard deviations are coloured.
"""

from __future__ import annotations

from functools import cache, lru_cache, partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QTransform
from PySide6.QtWidgets import QApplication

from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.layers.density import (
    BIN,
    SHADES,
    TOP,
    Bins,
    Limits,
    bin_points,
    bins_over,
    passes_for,
)
from dnf_studio.gui.drawing.layers.device import DeviceLayer, image_of, premultiplied, to_device
from dnf_studio.gui.drawing.layers.figure_painter import FigurePainter, letters
from dnf_studio.gui.drawing.layers.scale import ColourKey
from dnf_studio.gui.drawing.layers.trails import at_position
from dnf_studio.gui.drawing.theme import LIGHT, Theme

SIGMAS = 2.0
SMOOTHER = 3
"""A difference is noisier than a density and is smoothed so many times as often."""
MOST_PASSES = 12
ROWS, BLOCK = 96, 32
"""Rows and columns of one product of matrices; with 49 weights it has 246,000 multiply-adds, less than
`core.exploration.projection.ONE_THREAD`."""
LEAST = 0.1
"""Least difference, as a share of the greatest density, that gets the strongest colour."""
OPAQUE = 0.9
NONE = np.empty((0, 0, 2), np.float32)
Array = NDArray[np.float32]


class DifferenceLayer(DeviceLayer):
    """The share of the points of one cloud less that of another, in a diverging map about zero.

    Colours end at the same share on both sides, which depends on where the time cursor is, not on how it
    came there, and follows new frames slowly.
    """

    def __init__(self, ramp: str = "difference", names: tuple[str, str] = ("backward", "forward")) -> None:
        """`ramp` is the map of the theme; `names` say at its two ends which cloud has more there."""
        super().__init__()
        self._ramp = ramp
        self._clouds = NONE, NONE
        self._position = 0.0
        self._version = 0
        self._subject: object = None
        self._limits = Limits(self._level)
        self._image_of: tuple[object, ...] = ()
        self.key = DifferenceKey(self, ramp, names)
        self.set_theme(LIGHT)

    def set_clouds(self, more: Array, less: Array, position: float, subject: object) -> None:
        """Compare paths (N+1, P, 2), the forward ones or those of the second model, with others, at the node `position`
        of the first, and at the same fraction of the way of others with another N; another `subject` sets the limits
        at once."""
        if more is not self._clouds[0] or less is not self._clouds[1]:
            self._version += 1
            if subject != self._subject:
                self._limits.forget()
        self._clouds, self._position, self._subject = (more, less), position, subject
        self.update()
        self.key.update()

    def set_theme(self, theme: Theme) -> None:
        """The colours of both clouds, and of the key."""
        self._table, self._image = _table(getattr(theme, self._ramp)), None
        self.key.colours.set_theme(theme)
        self.update()

    @property
    def full(self) -> bool:
        """Whether there are points to compare."""
        return all(cloud.size for cloud in self._clouds)

    @property
    def limit(self) -> tuple[float, float]:
        """The difference that gets the strongest colour where the cursor is, and that as part of the densest place."""
        found = self._limits.at(self._way)
        if found is None:
            return 1.0, 1.0
        limit, peak = (float(value) for value in np.exp(found))
        return limit, limit / peak

    @property
    def _way(self) -> float:
        return self._position / max(1, len(self._clouds[0]) - 1)

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """Count, smooth, compare and colour what has changed, and stretch it."""
        if not self.full:
            return
        if isinstance(painter, FigurePainter):
            followed = self._limits.copy()
            painter.rasterise(transform, area, self.draw)
            self._limits = followed
            return
        corner, width, height = bins = bins_over(transform, area)
        of = self._version, self._position, transform.m11(), transform.m22(), corner.x(), corner.y(), width, height
        if self._image is None or of != self._image_of:
            self._image, self._image_of = self._picture(transform, bins), of
        painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        stretched = QRectF(corner, QPointF(corner.x() + width * BIN, corner.y() + height * BIN))
        painter.drawImage(stretched, self._image)

    def _picture(self, transform: QTransform, bins: Bins) -> QImage:
        """A pixel for each bin."""
        self._limits.bring_up(self._way, self._version, transform, bins)
        found, shown, _ = _compare(self._clouds, self._position, transform, bins)
        limit, _ = self.limit
        shades = np.clip((0.5 + 0.5 * found / limit) * (SHADES - 1), 0, SHADES - 1).astype(np.intp)
        return image_of(np.where(shown, self._table[shades], np.uint32(0)))

    def _level(self, way: float, transform: QTransform, bins: Bins) -> Array:
        """Logs of the limit and of the densest place at one moment of the `way`, (2,)."""
        clouds = self._clouds
        totals = clouds[0].shape[1], clouds[1].shape[1]
        found, shown, counts = _compare(clouds, way * (len(clouds[0]) - 1), transform, bins)
        density = weighted(counts, _binomial(_passes(min(totals)))) / sum(totals)
        filled = density[density > 0.1 / sum(totals)]
        if not len(filled):
            return np.zeros(2, np.float32)
        peak = float(np.quantile(filled, TOP))
        largest = float(np.quantile(np.abs(found[shown]), TOP)) if shown.any() else 0.0
        return np.log(np.array([max(largest, LEAST * peak), peak], np.float32))


class DifferenceKey(DeviceLayer):
    """What the colours mean, above all other layers: where which cloud has more, as part of the densest place."""

    def __init__(self, layer: DifferenceLayer, ramp: str, names: tuple[str, str]) -> None:
        super().__init__()
        self._layer, self.colours = layer, ColourKey(ramp, partial(_ends, names))

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """One line above the lower right corner, where the key of coloured steps is."""
        if self._layer.isVisible() and self._layer.full:
            share = self._layer.limit[1]
            self.colours.draw(painter, area, (-share, share), letters(painter, QApplication.font()), lines=1)


def _ends(names: tuple[str, str], low: float, high: float) -> tuple[str, str]:
    """Which cloud has more, and by how much of the densest place."""
    return f"{names[0]} +{-100 * low:.0f}%", f"{names[1]} +{100 * high:.0f}%"


def signed_difference(
    ahead: NDArray[np.intp], back: NDArray[np.intp], totals: tuple[int, int], passes: int
) -> tuple[Array, NDArray[np.bool_]]:
    """Smoothed share of `ahead` less that of `back`, counts (R, C) of so many points, and where that is no chance."""
    weights, (most, others) = _binomial(passes), totals
    # Smoothing is linear: two sums instead of four, which are most of the time of a frame
    difference = weighted(ahead / most - back / others, weights).astype(np.float32)
    spread = weighted(ahead / most**2 + back / others**2, weights**2)
    # A little above, so that rounding decides nothing
    return difference, difference**2 > (1 + 1e-5) * SIGMAS**2 * spread


def weighted(values: NDArray[np.intp] | NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of `values` (R, C) with a symmetric row of `weights` along both axes; nothing lies outside."""
    return _along_rows(_along_rows(values, weights).T, weights).T


def _along_rows(values: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same along each row.

    As products of matrices, which for fifty weights take a tenth of the time of adding shifted copies, and each of
    them small: BLAS shares a larger one among threads, for which the window would wait, while models are sampled on
    all cores, up to a fifth of a second instead of a third of a millisecond.
    """
    band, columns = _band(weights.tobytes()), values.shape[1]
    reach, blocks = len(weights) // 2, -(-columns // BLOCK)
    wide = np.zeros((len(values), blocks * BLOCK + 2 * reach))
    wide[:, reach : reach + columns] = values
    row, column = wide.strides
    seen = as_strided(wide, (blocks, len(values), len(band)), (BLOCK * column, row, column))
    summed = np.empty((blocks, len(values), BLOCK))
    for first in range(0, len(values), ROWS):
        part = slice(first, first + ROWS)
        np.matmul(seen[:, part], band, out=summed[:, part])
    return summed.transpose(1, 0, 2).reshape(len(values), -1)[:, :columns]


@lru_cache(maxsize=16)
def _band(weights: bytes) -> NDArray[np.float64]:
    """What a few neighbouring sums take of the values that they share: column k has the weights from row k on."""
    row = np.frombuffer(weights, np.float64)
    band = np.zeros((BLOCK + len(row) - 1, BLOCK))
    for k in range(BLOCK):
        band[k : k + len(row), k] = row
    return band


def _compare(
    clouds: tuple[Array, Array], position: float, transform: QTransform, bins: Bins
) -> tuple[Array, NDArray[np.bool_], NDArray[np.intp]]:
    """Difference, where it is shown, and the counts of both together."""
    corner, width, height = bins
    counts = []
    for cloud in clouds:
        # To the last bit the same node where both have as many
        scaled = position * ((len(cloud) - 1) / max(1, len(clouds[0]) - 1))
        points = at_position(cloud, min(scaled, len(cloud) - 1))
        counts.append(bin_points(to_device(points, transform), (corner.x(), corner.y()), BIN, width, height))
    totals = clouds[0].shape[1], clouds[1].shape[1]
    found, shown = signed_difference(counts[0], counts[1], totals, _passes(min(totals)))
    return found, shown, counts[0] + counts[1]


def _passes(count: int) -> int:
    return min(MOST_PASSES, SMOOTHER * passes_for(count))


@cache
def _binomial(passes: int) -> NDArray[np.float64]:
    """1 4 6 4 1 so many times over, which adds up to 1."""
    row = np.ones(1)
    for _ in range(passes):
        row = np.convolve(row, np.array([1, 4, 6, 4, 1]) / 16)
    return row


@cache
def _table(stops: tuple[str, ...]) -> NDArray[np.uint32]:
    """Premultiplied ARGB from the backward to the forward end."""
    return premultiplied(colour_ramp(stops, SHADES), np.full(SHADES, OPAQUE))

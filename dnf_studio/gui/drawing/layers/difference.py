"""Where one process has more points than the other: the signed difference of both clouds as a picture.

Both are counted in the bins of the density layer and smoothed alike. What chance makes of so few points
is left out: counts are Poisson, so the variance of a smoothed count is the sum of the counts times the
squares of their weights, and only differences beyond two standard deviations are coloured.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QTransform
from PySide6.QtWidgets import QApplication

from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.layers.density import (
    BIN,
    MOMENTS,
    SHADES,
    TOP,
    bin_points,
    bins_over,
    next_levels,
    passes_for,
)
from dnf_studio.gui.drawing.layers.device import DeviceLayer, image_of, premultiplied, to_device
from dnf_studio.gui.drawing.layers.scale import ColourKey
from dnf_studio.gui.drawing.layers.trails import at_position
from dnf_studio.gui.drawing.theme import LIGHT, Theme

SIGMAS = 2.0
SMOOTHER = 3
"""A difference is noisier than a density and is smoothed so many times as often."""
MOST_PASSES = 12
LEAST = 0.1
"""Least difference, as a share of the greatest density, that gets the strongest colour."""
OPAQUE = 0.9
NONE = np.empty((0, 0, 2), np.float32)
Array = NDArray[np.float32]
Bins = tuple[QPointF, int, int]


class DifferenceLayer(DeviceLayer):
    """The share of forward points less that of backward points, in a diverging map about zero.

    Colours end at the same share on both sides, which depends on where the time cursor is, not on how it
    came there, and follows new frames slowly.
    """

    def __init__(self) -> None:
        super().__init__()
        self._clouds = NONE, NONE
        self._position = 0.0
        self._version = 0
        self._subject: object = None
        self._levels: Array | None = None
        self._key: tuple[object, ...] = ()
        self._zoom: tuple[object, ...] = ()
        self.key = DifferenceKey(self)
        self.set_theme(LIGHT)

    def set_clouds(self, forward: Array, backward: Array, position: float, subject: object) -> None:
        """Compare paths (N+1, P, 2) of both at the node `position`; another `subject` sets the limits at once."""
        if forward is not self._clouds[0] or backward is not self._clouds[1]:
            self._version += 1
            if subject != self._subject:
                self._levels = None
        self._clouds, self._position, self._subject = (forward, backward), position, subject
        self.update()
        self.key.update()

    def set_theme(self, theme: Theme) -> None:
        """The colours of both directions, and of the key."""
        self._table = _table(theme.difference)
        self.key.colours.set_theme(theme)
        self.update()

    @property
    def full(self) -> bool:
        """Whether there are points to compare."""
        return all(cloud.size for cloud in self._clouds)

    @property
    def limit(self) -> tuple[float, float]:
        """The difference that gets the strongest colour where the cursor is, and that as part of the densest place."""
        if self._levels is None:
            return 1.0, 1.0
        way = self._position / max(1, len(self._clouds[0]) - 1)
        limit, peak = (float(np.exp(np.interp(way, np.linspace(0, 1, MOMENTS), row))) for row in self._levels)
        return limit, limit / peak

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """Count, smooth, compare, colour and stretch."""
        if not self.full:
            return
        corner, width, height = bins = bins_over(transform, area)
        self._follow(transform, bins)
        found, shown, _ = _compare(self._clouds, self._position, transform, bins)
        limit, _ = self.limit
        shades = np.clip((0.5 + 0.5 * found / limit) * (SHADES - 1), 0, SHADES - 1).astype(np.intp)
        image = image_of(np.where(shown, self._table[shades], np.uint32(0)))
        painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF(corner, QPointF(corner.x() + width * BIN, corner.y() + height * BIN)), image)

    def _follow(self, transform: QTransform, bins: Bins) -> None:
        """Bring the limits up to the paths; another zoom or another view sets them at once."""
        zoom = transform.m11(), transform.m22()
        key = (self._version, *zoom)
        if key == self._key and self._levels is not None:
            return
        wanted = _levels(self._clouds, transform, bins)
        self._levels = next_levels(self._levels if zoom == self._zoom else None, wanted)
        self._key, self._zoom = key, zoom


class DifferenceKey(DeviceLayer):
    """What the colours mean, above all other layers: where which process has more, as part of the densest place."""

    def __init__(self, layer: DifferenceLayer) -> None:
        super().__init__()
        self._layer, self.colours = layer, ColourKey("difference", _ends)

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """One line above the lower right corner, where the key of coloured steps is."""
        if self._layer.isVisible() and self._layer.full:
            share = self._layer.limit[1]
            self.colours.draw(painter, area, (-share, share), QApplication.font(), lines=1)


def _ends(low: float, high: float) -> tuple[str, str]:
    """Which process has more, and by how much of the densest place."""
    return f"backward +{-100 * low:.0f}%", f"forward +{100 * high:.0f}%"


def signed_difference(
    ahead: NDArray[np.intp], back: NDArray[np.intp], totals: tuple[int, int], passes: int
) -> tuple[Array, NDArray[np.bool_]]:
    """Smoothed share of `ahead` less that of `back`, counts (R, C) of so many points, and where that is no chance."""
    weights = _binomial(passes)
    shares = [weighted(counts, weights) / n for counts, n in zip((ahead, back), totals, strict=True)]
    spread = [weighted(counts, weights**2) / n**2 for counts, n in zip((ahead, back), totals, strict=True)]
    difference = (shares[0] - shares[1]).astype(np.float32)
    # A little above, so that rounding decides nothing
    return difference, difference**2 > (1 + 1e-5) * SIGMAS**2 * (spread[0] + spread[1])


def weighted(values: NDArray[np.intp] | NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of `values` (R, C) with a symmetric row of `weights` along both axes; nothing lies outside."""
    reach, summed = len(weights) // 2, np.asarray(values, np.float64)
    for _ in range(2):
        rows = len(summed)
        padded = np.pad(summed, ((reach, reach), (0, 0)))
        total = weights[reach] * padded[reach : reach + rows]
        for k in range(reach):
            total += weights[k] * (padded[k : k + rows] + padded[2 * reach - k : 2 * reach - k + rows])
        summed = total.T
    return summed


def _compare(
    clouds: tuple[Array, Array], position: float, transform: QTransform, bins: Bins
) -> tuple[Array, NDArray[np.bool_], NDArray[np.intp]]:
    """Difference, where it is shown, and the counts of both together."""
    corner, width, height = bins
    counts = []
    for cloud in clouds:
        points = at_position(cloud, min(position, len(cloud) - 1))
        counts.append(bin_points(to_device(points, transform), (corner.x(), corner.y()), BIN, width, height))
    totals = clouds[0].shape[1], clouds[1].shape[1]
    found, shown = signed_difference(counts[0], counts[1], totals, _passes(min(totals)))
    return found, shown, counts[0] + counts[1]


def _levels(clouds: tuple[Array, Array], transform: QTransform, bins: Bins) -> Array:
    """Logs of the limit and of the densest place at a few moments of the way, (2, MOMENTS)."""
    totals = clouds[0].shape[1], clouds[1].shape[1]
    weights, rows = _binomial(_passes(min(totals))), []
    for position in np.linspace(0, len(clouds[0]) - 1, MOMENTS):
        found, shown, counts = _compare(clouds, float(position), transform, bins)
        density = weighted(counts, weights) / sum(totals)
        filled = density[density > 0.1 / sum(totals)]
        if len(filled):
            peak = float(np.quantile(filled, TOP))
            largest = float(np.quantile(np.abs(found[shown]), TOP)) if shown.any() else 0.0
            rows.append((max(largest, LEAST * peak), peak))
        else:
            rows.append((1.0, 1.0))
    levels: Array = np.log(np.array(rows, np.float32).T)
    return levels


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

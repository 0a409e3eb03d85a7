"""What the loss plot draws: the loss of a run of any length in a bounded number of points, and marks of changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import zip_longest

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt

from dnf_studio.gui.drawing.theme import Theme

MAX_POINTS = 4000
MEMORY = 50
FAR = 6.0
Array = NDArray[np.float64]


class LossCurve:
    """Losses over iterations, and their running mean over the last 50, over fewer at the beginning.

    A single loss far above the rest moves the mean no more than one six times its usual distance away.

    When 4,000 points are reached, pairs are averaged and from then on every point stands for twice
    as many iterations. Losses that are not finite are left out.
    """

    def __init__(self) -> None:
        self._points = np.empty((MAX_POINTS, 3))
        self._count = 0
        self._stride = 1
        self._pending: list[tuple[float, float, float]] = []
        self._seen = 0
        self._mean = 0.0
        self._spread = 0.0

    @property
    def iterations(self) -> Array:
        """(K,)"""
        return self._points[: self._count, 0]

    @property
    def raw(self) -> Array:
        """Mean loss of each point, (K,), nats."""
        return self._points[: self._count, 1]

    @property
    def smooth(self) -> Array:
        """The running mean at each point, (K,), nats."""
        return self._points[: self._count, 2]

    @property
    def smoothed(self) -> float | None:
        """The running mean now, nats, or None while there is no loss."""
        return self._mean if self._seen else None

    def extend(self, losses: Iterable[tuple[int, float]], each: int = 1) -> None:
        """Add (iteration, loss) in order, where a loss is the mean of `each` iterations.

        One that is there already says that the run went back to a state before it: what was after that goes.
        """
        for iteration, loss in losses:
            if iteration <= self._last:
                self._go_back(iteration)
            if not np.isfinite(loss):
                continue
            self._average(loss, each)
            self._pending.append((float(iteration), loss, self._mean))
            if len(self._pending) >= self._stride:
                self._put()

    def limits(self, floor: float | None) -> tuple[float, float]:
        """A range of values that shows the later part of the curve well and the floor with it.

        The steep beginning may leave it at the top, single spikes too.
        """
        if not self._count:
            return (floor or 0.0) - 1, (floor or 0.0) + 1
        later = slice(self._count // 6, None)
        low = float(min(np.quantile(self.raw[later], 0.01), self.smooth[later].min()))
        high = float(max(np.quantile(self.raw[later], 0.98), self.smooth[later].max()))
        low = low if floor is None else min(low, floor)
        margin = max(0.08 * (high - low), 0.02)
        return low - margin, high + margin

    @property
    def _last(self) -> float:
        """The last iteration there is, 0 before the first."""
        return self._pending[-1][0] if self._pending else self.iterations[-1] if self._count else 0.0

    def _go_back(self, iteration: int) -> None:
        """Leave out `iteration` and what follows."""
        self._count = int(np.searchsorted(self.iterations, iteration))
        self._pending = [point for point in self._pending if point[0] < iteration]
        before = [*self.smooth[-1:], *(mean for _, _, mean in self._pending)]
        if before:
            self._mean = float(before[-1])
        else:
            self._mean, self._spread, self._seen = 0.0, 0.0, 0

    def _average(self, loss: float, each: int) -> None:
        memory = max(1.0, min(MEMORY / each, 1 + self._seen / 8))
        distance = loss - self._mean
        if self._seen > MEMORY:
            distance = min(distance, FAR * self._spread)
        self._mean += distance / memory
        self._spread += (abs(distance) - self._spread) / memory
        self._seen += 1

    def _put(self) -> None:
        if self._count == MAX_POINTS:
            pairs = self._points.reshape(-1, 2, 3)
            halved = pairs.mean(axis=1)
            halved[:, [0, 2]] = pairs[:, 1, [0, 2]]
            self._count, self._stride = MAX_POINTS // 2, 2 * self._stride
            self._points[: self._count] = halved
            if len(self._pending) < self._stride:
                return
        point = np.array(self._pending)
        self._points[self._count] = point[-1, 0], point[:, 1].mean(), point[-1, 2]
        self._count += 1
        self._pending.clear()


MOST_LINES = 60
GAP = 4.0
"""Pixels between a label and what is beside it."""


class MarksLayer:
    """At most 60 lines, the newest; a label that does not fit is left to the line's tooltip."""

    def __init__(self, plot: pg.PlotWidget, theme: Theme) -> None:
        self._plot = plot
        self._theme = theme
        self._marks: dict[float, tuple[pg.InfiniteLine, pg.TextItem]] = {}
        plot.getViewBox().sigRangeChanged.connect(self._ranged)
        plot.getViewBox().sigResized.connect(self._ranged)

    @property
    def labels(self) -> list[str]:
        """The labels at the lines now, from left to right; only those that fit."""
        return [self._marks[x][1].toPlainText() for x in sorted(self._marks) if self._marks[x][1].isVisible()]

    @property
    def places(self) -> list[float]:
        """Where the lines are, from left to right."""
        return sorted(self._marks)

    def set_marks(self, marks: Mapping[float, tuple[str, str]]) -> None:
        """Show these: place across to label and tooltip."""
        shown = {x: marks[x] for x in sorted(marks)[-MOST_LINES:]}
        for x in self._marks.keys() - shown.keys():
            for item in self._marks.pop(x):
                self._plot.removeItem(item)
        for x, (label, tip) in shown.items():
            line, text = self._marks.get(x) or self._add(x)
            text.setText(label)
            for item in (line, text):
                item.setToolTip(tip)
        self._colour()
        self._arrange()

    def recolour(self, theme: Theme) -> None:
        """Lines and labels in the colours of `theme`."""
        self._theme = theme
        self._colour()

    def refit(self) -> None:
        """The font has changed."""
        for _, text in self._marks.values():
            text.setFont(self._plot.getAxis("bottom").style["tickFont"])
        self._arrange()

    def _add(self, x: float) -> tuple[pg.InfiniteLine, pg.TextItem]:
        line, text = pg.InfiniteLine(x, angle=90), pg.TextItem()
        line.setZValue(-5)
        text.setFont(self._plot.getAxis("bottom").style["tickFont"])
        for item in (line, text):
            self._plot.addItem(item, ignoreBounds=True)
        self._marks[x] = line, text
        return line, text

    def _colour(self) -> None:
        pen = pg.mkPen(self._theme.muted, style=Qt.PenStyle.DotLine)
        for line, text in self._marks.values():
            line.setPen(pen)
            text.setColor(self._theme.muted)

    def _ranged(self, *_: object) -> None:
        if self._marks:
            self._arrange()

    def _arrange(self) -> None:
        """Labels at the top, the newest first: right of their line, else left of it, else not at all."""
        box = self._plot.getViewBox()
        (left, right), (_, top) = box.viewRange()
        scale = box.width() / max(right - left, 1e-9)
        places = sorted(self._marks, reverse=True)
        limit = box.width()
        for place, older in zip_longest(places, places[1:]):
            text = self._marks[place][1]
            x, width = (place - left) * scale, text.boundingRect().width() + GAP
            free = 0.0 if older is None else max(0.0, (older - left) * scale)
            to_right = x + width <= limit
            fits = 0 <= x <= box.width() and (to_right or x - width >= free)
            text.setVisible(fits)
            if fits:
                text.setAnchor((0, 0) if to_right else (1, 0))
                text.setPos(place, top)
            limit = min(limit, x if to_right or not fits else x - width)

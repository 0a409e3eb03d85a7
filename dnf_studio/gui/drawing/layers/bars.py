"""Bars over the steps, coloured by what they stand for, and one bar set off behind them."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF, QTransform

from dnf_studio.gui.drawing.layers.device import DeviceLayer

SHADES = 33
MARKED = 7.0
"""Pixels of a bar from which on diamonds are drawn beside its whisker."""
Array = NDArray[np.float64]
CUT = 5.0
"""Pixels of the break in a bar that is higher than the axis."""


class BarsLayer(DeviceLayer):
    """One bar a step from 0 to its value, and a band behind the current step.

    Where there are more steps than about every second pixel, neighbours are drawn as one bar of
    their mean.
    """

    def __init__(self) -> None:
        super().__init__()
        self._values: Array = np.empty(0)
        self._shades: NDArray[np.intp] = np.empty(0, np.intp)
        self._colours: list[QColor] = []
        self._band = QColor()
        self._edge = QColor()
        self._current: int | None = None
        self._parts: Array | None = None
        self._part_colours: list[QColor] = []
        self._mark = QColor()
        self._errors: Array = np.empty(0)
        self._other: Array = np.empty(0)
        self._other_errors: Array = np.empty(0)
        self._apart: NDArray[np.bool_] = np.empty(0, bool)
        self._whisker = self._diamond = self._warning = QColor()

    def set_bars(self, values: Array, strengths: Array) -> None:
        """Show `values` (N,); `strengths` (N,) from 0 to 1 choose the colours."""
        self._values = values
        self._shades = np.clip(np.rint(np.nan_to_num(strengths) * (SHADES - 1)), 0, SHADES - 1).astype(np.intp)
        self.update()

    def set_parts(self, parts: Array | None) -> None:
        """Split the bars into these (K, N), stacked from 0 up where they cost and down where they gain, or do not."""
        self._parts = parts
        self.update()

    def set_errors(self, errors: Array, other: Array, other_errors: Array, apart: NDArray[np.bool_]) -> None:
        """A whisker of ±`errors` (N,) on each bar, and a diamond at `other` (N,) with whiskers of its own.

        Diamonds that are `apart` (N,) from their bars are filled. Empty arrays draw nothing.
        """
        self._errors, self._other, self._other_errors, self._apart = errors, other, other_errors, apart
        self.update()

    def set_error_colours(self, whisker: str, diamond: str, warning: str) -> None:
        """Colour whiskers, diamonds, and the diamonds that are apart from their bars."""
        self._whisker, self._diamond, self._warning = map(QColor, (whisker, diamond, warning))
        self.update()

    def set_current(self, step: int | None) -> None:
        """Set off this step."""
        if step != self._current:
            self._current = step
            self.update()

    def set_colours(self, stops: tuple[str, ...], band: str, edge: str) -> None:
        """The diverging map of the bars, the band behind the current one and its outline."""
        self._colours = [QColor(colour) for colour in colour_ramp(stops, SHADES)]
        self._band, self._edge = QColor(band), QColor(edge)
        self.update()

    def set_part_colours(self, colours: tuple[str, ...], mark: str) -> None:
        """The colours of the parts, and of the mark where they add up to."""
        self._part_colours, self._mark = [QColor(colour) for colour in colours], QColor(mark)
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """A few dozen rectangles."""
        count = len(self._values)
        if not count:
            return
        across, up, zero = transform.m11(), transform.m22(), transform.dy()
        group = max(1, int(np.ceil(2 / max(across, 1e-6))))
        gap = min(2.0, 0.18 * across * group)
        if self._current is not None and group == 1:
            left = transform.dx() + across * self._current
            painter.fillRect(QRectF(left, area.top(), across, area.height()), self._band)
        for start in range(0, count, group):
            part = slice(start, min(start + group, count))
            height = float(np.clip(self._values[part].mean() * up, -1e5, 1e5))
            left = transform.dx() + across * start
            bar = QRectF(left + gap / 2, zero, across * (part.stop - start) - gap, height).normalized()
            if self._parts is None:
                painter.fillRect(bar, self._colours[int(self._shades[part].max())])
            else:
                self._draw_parts(painter, bar, zero, self._parts[:, part].mean(axis=1) * up)
                painter.fillRect(QRectF(bar.left(), zero + height - 1, bar.width(), 2), self._mark)
            if self._current is not None and part.start <= self._current < part.stop:
                painter.setPen(self._edge)
                painter.drawRect(bar)

        if group == 1:
            self._draw_errors(painter, transform)

    def _draw_errors(self, painter: QPainter, transform: QTransform) -> None:
        """Draw whiskers, and diamonds beside them where a bar is wide enough for both."""
        across = transform.m11()

        def height(value: float) -> float:
            return float(np.clip(transform.dy() + value * transform.m22(), -1e5, 1e5))

        wide = across >= MARKED
        places = transform.dx() + across * (np.arange(len(self._values)) + (0.35 if wide and len(self._other) else 0.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for x, value, error in zip(places, self._values, self._errors, strict=False):
            painter.setPen(QPen(self._whisker, 1))
            painter.drawLine(QPointF(x, height(value - error)), QPointF(x, height(value + error)))
        if not wide:
            return
        rows = zip(self._other, self._other_errors, self._apart, strict=False)
        for k, (value, error, apart) in enumerate(rows):
            if not np.isfinite([value, error]).all():
                continue
            x, size = transform.dx() + across * (k + 0.68), min(4.0, 0.22 * across)
            painter.setPen(QPen(self._warning if apart else self._diamond, 1))
            painter.drawLine(QPointF(x, height(value - error)), QPointF(x, height(value + error)))
            y = height(value)
            corners = QPointF(x - size, y), QPointF(x, y - size), QPointF(x + size, y), QPointF(x, y + size)
            painter.setBrush(self._warning if apart else Qt.BrushStyle.NoBrush)
            painter.drawPolygon(QPolygonF(corners))
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _draw_parts(self, painter: QPainter, bar: QRectF, zero: float, heights: Array) -> None:
        """One step's parts, in the width of its bar, away from the zero line on both sides of it."""
        ends = {True: zero, False: zero}
        for height, colour in zip(np.clip(heights, -1e5, 1e5), self._part_colours, strict=True):
            side = bool(height < 0)
            painter.fillRect(QRectF(bar.left(), ends[side], bar.width(), height).normalized(), colour)
            ends[side] += float(height)


@cache
def colour_ramp(stops: tuple[str, ...], count: int) -> tuple[str, ...]:
    """`count` colours evenly along the stops."""
    places = np.linspace(0, len(stops) - 1, count)
    lower = np.minimum(places.astype(int), len(stops) - 2)
    shares = (places - lower)[:, None]
    colours = [QColor(stop) for stop in stops]
    parts = np.array([(colour.redF(), colour.greenF(), colour.blueF()) for colour in colours])
    mixed = np.rint(255 * (parts[lower] + (parts[lower + 1] - parts[lower]) * shares)).astype(int)
    return tuple("#{:02x}{:02x}{:02x}".format(*colour) for colour in mixed.tolist())


def tail_of(steps: int) -> tuple[float, float]:
    """Where the bar begins and ends, in steps: a gap and a width that are seen whatever N is."""
    begin = steps + max(0.6, 0.05 * steps)
    return begin, begin + max(1.0, 0.09 * steps)


class PriorBarLayer(DeviceLayer):
    """A bar from 0 to its value behind a dashed line; one that is too high is broken below the top."""

    def __init__(self) -> None:
        super().__init__()
        self._steps = 0
        self._value: float | None = None
        self._error = 0.0
        self._fill = self._ground = self._line = self._whisker = QColor()

    def set_value(self, steps: int, value: float | None, error: float = 0.0) -> None:
        """Show `value` behind `steps` steps, with a whisker of ±`error`; None is no bar."""
        self._steps, self._value, self._error = steps, value, error
        self.update()

    def set_colours(self, fill: str, ground: str, line: str, whisker: str) -> None:
        """The bar, what its break shows, the line before it, its whisker."""
        self._fill, self._ground, self._line, self._whisker = map(QColor, (fill, ground, line, whisker))
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """A line, a rectangle and its break."""
        if self._value is None or not self._steps:
            return
        begin, end = (transform.m11() * x + transform.dx() for x in tail_of(self._steps))
        middle = 0.5 * (transform.m11() * self._steps + transform.dx() + begin)
        painter.setPen(QPen(self._line, 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(middle, area.top()), QPointF(middle, area.bottom()))
        zero, tip = transform.dy(), transform.m22() * self._value + transform.dy()
        bar = QRectF(begin, zero, end - begin, tip - zero).normalized().intersected(area)
        painter.fillRect(bar, self._fill)
        if self._error > 0:
            ends = (transform.m22() * (self._value + side * self._error) + transform.dy() for side in (-1, 1))
            across = 0.5 * (begin + end)
            painter.setPen(QPen(self._whisker, 1))
            painter.drawLine(*(QPointF(across, min(max(y, area.top()), area.bottom())) for y in ends))
        if not area.top() <= tip <= area.bottom():
            high = bar.top() + 2 * CUT if tip < zero else bar.bottom() - 2 * CUT
            corners = ((begin, high), (end, high - CUT), (end, high - CUT / 4), (begin, high + 3 * CUT / 4))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._ground)
            painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))


def step_ticks(steps: int, most: int) -> list[tuple[float, str]]:
    """Round step numbers, at most `most` beside 0, and the name of the last bar."""
    apart = next(size * 10**k for k in range(9) for size in (1, 2, 5) if steps <= most * size * 10**k)
    rounds = [(float(i), str(i)) for i in range(0, steps + 1, apart) if i <= steps - 0.3 * apart or apart == 1]
    return [*rounds, (sum(tail_of(steps)) / 2, "prior")]

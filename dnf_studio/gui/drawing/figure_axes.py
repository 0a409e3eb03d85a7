"""The axes of a plot in a figure: numbers, titles with their units, and the frame, laid out in the size asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPen, QTransform

from dnf_studio.gui.drawing.layers.figure_painter import FigurePainter
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.theme import Theme

TICK, GAP = 3.0, 3.0
"""Units of a tick, and between it, its number and the title."""
ROOMY = 2.2
"""Widths of a number from one to the next with which finer ticks are numbered too."""
Ticks = list[tuple[float, str]]
Span = tuple[float, float]


@dataclass(frozen=True)
class PlotArea:
    """Where the data of a plot is in a figure, and which range of it."""

    rect: QRectF
    x: Span
    y: Span
    inverted: bool = False

    @property
    def transform(self) -> QTransform:
        """From plot units to the figure."""
        across, up = self.rect.width() / (self.x[1] - self.x[0]), self.rect.height() / (self.y[1] - self.y[0])
        if self.inverted:
            return QTransform(across, 0, 0, up, self.rect.left() - self.x[0] * across, self.rect.top() - self.y[0] * up)
        return QTransform(across, 0, 0, -up, self.rect.left() - self.x[0] * across, self.rect.bottom() + self.y[0] * up)


def plot_area(painter: FigurePainter, plot: Plot, outer: QRectF, sides: frozenset[str] | None = None) -> PlotArea:
    """Where the data goes so that it fits into `outer` with the axes at `sides`, by default all that are shown."""
    x, y = (_span(span) for span in plot.box.targetRange())
    metrics, shown = QFontMetricsF(painter.own_font), _shown(plot) if sides is None else sides
    high, inverted = metrics.height(), bool(plot.box.state["yInverted"])
    below = high + TICK + GAP + _title_room(plot, "bottom", high) if "bottom" in shown else 1.0
    above = 0.5 * high if shown else 1.0
    area = PlotArea(outer, x, y, inverted)
    for _ in range(2):
        inner = outer.adjusted(0, above, 0, -below)
        left = _room(plot, "left", area.y, inner.height(), metrics) if "left" in shown else 1.0
        right = _room(plot, "right", area.y, inner.height(), metrics) if "right" in shown else 1.0
        ticks = _ticks(plot, "bottom", area.x, inner.width() - left - right, metrics) if "bottom" in shown else []
        if ticks:
            right = max(right, 0.5 * metrics.horizontalAdvance(ticks[-1][1]))
        size = max(8.0, inner.width() - left - right), max(8.0, inner.height())
        inner = QRectF(inner.left() + left, inner.top(), *size)
        area = PlotArea(inner, *_fitting(plot, inner, x, y), inverted)
    return area


def fitted_area(plot: Plot, rect: QRectF) -> PlotArea:
    """What `plot` shows in `rect` itself, without room for axes."""
    x, y = (_span(span) for span in plot.box.targetRange())
    return PlotArea(rect, *_fitting(plot, rect, x, y), bool(plot.box.state["yInverted"]))


def axis_room(plot: Plot, side: str, span: Span, length: float, metrics: QFontMetricsF) -> float:
    """Units beside the data that the axis at `side` of about that `length` takes, with its title."""
    if side == "bottom":
        return metrics.height() + TICK + GAP + _title_room(plot, side, metrics.height())
    return _room(plot, side, span, length, metrics)


def paint_axes(
    painter: FigurePainter,
    plot: Plot,
    area: PlotArea,
    theme: Theme,
    sides: frozenset[str] | None = None,
    alone: bool = True,
) -> None:
    """Paint a frame around `area`, and numbers and titles at its `sides`, by default all that are shown.

    One that is not `alone` has others close beside it: titles are left out, and numbers that would reach into those.
    """
    rect, shown = area.rect, _shown(plot) if sides is None else sides
    metrics = QFontMetricsF(painter.own_font)
    painter.save()
    painter.setFont(painter.own_font)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if shown or sides is not None:
        painter.setPen(QPen(QColor(theme.muted), 1))
        painter.drawRect(rect)
    for side in shown:
        spread = rect.width() if side == "bottom" else rect.height()
        span = area.x if side == "bottom" else area.y
        ticks = _ticks(plot, side, span, spread, metrics)
        low, high = _own_span(plot, side, span)
        colour = _ink(plot, side, theme)
        for value, text in ticks if alone else _inside(ticks, area, side, metrics):
            share = (value - low) / (high - low)
            _paint_tick(painter, rect, side, 1 - share if area.inverted and side != "bottom" else share, text, colour)
        if alone:
            # An upright one that is longer than its axis goes on beside the numbers of the lower one
            more = 0 if side == "bottom" else 2 * metrics.height()
            _paint_title(painter, plot, rect, side, _widest(ticks, metrics), more)
    painter.restore()


def paint_title(painter: FigurePainter, plot: Plot, area: PlotArea, along: QRectF, side: str, theme: Theme) -> None:
    """Paint one title for several areas like `area` beside each other or one above the other, the middle of which is
    that of `along`."""
    rect, metrics = QRectF(area.rect), QFontMetricsF(painter.own_font)
    ticks = _ticks(plot, side, area.x if side == "bottom" else area.y, _length(rect, side), metrics)
    painter.save()
    painter.setFont(painter.own_font)
    with_all = QRectF(along.left(), rect.top(), along.width(), rect.height())
    if side != "bottom":
        with_all = QRectF(rect.left(), along.top(), rect.width(), along.height())
    _paint_title(painter, plot, with_all, side, _widest(ticks, metrics), 0.0)
    painter.restore()


def _paint_tick(painter: FigurePainter, rect: QRectF, side: str, share: float, text: str, colour: QColor) -> None:
    """A tick at `share` of an axis, and its number."""
    metrics = QFontMetricsF(painter.own_font)
    wide, rise = metrics.horizontalAdvance(text), 0.5 * (metrics.ascent() - metrics.descent())
    line = QPen(colour, 1)
    line.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(line)
    if side == "bottom":
        x, y = rect.left() + share * rect.width(), rect.bottom()
        painter.drawLine(QPointF(x, y), QPointF(x, y + TICK))
        place = QPointF(x - wide / 2, y + TICK + metrics.ascent() + 1)
    else:
        x, way = (rect.left(), -1) if side == "left" else (rect.right(), 1)
        y = rect.bottom() - share * rect.height()
        painter.drawLine(QPointF(x, y), QPointF(x + way * TICK, y))
        place = QPointF(x - TICK - GAP - wide if way < 0 else x + TICK + GAP, y + rise)
    painter.drawText(place, text)


def _paint_title(painter: FigurePainter, plot: Plot, rect: QRectF, side: str, numbers: float, more: float) -> None:
    """What is along an axis, with its unit, beyond the `numbers` at it, units wide; so many units `more` than the axis
    is long are free for it."""
    title = plot.axis_title(side)
    if not title:
        return
    metrics = QFontMetricsF(painter.own_font)
    high, away = metrics.height(), TICK + GAP + numbers + GAP
    painter.save()
    painter.setPen(_ink(plot, side, plot.theme))
    text = title_within(title, metrics, _length(rect, side) + more)
    half = metrics.horizontalAdvance(text) / 2
    if side == "bottom":
        painter.translate(rect.center().x(), rect.bottom() + TICK + high + GAP)
    else:
        painter.translate(
            rect.left() - away - high if side == "left" else rect.right() + away,
            max(rect.center().y(), rect.top() + half),
        )
        painter.rotate(-90)
    painter.drawText(QPointF(-half, metrics.ascent()), text)
    painter.restore()


def title_within(title: str, metrics: QFontMetricsF, room: float) -> str:
    """As much of the `title` of an axis as fits into `room` units: the whole, or without its unit, or the sign of a
    component alone; else it is cut."""
    shorter = title, title.rsplit(", ", 1)[0], title.partition("  ")[0]
    fits = (text for text in shorter if metrics.horizontalAdvance(text) <= room)
    return next(fits, metrics.elidedText(title, Qt.TextElideMode.ElideRight, room))


def _inside(ticks: Ticks, area: PlotArea, side: str, metrics: QFontMetricsF) -> Ticks:
    """The ticks whose numbers stay within the length of the axis, or reach beyond it by less than half a gap."""
    span, length = (area.x if side == "bottom" else area.y), _length(area.rect, side)
    per = length / (span[1] - span[0])

    def stays(value: float, text: str) -> bool:
        half = 0.5 * (metrics.horizontalAdvance(text) if side == "bottom" else metrics.ascent())
        return (value - span[0]) * per >= half - GAP / 2 and (span[1] - value) * per >= half - GAP / 2

    return [tick for tick in ticks if stays(*tick)]


def _length(rect: QRectF, side: str) -> float:
    return rect.width() if side == "bottom" else rect.height()


def _widest(ticks: Ticks, metrics: QFontMetricsF) -> float:
    return max((metrics.horizontalAdvance(text) for _, text in ticks), default=0.0)


def _shown(plot: Plot) -> frozenset[str]:
    return frozenset(side for side in ("left", "bottom", "right") if plot.plot.getAxis(side).isVisible())


def _span(span: Sequence[float]) -> Span:
    low, high = float(span[0]), float(span[1])
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _fitting(plot: Plot, inner: QRectF, x: Span, y: Span) -> tuple[Span, Span]:
    """The range that is seen: what is asked for and, where both axes have one scale, more along the longer one."""
    if not plot.box.state["aspectLocked"]:
        return x, y
    scale = max((x[1] - x[0]) / inner.width(), (y[1] - y[0]) / inner.height())
    middle = 0.5 * (x[0] + x[1]), 0.5 * (y[0] + y[1])
    half = 0.5 * scale * inner.width(), 0.5 * scale * inner.height()
    return (middle[0] - half[0], middle[0] + half[0]), (middle[1] - half[1], middle[1] + half[1])


def _own_span(plot: Plot, side: str, span: Span) -> Span:
    """The range of an axis, which may be another than that of the data."""
    axis = plot.plot.getAxis(side)
    return span if axis.linkedView() is not None else _span(axis.range)


def _ink(plot: Plot, side: str, theme: Theme) -> QColor:
    """A second scale has the colour of its curve."""
    return QColor(plot.plot.getAxis(side).textPen().color()) if side == "right" else QColor(theme.text)


def _title_room(plot: Plot, side: str, high: float) -> float:
    return high + GAP if plot.axis_title(side) else 0.0


def _room(plot: Plot, side: str, span: Span, length: float, metrics: QFontMetricsF) -> float:
    """Units beside the data that an upright axis takes."""
    ticks = _ticks(plot, side, span, length, metrics)
    return TICK + GAP + _widest(ticks, metrics) + GAP + _title_room(plot, side, metrics.height())


def _ticks(plot: Plot, side: str, span: Span, length: float, metrics: QFontMetricsF) -> Ticks:
    """Places and numbers along an axis of `length` units, as many as stand beside each other."""
    axis = plot.plot.getAxis(side)
    if not axis.style["showValues"] or length <= 0:
        return []
    low, high = _own_span(plot, side, span)
    upright = side != "bottom"

    def apart(ticks: Ticks, factor: float) -> bool:
        """Whether neighbours are that much farther from each other than they are large."""
        per = length / (high - low)
        sizes = [metrics.height() if upright else metrics.horizontalAdvance(text) for _, text in ticks]
        pairs = zip(ticks, ticks[1:], sizes, sizes[1:], strict=False)
        return all((b[0] - a[0]) * per >= factor * 0.5 * (s + t) + (0 if upright else 2 * GAP) for a, b, s, t in pairs)

    found = _given(axis, low, high) if axis._tickLevels is not None else []
    if axis._tickLevels is None:
        levels = axis.tickValues(low, high, length)
        for finest in range(min(2, len(levels)), 0, -1):
            values = sorted(value for _, some in levels[:finest] for value in some)
            texts = axis.tickStrings(values, axis.scale, levels[finest - 1][0])
            found = [(v, text.replace("-", "−")) for v, text in zip(values, texts, strict=True) if low <= v <= high]
            if apart(found, ROOMY):
                break
    return _thinned(found, apart)


def _given(axis: pg.AxisItem, low: float, high: float) -> Ticks:
    """The ticks that a plot has chosen itself."""
    margin = 1e-9 * (high - low)
    given = sorted(tick for level in axis._tickLevels for tick in level)
    return [(float(place), text) for place, text in given if low - margin <= place <= high + margin]


def _thinned(ticks: Ticks, apart: object) -> Ticks:
    """Every one, or as few as stand apart; the last one stays, which may be that of something else."""
    for every in range(1, len(ticks) + 1):
        kept = ticks[::every]
        if ticks and kept[-1] is not ticks[-1] and not ticks[-1][1].replace(".", "").isdigit():
            kept = [*kept[:-1], ticks[-1]] if not apart([*kept, ticks[-1]], 1.0) else [*kept, ticks[-1]]  # type: ignore[operator]
        if apart(kept, 1.0):  # type: ignore[operator]
            return kept
    return ticks[:1]

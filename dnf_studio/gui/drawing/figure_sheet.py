"""Several plots as one figure: as they stand in the window, or both processes at a few times beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFont, QFontMetricsF

from dnf_studio.gui.drawing.figure import FigureStyle, coloured, header_height, paint_data, paint_plot, paint_words
from dnf_studio.gui.drawing.figure_axes import PlotArea, axis_room, fitted_area, paint_axes, paint_title
from dnf_studio.gui.drawing.layers.figure_painter import FigurePainter
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_plot import ProcessPlot
from dnf_studio.gui.drawing.words import short_number

APART, GAP = 14.0, 5.0
"""Units between two plots, and between two slices."""
Spacing = Literal["step", "time"]


@dataclass(frozen=True, eq=False)
class Slices:
    """Both processes of one model at a few nodes of its time grid."""

    name: str
    """What stands above them; nothing where it is empty."""
    views: tuple[ProcessPlot, ...]
    """Views of their own, one a row, forward above backward."""
    t: NDArray[np.floating]
    """(N+1,)"""
    nodes: tuple[int, ...]


def slice_nodes(t: NDArray[np.floating], count: int, spacing: Spacing) -> tuple[int, ...]:
    """At most `count` nodes of the times `t` (N+1,), the first and the last among them, as evenly spaced as can be.

    By ``step`` their numbers are, by ``time`` the times; of fewer nodes than that all there are.
    """
    steps = len(t) - 1
    wanted = np.linspace(0, steps, count)
    if spacing == "time":
        wanted = np.interp(np.linspace(float(t[0]), float(t[-1]), count), t, np.arange(steps + 1))
    return tuple(sorted({round(float(place)) for place in wanted}))


def slice_caption(t: NDArray[np.floating], node: int) -> tuple[str, str]:
    """``t = 0.038`` and ``step 18 of 30``."""
    return f"t = {short_number(float(t[node]))}", f"step {node} of {len(t) - 1}"


def paint_stage(
    painter: FigurePainter, placed: Sequence[tuple[Plot, QRectF]], rect: QRectF, style: FigureStyle, key: str = ""
) -> None:
    """Paint plots into `rect`, each at its place, which is in parts of the whole: 0 to 1 across and down; above them
    all `key`, which says what letters in their titles stand for.

    Those that begin at one height, or are of one size, have axes at one height, or of one size, too.
    """
    if style.title and key:
        rect = QRectF(rect)
        rect.setTop(paint_words(painter, [key], rect, style.theme.muted) + GAP)
    frames = {}
    for plot, place in placed:
        left, top = rect.left() + place.left() * rect.width(), rect.top() + place.top() * rect.height()
        # Half of what is between two plots belongs to either
        edges = [0 if edge else APART / 2 for edge in (place.left() < 0.01, place.top() < 0.01)]
        ends = [0 if edge else APART / 2 for edge in (place.right() > 0.99, place.bottom() > 0.99)]
        own = QRectF(left, top, place.width() * rect.width(), place.height() * rect.height())
        frames[plot] = own.adjusted(edges[0], edges[1], -ends[0], -ends[1])
    high = {plot: header_height(plot, frame.width(), style) for plot, frame in frames.items()}
    for plot, frame in frames.items():
        paint_plot(painter, plot, frame, style, max(high[other] for other, its in frames.items() if _alike(its, frame)))


def _alike(first: QRectF, second: QRectF) -> bool:
    return abs(first.top() - second.top()) < 1 or first.size() == second.size()


def paint_sheet(painter: FigurePainter, models: Sequence[Slices], rect: QRectF, style: FigureStyle) -> None:
    """Paint the slices of one model, or of two below each other, into `rect`."""
    high = (rect.height() - APART * (len(models) - 1)) / max(1, len(models))
    for k, model in enumerate(models):
        _paint_model(painter, model, QRectF(rect.left(), rect.top() + k * (high + APART), rect.width(), high), style)


def _paint_model(painter: FigurePainter, model: Slices, rect: QRectF, style: FigureStyle) -> None:
    metrics, first = QFontMetricsF(painter.own_font), model.views[0]
    high, (x, y) = metrics.height(), first.box.targetRange()
    top = rect.top()
    if style.title and model.name:
        bold = QFont(painter.own_font)
        bold.setBold(True)
        _write(painter, model.name, QPointF(rect.left(), top), bold, style.theme.text)
        top += high + GAP / 2
    name_room = high + GAP if style.legend else 0.0
    left = rect.left() + name_room + axis_room(first, "left", (y[0], y[1]), rect.height() / 3, metrics)
    below = axis_room(first, "bottom", (x[0], x[1]), rect.width() / 3, metrics)
    across = (rect.right() - left - 0.5 * high - GAP * (len(model.nodes) - 1)) / len(model.nodes)
    captions = [slice_caption(model.t, node) for node in model.nodes]
    top = _paint_captions(painter, captions, QRectF(left, top, across, high), style) if style.caption else top
    down = (rect.bottom() - below - top - GAP * (len(model.views) - 1)) / len(model.views)
    for row, view in enumerate(model.views):
        y_row = top + row * (down + GAP)
        if style.legend:
            _paint_direction(painter, view, QRectF(rect.left(), y_row, high, down), style)
        with coloured(view, style.theme):
            for column, node in enumerate(model.nodes):
                view.set_cursor(float(node))
                cell = QRectF(left + column * (across + GAP), y_row, max(8.0, across), max(8.0, down))
                area: PlotArea = fitted_area(view, cell)
                paint_data(painter, view, area, style)
                sides = {"left"} if column == 0 else set()
                sides |= {"bottom"} if row == len(model.views) - 1 else set()
                paint_axes(painter, view, area, style.theme, frozenset(sides), alone=False)
            whole = QRectF(left, top, rect.right() - 0.5 * high - left, rect.bottom() - below - top)
            # One title for all columns is enough, and one for all rows
            for side in ("left", "bottom") if row == len(model.views) - 1 else ():
                cell = QRectF(left, y_row, max(8.0, across), max(8.0, down))
                paint_title(painter, view, fitted_area(view, cell), whole, side, style.theme)


def _paint_captions(
    painter: FigurePainter, captions: Sequence[tuple[str, str]], first: QRectF, style: FigureStyle
) -> float:
    """A caption above each column: in one line or, where that is wider than the column, in two, or as much of it as
    stands beside the next one; returns their end."""
    metrics = QFontMetricsF(painter.own_font)

    def fits(lines: Sequence[Sequence[str]]) -> bool:
        return max(metrics.horizontalAdvance(text) for texts in lines for text in texts) <= first.width() + GAP / 2

    ways = (
        [(", ".join(parts),) for parts in captions],
        captions,
        [(t, step.split(" of ")[0]) for t, step in captions],
        [(t.removeprefix("t = "), step.split()[1]) for t, step in captions],
        [(t.removeprefix("t = "),) for t, _ in captions],
    )
    chosen: Sequence[Sequence[str]] = next(filter(fits, ways), ())
    for column, lines in enumerate(chosen):
        for line, text in enumerate(lines):
            x = first.left() + column * (first.width() + GAP) + (first.width() - metrics.horizontalAdvance(text)) / 2
            place = QPointF(x, first.top() + line * metrics.height())
            _write(painter, text, place, painter.own_font, style.theme.muted if line else style.theme.text)
    return first.top() + max(map(len, chosen), default=0) * metrics.height() + GAP / 2


def _paint_direction(painter: FigurePainter, view: ProcessPlot, rect: QRectF, style: FigureStyle) -> None:
    """The name of the direction in its colour, upwards at the left of its row, or an arrow where that is low."""
    metrics = QFontMetricsF(painter.own_font)
    arrow = "→" if view.direction == "forward" else "←"
    painter.save()
    if metrics.horizontalAdvance(view.direction) <= rect.height() + GAP:
        painter.translate(rect.left(), rect.center().y() + metrics.horizontalAdvance(view.direction) / 2)
        painter.rotate(-90)
        text = view.direction
    else:
        painter.translate(rect.left(), rect.center().y() - metrics.height() / 2)
        text = arrow
    _write(painter, text, QPointF(), painter.own_font, style.theme.direction(view.direction))
    painter.restore()


def _write(painter: FigurePainter, text: str, corner: QPointF, font: QFont, colour: str) -> None:
    painter.setFont(font)
    painter.setPen(QColor(colour))
    painter.drawText(corner + QPointF(0, QFontMetricsF(font).ascent()), text)

"""What a plot holds, painted into a figure: layers draw themselves, items of pyqtgraph are drawn from their numbers.

pyqtgraph draws in the pixels of its view, with pens whose width no scale changes; neither has a meaning on paper.
Here everything is mapped to the figure first, so that lines are as wide as the letters ask in every kind of file.
"""

from __future__ import annotations

from collections.abc import Callable

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen, QTransform
from PySide6.QtWidgets import QGraphicsItem

from dnf_studio.gui.drawing.layers.device import DeviceLayer
from dnf_studio.gui.drawing.layers.figure_painter import FigurePainter

GAP = 2.0
"""Units between a line and what is written at it."""


def paint_items(
    painter: FigurePainter, plot: pg.PlotWidget, transform: QTransform, area: QRectF, without: tuple[object, ...] = ()
) -> None:
    """Paint what `plot` holds into `area`, the lowest first, all but what is hidden and the items `without`.

    `transform` leads from plot units to the figure.
    """
    painter.save()
    painter.setClipRect(area)
    painter.written.clear()
    for item in sorted(plot.getViewBox().childGroup.childItems(), key=lambda item: item.zValue()):
        if item.isVisible() and not any(item is left for left in without):
            painter.save()
            painter.setOpacity(painter.opacity() * item.opacity())
            _paint(painter, item, transform, area)
            painter.restore()
    painter.restore()


def _paint(painter: FigurePainter, item: QGraphicsItem, transform: QTransform, area: QRectF) -> None:
    if isinstance(item, DeviceLayer):
        item.draw(painter, transform, area)
    elif isinstance(item, pg.PlotDataItem):
        _curve(painter, item.curve, transform)
        _scatter(painter, item.scatter, transform, area)
    else:
        for kind, paint in PAINTERS.items():
            if isinstance(item, kind):
                paint(painter, item, transform, area)
                return


def _pen(pen: QPen) -> QPen:
    """The same, as wide as the figure asks."""
    own = QPen(pen)
    own.setCosmetic(False)
    return own


def _curve(painter: QPainter, item: pg.PlotCurveItem, transform: QTransform, _area: object = None) -> None:
    x, _ = item.getData()
    if x is None or not len(x) or not item.isVisible():
        return
    path = transform.map(item.getPath())
    level, brush = item.opts["fillLevel"], item.opts["brush"]
    if level is not None and brush is not None:
        filled = QPainterPath(path)
        for end in (float(x[-1]), float(x[0])):
            filled.lineTo(transform.map(QPointF(end, float(level))))
        filled.closeSubpath()
        painter.fillPath(filled, pg.mkBrush(brush))
    pen = pg.mkPen(item.opts["pen"])
    if pen.style() != Qt.PenStyle.NoPen:
        painter.strokePath(path, _pen(pen))


def _scatter(painter: FigurePainter, item: pg.ScatterPlotItem, transform: QTransform, area: QRectF) -> None:
    if item.isVisible() and len(item.data) > painter.most_marks:
        painter.rasterise(transform, area, lambda inner, way, _area: _spots(inner, item, way))
    elif item.isVisible():
        _spots(painter, item, transform)


def _spots(painter: QPainter, item: pg.ScatterPlotItem, transform: QTransform) -> None:
    for spot in item.points():
        symbol, size, at = spot.symbol(), float(spot.size()), transform.map(spot.pos())
        shape = pg.graphicsItems.ScatterPlotItem.Symbols[symbol] if isinstance(symbol, str) else symbol
        painter.setPen(_pen(spot.pen()))
        painter.setBrush(spot.brush())
        painter.drawPath(QTransform(size, 0, 0, size, at.x(), at.y()).map(shape))


def _bars(painter: QPainter, item: pg.ErrorBarItem, transform: QTransform, _area: QRectF) -> None:
    if item.opts["x"] is not None and len(item.opts["x"]):
        item.drawPath()
        painter.strokePath(transform.map(item.path), _pen(pg.mkPen(item.opts["pen"])))


def _line(painter: FigurePainter, item: pg.InfiniteLine, transform: QTransform, area: QRectF) -> None:
    """An upright or a level line with its label, from edge to edge."""
    at, upright = transform.map(QPointF(item.x(), item.y())), item.angle % 180 == 90
    if upright:
        ends = QPointF(at.x(), area.bottom()), QPointF(at.x(), area.top())
    else:
        ends = QPointF(area.left(), at.y()), QPointF(area.right(), at.y())
    if not area.adjusted(-1, -1, 1, 1).contains(ends[0]):
        return
    painter.setPen(_pen(item.pen))
    painter.drawLine(*ends)
    for label in item.childItems():
        if isinstance(label, pg.InfLineLabel) and label.isVisible():
            share = label.orthoPos
            place = ends[0] * (1 - share) + ends[1] * share
            anchor = label.anchors[0 if not upright and at.y() < area.center().y() else -1]
            _write(painter, label, place, (anchor[0], anchor[1]), area)


def _text(painter: FigurePainter, item: pg.TextItem, transform: QTransform, area: QRectF) -> None:
    place = transform.map(item.pos())
    # At the upper edge it begins just below that
    place.setY(max(place.y(), area.top()))
    _write(painter, item, place, (item.anchor.x(), item.anchor.y()), area)


def _write(
    painter: FigurePainter, item: pg.TextItem, place: QPointF, anchor: tuple[float, float], area: QRectF
) -> None:
    """The words of `item` at `place`, moved into `area` where they would leave it; on the other side of the place, or
    not at all, where others are written already."""
    metrics, text = QFontMetricsF(painter.font()), item.toPlainText()
    size = QSizeF(metrics.horizontalAdvance(text), metrics.height())
    for up in (anchor[1], 1 - anchor[1]):
        x = place.x() - anchor[0] * size.width() + (GAP if anchor[0] < 0.5 else -GAP)
        y = place.y() - up * size.height()
        x = min(max(x, area.left() + GAP), area.right() - size.width() - GAP)
        box = QRectF(QPointF(x, min(max(y, area.top()), area.bottom() - size.height())), size)
        if not any(box.adjusted(0, 2, 0, -2).intersects(other) for other in painter.written):
            painter.written.append(box)
            painter.setPen(QColor(item.color))
            painter.drawText(QPointF(x, box.top() + metrics.ascent()), text)
            return


PAINTERS: dict[type[QGraphicsItem], Callable[..., None]] = {
    pg.PlotCurveItem: _curve,
    pg.ScatterPlotItem: _scatter,
    pg.ErrorBarItem: _bars,
    pg.InfiniteLine: _line,
    pg.TextItem: _text,
}

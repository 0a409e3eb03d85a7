"""The cells of the pair plot as pictures that are drawn anew one after the other, a few milliseconds at a time."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPixmap, QPolygonF, QTransform

from dnf_studio.gui.drawing.layers.device import DeviceLayer
from dnf_studio.gui.drawing.layers.figure_painter import FigurePainter
from dnf_studio.gui.drawing.layers.points import PointsLayer
from dnf_studio.gui.drawing.layers.selection import SelectionLayer
from dnf_studio.gui.drawing.point_colours import ColouredByPoint
from dnf_studio.gui.drawing.theme import DIRECTIONS, LIGHT, SECOND, Theme
from dnf_studio.gui.drawing.units import round_places
from dnf_studio.gui.drawing.words import component_name
from dnf_studio.gui.features.pair_plot.cells import (
    BINS,
    Cell,
    Cells,
    Content,
    correlation,
    direction_of,
    histogram,
)

BUDGET = 0.008
"""Seconds of drawing after which the window has its turn."""
REPAINT = 0.04
"""Seconds after which cells that are new are shown while others are still to come."""
TICK = 44.0
"""Pixels between two numbers at a cell, at least."""


class Dots(PointsLayer):
    """Points that are drawn into pictures of cells; `changed` is called when they get other colours."""

    def __init__(self, colour: str) -> None:
        super().__init__(colour, diameter=2.6, alpha=0.5)
        self.changed: Callable[[], object] = int

    def set_buckets(self, buckets: NDArray[np.uint8] | None, colours: tuple[str, ...]) -> None:
        """Draw point k in `colours[buckets[k]]`; None draws in one colour again."""
        super().set_buckets(buckets, colours)
        self.changed()


class PairLayer(DeviceLayer):
    """Draws what is shown of the cells; a change makes them old, and they are redrawn in turns of `BUDGET`."""

    def __init__(self) -> None:
        super().__init__()
        self.cells, self._content, self._theme, self._font = Cells(), Content(), LIGHT, QFont()
        names = *DIRECTIONS, *(SECOND + name for name in DIRECTIONS)
        self._dots = {name: Dots("#000000") for name in names}
        self._chosen = {name: SelectionLayer() for name in names}
        self.by_point = {name: ColouredByPoint(name, self._dots[name]) for name in DIRECTIONS}
        self.recoloured: Callable[[], object] = self.redraw
        """Called when points get other colours."""
        for dots in self._dots.values():
            dots.changed = lambda: self.recoloured()
        self._pictures: dict[Cell, QPixmap] = {}
        self._old: dict[Cell, None] = {}
        self._painted = 0.0
        self._timer = QTimer(singleShot=True)
        self._timer.timeout.connect(self._work)

    @property
    def content(self) -> Content:
        """What is shown."""
        return self._content

    @property
    def waiting(self) -> int:
        """How many cells are to be drawn anew."""
        return len(self._old)

    def set_content(self, content: Content) -> None:
        """Show this, as soon as there is time for it."""
        if len(content.components) != len(self._content.components):
            self._pictures.clear()
            self._old.clear()
        self._content = content
        self._colour_dots()
        self.redraw()

    def set_cells(self, cells: Cells) -> None:
        """Other places, at which nothing is right any more."""
        if cells != self.cells:
            self.prepareGeometryChange()
            self.cells = cells
            self.redraw()

    def set_look(self, theme: Theme, font: QFont) -> None:
        """Colours and letters."""
        self._theme, self._font = theme, QFont(font)
        self._font.setPointSizeF(max(7.0, font.pointSizeF() - 1.5))
        self._colour_dots()
        for by_point in self.by_point.values():
            by_point.set_theme(theme, font)
        self.redraw()

    def _colour_dots(self) -> None:
        for name, dots in self._dots.items():
            dots.set_colour(self._colour(name))
            self._chosen[name].set_colours(
                self._theme.second if self._apart(name) else self._theme.accent, self._theme.base
            )

    def _apart(self, name: str) -> bool:
        """Whether it is of the second model over the first, and so has a colour of its own."""
        return name.startswith(SECOND) and not self._content.halves

    def _colour(self, name: str) -> str:
        return self._theme.second if self._apart(name) else self._theme.direction(direction_of(name))

    def step_back(self, back: bool) -> None:
        """Draw all points fainter, behind many that are chosen."""
        for dots in self._dots.values():
            dots.step_back(back)

    def redraw(self) -> None:
        """Draw every cell anew, those first that have waited longest."""
        count = len(self._content.components)
        for row in range(count):
            for column in range(count):
                self._old.setdefault((row, column))
        if not self._timer.isActive():
            self._timer.start(0)

    def finish(self) -> None:
        """Draw all that is old now, for a picture that is to be saved."""
        while self._old:
            self._draw_next()
        self.update()

    def _work(self) -> None:
        end = perf_counter() + BUDGET
        while self._old:
            self._draw_next()
            if perf_counter() >= end:
                break
        if self._old:
            self._timer.start(0)
        if not self._old or end - self._painted > REPAINT:
            self._painted = end
            self.update()

    def _draw_next(self) -> None:
        cell = next(iter(self._old))
        del self._old[cell]
        ratio = self.getViewWidget().devicePixelRatioF() if self.getViewWidget() is not None else 1.0
        wide, high = self.cells.size
        picture = QPixmap(int(np.ceil(wide * ratio)), int(np.ceil(high * ratio)))
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setFont(self._font)
        self._draw_cell(painter, QRectF(0, 0, wide, high), *cell)
        painter.end()
        self._pictures[cell] = picture

    def _draw_cell(self, painter: QPainter, rect: QRectF, row: int, column: int) -> None:
        names = self._content.names_in(row, column)
        if row < column and not names:
            self._write_correlations(painter, rect, row, column)
            return
        if row == column:
            self._draw_histograms(painter, rect, row)
        transform = self._content.transform(rect, row, column)
        # The second model below the first, as in the views of one process
        for name in sorted(names, key=lambda name: not name.startswith(SECOND)):
            plane = self._content.plane(name, row, column)
            self._dots[name].set_points(plane)
            self._dots[name].draw(painter, transform, rect)
            chosen = self._content.chosen.get(name, np.empty(0, np.intp))
            self._chosen[name].set_points(plane[chosen[chosen < len(plane)]])
        for name in names:
            self._chosen[name].draw(painter, transform, rect)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QColor(self._theme.border))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect.adjusted(0, 0, -1, -1))

    def _draw_histograms(self, painter: QPainter, rect: QRectF, row: int) -> None:
        """Densities as staircases, as high as the highest, those of the second model as lines alone, in dashes where
        the colour does not tell; the name of the component above them."""
        content, metrics = self._content, QFontMetricsF(self._font)
        half, name_height = content.half[row], min(metrics.height(), rect.height() / 3)
        found = {name: histogram(points[:, row], half) for name, points in content.points.items()}
        top = max((float(values.max()) for values in found.values()), default=0.0) or 1.0
        # Upright and level lines need no antialiasing, with which they would take ten times as long
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for name, values in found.items():
            heights = rect.bottom() - np.repeat(values, 2) / top * (rect.height() - name_height - 2)
            across = np.repeat(np.linspace(rect.left(), rect.right(), BINS + 1), 2)[1:-1]
            line = [QPointF(x, y) for x, y in zip(across.tolist(), heights.tolist(), strict=True)]
            fill = QColor(self._colour(name))
            painter.setPen(QPen(fill, 1))
            if name.startswith(SECOND):
                dashes = not self._apart(name) or direction_of(name) == DIRECTIONS[1]
                painter.setPen(QPen(fill, 1, Qt.PenStyle.DashLine if dashes else Qt.PenStyle.SolidLine))
                painter.drawPolyline(QPolygonF(line))
                continue
            fill.setAlphaF(0.18)
            painter.setBrush(fill)
            painter.drawPolygon(QPolygonF([rect.bottomLeft(), *line, rect.bottomRight()]))
        k = content.components[row]
        name = component_name(k, content.units.columns)
        title = metrics.elidedText(name, Qt.TextElideMode.ElideRight, rect.width() - 6)
        painter.setPen(QColor(self._theme.text))
        painter.drawText(QPointF(rect.left() + 3, rect.top() + metrics.ascent() + 1), title)

    def _write_correlations(self, painter: QPainter, rect: QRectF, row: int, column: int) -> None:
        metrics = QFontMetricsF(self._font)
        lines = [(name, correlation(self._content.plane(name, row, column))) for name in self._content.points]
        lines = [(name, text) for name, text in lines if text]
        if metrics.height() * len(lines) > rect.height() or metrics.horizontalAdvance("r = −0.00") > rect.width():
            return
        for place, (name, text) in enumerate(lines):
            painter.setPen(QColor(self._colour(name)))
            y = rect.center().y() + (place - len(lines) / 2) * metrics.height()
            line = QRectF(rect.left(), y, rect.width(), metrics.height())
            painter.drawText(line, Qt.AlignmentFlag.AlignCenter, f"r = {text}")

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """The pictures as they are, the numbers beside them, and the legend above."""
        if not self._content.components:
            return
        if isinstance(painter, FigurePainter):
            self._draw_figure(painter, transform, area)
            return
        painter.setFont(self._font)
        for (row, column), picture in self._pictures.items():
            rect = self.cells.rect(row, column)
            # One of another size waits to be drawn anew
            painter.drawPixmap(rect, picture, QRectF(picture.rect()))
        self._draw_beside(painter, transform)

    def _draw_figure(self, painter: FigurePainter, transform: QTransform, area: QRectF) -> None:
        """All cells anew in a figure, in its letters and as large as its `area` has them."""
        shown, font = self.cells, self._font
        metrics, self._font = QFontMetricsF(painter.own_font), painter.own_font
        wide, high = metrics.horizontalAdvance("−0.0") + 6, metrics.height()
        above = high + 12 if self._content.split else 2
        self.cells = Cells(area, len(self._content.components), left=wide, below=high + 2, above=above)
        try:
            for row in range(self.cells.count):
                for column in range(self.cells.count):
                    painter.save()
                    self._draw_cell(painter, self.cells.rect(row, column), row, column)
                    painter.restore()
            self._draw_beside(painter, transform)
        finally:
            self.cells, self._font = shown, font

    def _draw_beside(self, painter: QPainter, transform: QTransform) -> None:
        """The numbers at the cells, and the legend above them."""
        painter.setPen(QColor(self._theme.muted))
        last = self.cells.count - 1
        for k in range(self.cells.count):
            self._write_numbers(painter, self.cells.rect(last, k), k, below=True)
            if k:
                self._write_numbers(painter, self.cells.rect(k, 0), k, below=False)
        self.by_point["forward"].legend.draw(painter, transform, QRectF(self.cells.area))

    def _write_numbers(self, painter: QPainter, rect: QRectF, place: int, below: bool) -> None:
        """Round numbers at the lower or the left side of a cell."""
        content, metrics = self._content, QFontMetricsF(self._font)
        k, half = content.components[place], content.half[place]
        length = rect.width() if below else rect.height()
        most = max(1, int(length / (TICK if below else 2 * metrics.height())))
        places = round_places(-half, half, content.units.map_of(k), most)
        for where, text in zip(places, content.units.written(k, places), strict=True):
            wide = metrics.horizontalAdvance(text)
            if below:
                x = rect.center().x() + where / (2 * half) * rect.width()
                x = min(max(x - wide / 2, rect.left()), rect.right() - wide)
                painter.drawText(QPointF(x, rect.bottom() + metrics.ascent() + 2), text)
            else:
                y = rect.center().y() - where / (2 * half) * rect.height()
                y = min(max(y, rect.top() + metrics.height() / 2), rect.bottom() - metrics.height() / 2)
                painter.drawText(QPointF(rect.left() - wide - 4, y + metrics.ascent() / 2 - 1), text)

"""What the colours of points and paths say, in the upper left corner of a view."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QTransform

from dnf_studio.gui.drawing.layers.device import DeviceLayer

__all__ = ["LegendLayer"]

MARGIN, GAP, DOT = 6.0, 5.0, 7.0
WHEEL, HOLE = 34.0, 18.0
"""Outer and inner diameter of the wheel of an angle."""
BAR = 64.0
LEAST = "MM…"
"""The least of a name."""


class LegendLayer(DeviceLayer):
    """One of three: dots with names or numbers for modes, a wheel for an angle, a bar with its ends for a radius.

    `dot`, `wheel` and `bar` say which. Where the title does not fit it is left out, and where there is
    none without it nothing is drawn.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shape, self._title = "", ""
        self._colours: tuple[str, ...] = ()
        self._ends = ("", "")
        self._names: tuple[str, ...] = ()
        self._font = QFont()
        self._ink = self._ground = QColor()

    def set_content(
        self,
        shape: str,
        title: str,
        colours: tuple[str, ...],
        ends: tuple[str, str] = ("", ""),
        names: tuple[str, ...] = (),
    ) -> None:
        """Show this; no shape shows nothing."""
        self._names = names
        self._shape, self._title, self._colours, self._ends = shape, title, colours, ends
        self.update()

    def set_look(self, ink: str, ground: str, font: QFont) -> None:
        """Letters, what is behind them, and their font, one size smaller."""
        self._ink, self._ground, self._font = QColor(ink), QColor(ground), QFont(font)
        self._font.setPointSizeF(max(7.0, font.pointSizeF() - 1.5))
        self._ground.setAlphaF(0.8)
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """A ground, and the legend on it from left to right."""
        if not self._shape:
            return
        painter.setFont(self._font)
        metrics = painter.fontMetrics()
        width = area.width() - 2 * MARGIN - GAP
        title, numbers = self._title, self._numbers(metrics, width)
        inside = {
            "dot": sum(metrics.horizontalAdvance(word) + DOT + 2 * GAP for word in numbers),
            "wheel": WHEEL + GAP,
            "bar": BAR + sum(metrics.horizontalAdvance(end) + GAP for end in self._ends) + GAP,
        }[self._shape]
        height = max(float(metrics.height()), WHEEL if self._shape == "wheel" else 0.0) + 4
        named = metrics.horizontalAdvance(title) + GAP
        if inside > width or height + 2 * MARGIN > area.height():
            return
        if named + inside > width:
            title, named = "", 0.0
        width = named + inside
        box = QRectF(area.left() + MARGIN, area.top() + MARGIN, width + GAP, height)
        painter.fillRect(box, self._ground)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x = self._write(painter, box.left() + GAP, box.center().y(), title) + (GAP if title else 0)
        if self._shape == "dot":
            self._draw_dots(painter, x, box.center().y(), numbers)
        elif self._shape == "wheel":
            self._draw_wheel(painter, QPointF(x + WHEEL / 2, box.center().y()))
        else:
            self._draw_bar(painter, x, box.center().y())

    def _numbers(self, metrics: QFontMetrics, width: float) -> tuple[str, ...]:
        """The names beside the dots, long ones cut to the width that fits for all."""
        if self._shape != "dot":
            return ()
        named = self._names or tuple(str(k + 1) for k in range(len(self._colours)))
        each = int(width / max(1, len(named)) - DOT - 2 * GAP)
        if each < metrics.horizontalAdvance(LEAST) or sum(map(metrics.horizontalAdvance, named)) <= each * len(named):
            return named
        return tuple(metrics.elidedText(name, Qt.TextElideMode.ElideRight, each) for name in named)

    def _write(self, painter: QPainter, x: float, middle: float, text: str) -> float:
        """Draw the text; returns the x at which it ends, pixels."""
        metrics = painter.fontMetrics()
        painter.setPen(self._ink)
        painter.drawText(QPointF(x, middle + (metrics.ascent() - metrics.descent()) / 2), text)
        return x + metrics.horizontalAdvance(text)

    def _draw_dots(self, painter: QPainter, x: float, middle: float, numbers: tuple[str, ...]) -> None:
        for colour, number in zip(self._colours, numbers, strict=True):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colour))
            painter.drawEllipse(QRectF(x, middle - DOT / 2, DOT, DOT))
            x = self._write(painter, x + DOT + GAP / 2, middle, number) + 1.5 * GAP

    def _draw_wheel(self, painter: QPainter, centre: QPointF) -> None:
        """Each colour where its angle is, counted from the right against the clock, as in the plane."""
        radius, thick = (WHEEL + HOLE) / 4, (WHEEL - HOLE) / 2
        ring = QRectF(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius)
        span = 360 / len(self._colours)
        for place, colour in enumerate(self._colours):
            pen = QPen(QColor(colour), thick)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            painter.drawArc(ring, round(16 * (place * span - 180)), round(16 * span) + 8)

    def _draw_bar(self, painter: QPainter, x: float, middle: float) -> None:
        x = self._write(painter, x, middle, self._ends[0]) + GAP
        step = BAR / len(self._colours)
        for place, colour in enumerate(self._colours):
            painter.fillRect(QRectF(x + place * step, middle - DOT / 2, step + 0.5, DOT), QColor(colour))
        self._write(painter, x + BAR + GAP, middle, self._ends[1])

"""What the bound has beside its steps, as one bar set off at the right end of theirs."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF, QTransform

from dnf_studio.gui.drawing.layers.device import DeviceLayer

__all__ = ["PriorBarLayer", "step_ticks", "tail_of"]

CUT = 5.0
"""Pixels of the break in a bar that is higher than the axis."""


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

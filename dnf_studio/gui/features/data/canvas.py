"""A canvas to draw data on: strokes, dots and an eraser, mirrored if wanted, each taken back one by one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from dnf_studio.core.data.naming import SIDE

MIRRORS = {
    "none": ((1, 1),),
    "across": ((1, 1), (-1, 1)),
    "up": ((1, 1), (1, -1)),
    "both": ((1, 1), (-1, 1), (1, -1), (-1, -1)),
}
"""Signs of x and y about the middle of the canvas, for each copy of what is drawn."""
APART = 1.5
"""Diameters between two dots of one drag."""
KEY_STEP = 10.0
"""Pixels that an arrow key moves the cross; with Shift one."""


@dataclass(frozen=True)
class Stroke:
    """One thing drawn, in pixels of the canvas from its upper left corner."""

    tool: str
    """``brush``, ``dots`` or ``eraser``."""
    size: float
    """Diameter in pixels."""
    mirror: str
    places: tuple[tuple[float, float], ...] = field(default=())


class Canvas(QWidget):
    """Draws strokes into a picture of `SIDE` × `SIDE` pixels, dark or not.

    The mouse draws; from the keyboard the arrows move a cross, at which Space draws.
    """

    changed = Signal()
    """Another picture, or another state of undo."""

    def __init__(self) -> None:
        super().__init__()
        self.tool, self.size_of_brush, self.mirror = "brush", 16.0, "none"
        self._begin = _blank()
        self._strokes: list[Stroke | None] = []
        self._undone: list[Stroke | None] = []
        self._image = _blank()
        self._places: list[tuple[float, float]] = []
        self._cross: QPointF | None = None
        self._hover: QPointF | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Canvas")
        self.setAccessibleDescription("The arrow keys move a cross, by one pixel with Shift; Space draws there")

    def sizeHint(self) -> QSize:
        """A pixel of the drawing is one of the screen."""
        return QSize(SIDE, SIDE)

    def minimumSizeHint(self) -> QSize:
        """Half of that."""
        return QSize(SIDE // 2, SIDE // 2)

    @property
    def dark(self) -> NDArray[np.bool_]:
        """What is drawn (SIDE, SIDE), top row first."""
        rows = np.frombuffer(self._image.constBits(), np.uint8).reshape(SIDE, self._image.bytesPerLine())
        found: NDArray[np.bool_] = rows[:, :SIDE] < 128
        return found

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._strokes)

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back."""
        return bool(self._undone)

    def show_drawing(self, dark: NDArray[np.bool_]) -> None:
        """Begin with a drawing (SIDE, SIDE) that was there before."""
        levels = np.where(dark, 0, 255).astype(np.uint8)
        self._begin = QImage(levels.tobytes(), SIDE, SIDE, SIDE, QImage.Format.Format_Grayscale8).copy()
        self._strokes, self._undone = [], []
        self._redraw()

    def add(self, stroke: Stroke | None) -> None:
        """Draw one stroke more; None wipes the canvas."""
        self._strokes.append(stroke)
        self._undone.clear()
        self._draw(self._image, stroke)
        self.update()
        self.changed.emit()

    def undo(self) -> None:
        """Take the last stroke back."""
        if self._strokes:
            self._undone.append(self._strokes.pop())
            self._redraw()

    def redo(self) -> None:
        """Draw again what was taken back last."""
        if self._undone:
            self._strokes.append(self._undone.pop())
            self._redraw()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._cross = None
            self._places = [self._place(event.position())]
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with it."""
        self._hover = event.position()
        if self._places:
            place = self._place(event.position())
            least = APART * self.size_of_brush if self.tool == "dots" else 1.0
            if math.dist(place, self._places[-1]) >= least:
                self._places.append(place)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End it."""
        if event.button() == Qt.MouseButton.LeftButton and self._places:
            self.add(self._stroke())
            self._places = []

    def leaveEvent(self, _event: object) -> None:
        """No brush is seen where no mouse is."""
        self._hover = None
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the cross, or draw at it."""
        moves = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
        cross = self._cross or QPointF(SIDE / 2, SIDE / 2)
        if event.key() in moves:
            step = 1.0 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else KEY_STEP
            across, down = moves[Qt.Key(event.key())]
            x, y = cross.x() + step * across, cross.y() + step * down
            self._cross = QPointF(min(max(x, 0.0), SIDE), min(max(y, 0.0), SIDE))
            self.update()
        elif event.key() == Qt.Key.Key_Space:
            self._cross = cross
            self.add(Stroke(self.tool, self.size_of_brush, self.mirror, ((cross.x(), cross.y()),)))
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The drawing with the stroke that is being drawn, the mirrors' lines, and the brush."""
        painter = QPainter(self)
        area = self._area()
        shown = self._image
        if self._places:
            shown = QImage(self._image)
            self._draw(shown, self._stroke())
        palette = self.palette()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(area, _tinted(shown, palette.base().color(), palette.text().color()))
        painter.setPen(QPen(palette.highlight().color() if self.hasFocus() else palette.mid().color(), 1))
        painter.drawRect(area)
        painter.setPen(QPen(palette.mid().color(), 1, Qt.PenStyle.DashLine))
        if self.mirror in ("across", "both"):
            painter.drawLine(QPointF(area.center().x(), area.top()), QPointF(area.center().x(), area.bottom()))
        if self.mirror in ("up", "both"):
            painter.drawLine(QPointF(area.left(), area.center().y()), QPointF(area.right(), area.center().y()))
        self._paint_brush(painter, area)

    def _paint_brush(self, painter: QPainter, area: QRectF) -> None:
        scale = area.width() / SIDE
        centre = self._hover if self._cross is None else area.topLeft() + self._cross * scale
        if centre is None or (self._cross is not None and not self.hasFocus()):
            return
        radius = max(1.0, self.size_of_brush * scale / 2)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette().highlight().color(), 1.5))
        painter.drawEllipse(centre, radius, radius)
        if self._cross is not None:
            painter.drawLine(centre - QPointF(radius + 5, 0), centre + QPointF(radius + 5, 0))
            painter.drawLine(centre - QPointF(0, radius + 5), centre + QPointF(0, radius + 5))

    def _stroke(self) -> Stroke:
        return Stroke(self.tool, self.size_of_brush, self.mirror, tuple(self._places))

    def _redraw(self) -> None:
        self._image = QImage(self._begin)
        for stroke in self._strokes:
            self._draw(self._image, stroke)
        self.update()
        self.changed.emit()

    @staticmethod
    def _draw(image: QImage, stroke: Stroke | None) -> None:
        if stroke is None:
            image.fill(255)
            return
        painter = QPainter(image)
        colour = QColor("white" if stroke.tool == "eraser" else "black")
        pen = QPen(colour, stroke.size, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.translate(SIDE / 2, SIDE / 2)
        for signs in MIRRORS[stroke.mirror]:
            places = [QPointF((x - SIDE / 2) * signs[0], (y - SIDE / 2) * signs[1]) for x, y in stroke.places]
            if stroke.tool == "dots" or len(places) == 1:
                painter.drawPoints(places)
            else:
                painter.drawPolyline(places)
        painter.end()

    def _area(self) -> QRectF:
        """Where in the widget the drawing is."""
        side = max(1, min(self.width(), self.height()) - 2)
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def _place(self, at: QPointF) -> tuple[float, float]:
        """Pixels of the drawing for a place of the widget."""
        area = self._area()
        inner = (at - area.topLeft()) * (SIDE / area.width())
        return float(inner.x()), float(inner.y())


def _blank() -> QImage:
    image = QImage(SIDE, SIDE, QImage.Format.Format_Grayscale8)
    image.fill(255)
    return image


def _tinted(image: QImage, ground: QColor, ink: QColor) -> QImage:
    """The drawing in the colours of the theme."""
    found = QImage(image.constBits(), SIDE, SIDE, image.bytesPerLine(), QImage.Format.Format_Indexed8).copy()
    ends = np.array([[c.red(), c.green(), c.blue()] for c in (ink, ground)], float)
    levels = np.linspace(0, 1, 256)[:, None]
    table = np.rint(ends[0] * (1 - levels) + ends[1] * levels).astype(int)
    found.setColorTable([0xFF000000 | (r << 16) | (g << 8) | b for r, g, b in table.tolist()])
    return found

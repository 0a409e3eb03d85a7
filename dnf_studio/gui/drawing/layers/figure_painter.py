"""What layers are given where they draw into a figure: on paper there are lines and discs instead of pixels."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontInfo, QGuiApplication, QImage, QPaintDevice, QPainter, QTransform

LETTER = 13
"""Units of a figure that its letters are high, as many as pixels on a usual screen, where a layer's sizes are at home:
a dot of 3.6 is to its letters as it is there, whatever size they are printed in."""
FINER = 16
"""Places a unit that points are rounded to, far finer than print: the numbers of a file are short then."""
MOST_PIXELS = 8_000
"""Most pixels across a picture within a figure."""


class FigurePainter(QPainter):
    """Paints in units of a figure, `LETTER` of which make the height of its letters.

    A layer that draws pixels on the screen draws vectors for it, and what is a picture in any case, or has more than
    `most_marks` points, with `fineness` pixels a unit. With `cursor` it shows where the time cursor is.
    """

    def __init__(self, device: QPaintDevice, fineness: float, most_marks: int, cursor: bool = True) -> None:
        super().__init__(device)
        # Qt does not keep it, and a painter without its device ends the process
        self._device = device
        self.fineness, self.most_marks, self.cursor = fineness, most_marks, cursor
        self.written: list[QRectF] = []
        """Where words stand among the data of the plot that is painted."""
        self.own_font = QFont(QFontInfo(QGuiApplication.font()).family())
        self.own_font.setPixelSize(LETTER)
        # Or letters stand where the pixels of a screen would have them
        self.own_font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
        self.setFont(self.own_font)
        for hint in ("Antialiasing", "TextAntialiasing", "LosslessImageRendering"):
            self.setRenderHint(getattr(QPainter.RenderHint, hint))

    def draw_discs(self, places: NDArray[np.floating], diameter: float, colour: QColor) -> None:
        """A disc at each of `places` (P, 2), units of the figure."""
        self.setPen(Qt.PenStyle.NoPen)
        self.setBrush(colour)
        for x, y in (np.rint(places * FINER) / FINER).tolist():
            self.drawEllipse(QPointF(x, y), diameter / 2, diameter / 2)

    def rasterise(
        self,
        transform: QTransform,
        area: QRectF,
        draw: Callable[[QPainter, QTransform, QRectF], object],
        finest: float = math.inf,
    ) -> None:
        """Let `draw`, which is a layer's, fill `area` as a picture; `transform` leads from plot units to the figure.

        It has at most `finest` pixels a unit: what is drawn pixel by pixel would become too faint with more.
        """
        side = max(area.width(), area.height(), 1.0)
        fineness = min(self.fineness, finest, MOST_PIXELS / side)
        pixels = [max(1, math.ceil(length * fineness)) for length in (area.width(), area.height())]
        image = QImage(QSize(*pixels), QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(fineness)
        image.fill(Qt.GlobalColor.transparent)
        inner = QPainter(image)
        inner.setFont(self.font())
        inner.setRenderHint(QPainter.RenderHint.Antialiasing)
        shift = QTransform.fromTranslate(-area.left(), -area.top())
        draw(inner, transform * shift, area.translated(-area.topLeft()))
        inner.end()
        self.drawImage(QRectF(area.topLeft(), image.deviceIndependentSize()), image)


def letters(painter: QPainter, font: QFont, smaller: bool = False) -> QFont:
    """On the screen `font`, or for a key one that is a size `smaller`; in a figure letters of its one size."""
    if isinstance(painter, FigurePainter):
        return painter.own_font
    found = QFont(font)
    if smaller:
        found.setPointSizeF(max(7.0, font.pointSizeF() - 1.5))
    return found

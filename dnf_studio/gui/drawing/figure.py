"""One plot as a figure of any size: title, caption, legend and axes laid out anew for it, and nothing to click.

What is shown on the screen is only read. A plot whose colours are to be others takes them while it is painted and has
its own again before the window could draw it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPen, QPicture, QTextDocument

from dnf_studio.gui.drawing.figure_axes import PlotArea, paint_axes, plot_area
from dnf_studio.gui.drawing.figure_items import paint_items
from dnf_studio.gui.drawing.layers.figure_painter import LETTER, FigurePainter
from dnf_studio.gui.drawing.notice import Notice
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_plot import ProcessPlot
from dnf_studio.gui.drawing.telling import Sign
from dnf_studio.gui.drawing.theme import DARK, LIGHT, Theme
from dnf_studio.gui.drawing.words import subject_of

GAP, MARK = 6.0, 18.0
"""Units between parts, and of a sign in the legend."""
ACTS = re.compile(r"\b(click|drag)\b", re.IGNORECASE)
"""Said of what a mouse does, which a figure has not."""
MOST_LINES = 2
"""Lines of a caption."""
UNITS_A_POINT = 72 / 25.4 * LETTER
"""Units of a figure a millimetre, of letters of one point."""


@dataclass(frozen=True)
class FigureStyle:
    """How a figure looks, whatever it shows."""

    width: float = 85.0
    height: float = 60.0
    """Millimetres."""
    letters: float = 8.0
    """Points of every letter; lines and marks are in proportion to it."""
    dark: bool = False
    transparent: bool = False
    """Whether there is no ground behind it."""
    title: bool = True
    caption: bool = True
    legend: bool = True
    cursor: bool = False
    """Whether it shows where the time cursor is, and the numbers there."""
    dpi: int = 300
    """Pixels an inch of a PNG, and of pictures within an SVG or PDF."""
    most_marks: int = 5000
    """A cloud of more points is a picture."""

    @property
    def theme(self) -> Theme:
        """Its colours."""
        return DARK if self.dark else LIGHT

    @property
    def units(self) -> tuple[float, float]:
        """Width and height in units of a figure, of which its letters are `LETTER` high."""
        each = UNITS_A_POINT / self.letters
        return self.width * each, self.height * each


@contextmanager
def coloured(plot: Plot, theme: Theme) -> Iterator[None]:
    """Give `plot` the colours of `theme` for what is painted in the block; the screen does not see them."""
    own = plot.theme
    try:
        plot.set_theme(theme)
        yield
    finally:
        plot.set_theme(own)


def paint_plot(painter: FigurePainter, plot: Plot, rect: QRectF, style: FigureStyle, header: float = 0.0) -> None:
    """Paint `plot` into `rect`, units of the figure, as it is now, with a `header` at least so high."""
    with coloured(plot, style.theme):
        top = max(rect.top() + header, rect.top() + _paint_header(painter, plot, rect, style))
        area = plot_area(painter, plot, QRectF(rect.left(), top, rect.width(), max(8.0, rect.bottom() - top)))
        paint_data(painter, plot, area, style)
        paint_axes(painter, plot, area, style.theme)


def header_height(plot: Plot, width: float, style: FigureStyle) -> float:
    """How high title, caption and legend of `plot` are in so many units of `width`."""
    painter = FigurePainter(QPicture(), 1.0, style.most_marks)
    height = _paint_header(painter, plot, QRectF(0, 0, width, 0), style)
    painter.end()
    return height


def _paint_header(painter: FigurePainter, plot: Plot, rect: QRectF, style: FigureStyle) -> float:
    """Paint what stands above the axes from the upper edge of `rect` on; returns how high it is."""
    top = rect.top()
    if style.title:
        top = _paint_title(painter, plot, rect, style)
    if style.caption and (lines := _caption(plot, painter.own_font, rect.width())):
        top = paint_words(painter, lines, QRectF(rect.left(), top, rect.width(), 0), style.theme.muted)
    if style.legend:
        top = _paint_legend(painter, plot.signs(), QRectF(rect.left(), top, rect.width(), 0), style.theme)
        top = _paint_notices(painter, plot, QRectF(rect.left(), top, rect.width(), 0), style.theme)
    return top - rect.top()


def paint_data(painter: FigurePainter, plot: Plot, area: PlotArea, style: FigureStyle) -> None:
    """Paint what `plot` holds, without its axes."""
    without = () if style.cursor else tuple(plot.cursor_items())
    paint_items(painter, plot.plot, area.transform, area.rect, without)


def paint_words(painter: FigurePainter, lines: Sequence[str], rect: QRectF, colour: str) -> float:
    """Write `lines` from the upper left corner of `rect` on; returns where they end."""
    metrics = QFontMetricsF(painter.own_font)
    painter.setFont(painter.own_font)
    painter.setPen(QColor(colour))
    for k, line in enumerate(lines):
        painter.drawText(QPointF(rect.left(), rect.top() + k * metrics.height() + metrics.ascent()), line)
    return rect.top() + len(lines) * metrics.height() + GAP / 2


def _paint_title(painter: FigurePainter, plot: Plot, rect: QRectF, style: FigureStyle) -> float:
    """The title with the mark of its direction, and the note at the right as far as it fits."""
    bold = QFont(painter.own_font)
    bold.setBold(True)
    metrics, plain = QFontMetricsF(bold), QFontMetricsF(painter.own_font)
    left, base = rect.left(), rect.top() + metrics.ascent()
    painter.save()
    if isinstance(plot, ProcessPlot):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(style.theme.direction(plot.direction)))
        painter.drawEllipse(QPointF(left + 4, base - metrics.xHeight() / 2), 4, 4)
        left += 14
    names = plot.full_name, subject_of(plot.full_name)
    room = rect.right() - left
    title = next((name for name in names if metrics.horizontalAdvance(name) <= room), None)
    title = title or metrics.elidedText(names[-1], Qt.TextElideMode.ElideRight, room)
    painter.setFont(bold)
    painter.setPen(QColor(style.theme.text))
    painter.drawText(QPointF(left, base), title)
    left += metrics.horizontalAdvance(title) + 2 * GAP
    # What is said of a place in time is part of a view of that time, of others only with the mark there
    texts = plot.note.texts if style.cursor or isinstance(plot, ProcessPlot) else ()
    texts = [text.replace("    ", ",  ") for text in texts]
    if fits := [text for text in texts if left + plain.horizontalAdvance(text) <= rect.right()]:
        painter.setFont(painter.own_font)
        painter.setPen(QColor(style.theme.muted))
        painter.drawText(QPointF(rect.right() - plain.horizontalAdvance(fits[0]), base), fits[0])
    painter.restore()
    return rect.top() + metrics.height() + GAP / 2


def _caption(plot: Plot, font: QFont, width: float) -> list[str]:
    """As many sentences of the caption as fit in a few lines, but none that says what a click does."""
    metrics = QFontMetricsF(font)
    told = ([part for part in s.rstrip(".").split("; ") if not ACTS.search(part)] for s in plot.caption.split(". "))
    sentences = ["; ".join(parts) for parts in told if any(parts)]
    for count in range(len(sentences), 0, -1):
        lines = _wrapped(". ".join(sentences[:count]) + ".", metrics, width)
        if len(lines) <= MOST_LINES:
            return lines
    return []


def _wrapped(text: str, metrics: QFontMetricsF, width: float) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and metrics.horizontalAdvance(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _paint_legend(painter: FigurePainter, signs: Sequence[Sign], rect: QRectF, theme: Theme) -> float:
    """Signs with their words side by side, in as many lines as they need; returns where they end."""
    if not signs:
        return rect.top()
    metrics = QFontMetricsF(painter.own_font)
    painter.save()
    painter.setFont(painter.own_font)
    x, y = rect.left(), rect.top()
    for sign in signs:
        wide = MARK + GAP / 2 + metrics.horizontalAdvance(sign.text)
        if x > rect.left() and x + wide > rect.right():
            x, y = rect.left(), y + metrics.height()
        _paint_sign(painter, sign, QRectF(x, y, MARK, metrics.height()), theme)
        painter.setPen(QColor(theme.text))
        painter.drawText(QPointF(x + MARK + GAP / 2, y + metrics.ascent()), sign.text)
        x += wide + 2 * GAP
    painter.restore()
    return y + metrics.height() + GAP / 2


def _paint_sign(painter: FigurePainter, sign: Sign, rect: QRectF, theme: Theme) -> None:
    colour, middle = QColor(sign.colour), rect.center()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if sign.kind in ("line", "dashed", "dotted"):
        styles = {"line": Qt.PenStyle.SolidLine, "dashed": Qt.PenStyle.DashLine, "dotted": Qt.PenStyle.DotLine}
        painter.setPen(QPen(colour, 2 if sign.kind == "line" else 1, styles[sign.kind]))
        painter.drawLine(QPointF(rect.left(), middle.y()), QPointF(rect.right(), middle.y()))
    elif sign.kind == "bar":
        painter.fillRect(QRectF(middle.x() - 5, middle.y() - 4, 10, 8), colour)
    else:
        painter.setPen(QPen(colour, 1))
        painter.setBrush(colour if sign.kind == "dot" else QColor(theme.base))
        painter.drawEllipse(middle, 3.0, 3.0)


def _paint_notices(painter: FigurePainter, plot: Plot, rect: QRectF, theme: Theme) -> float:
    """What stands over the plot in the window, beside the data that it might cover here; returns where it ends."""
    top = rect.top()
    for notice in plot.plot.findChildren(Notice):
        if notice.isHidden():
            continue
        document = QTextDocument()
        document.setDefaultFont(painter.own_font)
        document.setDocumentMargin(0)
        document.setDefaultStyleSheet(f"body {{ color: {theme.text}; }}")
        document.setHtml(f"<body>{notice.text().replace('<br>', ';  ')}</body>")
        document.setTextWidth(rect.width())
        painter.save()
        painter.translate(rect.left(), top)
        document.drawContents(painter)
        painter.restore()
        top += document.size().height() + GAP / 2
    return top

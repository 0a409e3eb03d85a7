"""The stage that films are painted on: twins of plots of the window, out of sight, in places of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen
from PySide6.QtWidgets import QApplication, QWidget

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_plot import PointPlot
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.drawing.twins import twin_of
from dnf_studio.gui.drawing.words import node_at, time_note
from dnf_studio.gui.features.films.cards import field_of, go, paint_card, prepare, show_field, show_frame
from dnf_studio.workers.fields import FieldAnswer, FieldRequest
from dnf_studio.workers.frames import Frame

GAP = 6
"""Between plots, in pixels of the layout."""
USUAL = 720
"""Pixels of height with which points are as large as in the window."""
LINES = 38
"""How many lines of letters a film has room for, one above the other."""
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Reading:
    """Where a clock stands, for the line below the plots."""

    share: float
    """0 at the left end of the line … 1 at the right one."""
    ends: tuple[str, str]
    words: str
    widest: str
    """The widest words there will be, so that the line stays where it is."""
    iteration: int | None = None
    """The iteration of training that is shown."""


@dataclass(frozen=True)
class Look:
    """How a film looks, all but what it shows."""

    size: tuple[int, int]
    """Width and height, pixels."""
    theme: Theme
    title: str = ""
    """Stands above everything; nothing where it is empty."""
    letters: float = 1.0
    """How many times as large as suits the height of the film its letters are."""


class Stage(QWidget):
    """Plots side by side, a title above and the time below, as they are at any time; nobody sees it.

    `plots` are those of the window, which stay as they are, each with its `places` in parts of the whole: left, top,
    width, height. `t` are the times of the nodes, `dots` the diameter and opacity of points, times what suits their
    number. All is copied by `grow` and follows nothing.
    """

    def __init__(
        self,
        plots: Sequence[Plot],
        places: Sequence[QRectF],
        t: Array,
        parent: QWidget,
        dots: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        for attribute in (
            Qt.WidgetAttribute.WA_DontShowOnScreen,
            Qt.WidgetAttribute.WA_ShowWithoutActivating,
        ):
            self.setAttribute(attribute)
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self._t, self._places, self._dots = t, tuple(places), dots
        self._waiting = list(plots)
        self._letters = self.font()
        self._look: Look | None = None
        self._taken: Look | None = None
        self._field: FieldRequest | None = None
        self._answers: dict[int, FieldAnswer] = {}
        self.twins: list[Plot] = []
        # Before the plots, so that each of them is made ready for it by itself
        self.show()

    @property
    def ready(self) -> bool:
        """Whether all plots are there."""
        return not self._waiting

    @property
    def _line(self) -> float:
        """Height of a line of letters."""
        return QFontMetricsF(self._letters).height()

    @property
    def _two(self) -> bool:
        """Whether it is of two models, each of which has times and steps of its own."""
        return any(twin.letter == "B" for twin in self.twins)

    def grow(self) -> None:
        """Copy one more plot, if there is one to copy, a tenth of a second's work."""
        if self._waiting:
            twin = twin_of(self._waiting.pop(0))
            twin.setParent(self)
            prepare(twin)
            self._field = self._field or field_of(twin)
            self.twins.append(twin)
            twin.show()

    def taking(self, look: Look) -> Iterator[None]:
        """Paint in this size and these colours from now on; a part of the work at a step, none where it is done."""
        if look == self._taken:
            return
        self._look, self._taken = look, None
        font = QApplication.font()
        font.setPointSizeF(
            max(1.0, font.pointSizeF() * look.letters * look.size[1] / LINES / QFontMetricsF(font).height())
        )
        self._letters = font
        self.resize(*look.size)
        for twin, place in zip(self.twins, self._places, strict=True):
            # Not the font of the stage, with which all would be written anew at once
            twin.setFont(font)
            twin.set_theme(look.theme)
            twin.setGeometry(self._within(place))
            layout = twin.layout()
            if layout is not None:
                layout.activate()
            if isinstance(twin, PointPlot):
                for by_point in twin.coloured.values():
                    by_point.set_dots(self._dots[0] * look.size[1] / USUAL, self._dots[1])
            yield
        # Axes find their width when they are painted first
        for _ in range(2):
            for twin, _painted in zip(self.twins, self.painting(0.0), strict=False):
                twin.plot.getPlotItem().layout.activate()
                yield
        self._taken = look

    def unanswered(self, positions: Sequence[float]) -> list[FieldRequest]:
        """The questions for the fields that are shown at these positions, without those that are answered."""
        asked = self._field
        if asked is None:
            return []
        seen = QRectF()
        for twin in self.twins:
            if field_of(twin) is not None:
                seen = seen.united(twin.box.viewRect())
        place = (seen.left(), seen.top(), seen.right(), seen.bottom()) if seen.isValid() else asked.extent
        nodes = dict.fromkeys(map(node_at, positions))
        return [replace(asked, node=node, extent=place) for node in nodes if node not in self._answers]

    def take_field(self, answer: FieldAnswer) -> None:
        """Show this field at its node."""
        self._answers[answer.asked.node] = answer

    def picture(self, position: float, reading: Reading | None = None) -> QImage:
        """Everything at `position` in node units, 0 … N; below it what the clock reads, if not the time of that."""
        return next(filter(None, self.painting(position, reading)))

    def painting(
        self, position: float, reading: Reading | None = None, frame: Frame | None = None
    ) -> Iterator[QImage | None]:
        """The same a plot at a step: None after each of them, then the picture.

        `frame` is shown in place of the one that was copied, of the iteration that is read; a second model stays.
        """
        look = self._look
        assert look is not None, "taking a look comes first"
        if frame is not None:
            self._t, self._answers = frame.t, {}
        image = QImage(QSize(*look.size), QImage.Format.Format_RGB32)
        image.fill(QColor(look.theme.window))
        for twin in self.twins:
            if frame is not None:
                show_frame(twin, frame, None if reading is None else reading.iteration)
            show_field(twin, self._answers.get(node_at(position)))
            go(twin, position, max(1, len(self._t) - 1))
            if not self._two and tuple(twin.note.texts) == tuple(time_note(self._t, position)):
                # Stands below, once for all
                twin.note.say(("",))
            painter = _painter(image)
            paint_card(twin, painter)
            painter.end()
            yield None
        painter = _painter(image)
        self._paint_title(painter, look)
        self._paint_time(painter, look.theme, reading or self._time(position))
        painter.end()
        yield image

    def _within(self, place: QRectF) -> QRect:
        """The part `place` of what title and time leave, without the gaps."""
        above = round(1.9 * self._line) if self._look is not None and self._look.title else GAP
        below = round(1.9 * self._line)
        width, height = self.width() - GAP, self.height() - above - below
        left, top = GAP + place.left() * width, above + place.top() * height
        return QRect(
            round(left), round(top), round(place.width() * width) - GAP, round(place.height() * height) - GAP // 2
        )

    def _paint_title(self, painter: QPainter, look: Look) -> None:
        if look.title:
            font = QFont(self._letters)
            font.setBold(True)
            font.setPointSizeF(1.15 * font.pointSizeF())
            painter.setFont(font)
            painter.setPen(QColor(look.theme.text))
            place = QRectF(2 * GAP, 0, self.width() - 4 * GAP, 1.9 * self._line)
            text = QFontMetricsF(font).elidedText(look.title, Qt.TextElideMode.ElideRight, place.width())
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignHCenter, text)

    def _time(self, position: float) -> Reading:
        steps = max(1, len(self._t) - 1)
        if self._two:
            share = position / steps
            return Reading(share, ("data", "noise"), f"{share:.0%} of the steps", "100% of the steps")
        metrics = QFontMetricsF(self._letters)
        notes = [time_note(self._t, float(k))[0] for k in range(len(self._t))]
        widest = max(notes, key=metrics.horizontalAdvance)
        return Reading(position / steps, ("data", "noise"), time_note(self._t, position)[0], widest)

    def _paint_time(self, painter: QPainter, theme: Theme, reading: Reading) -> None:
        """A line with the cursor on it, and at the right where that is in words."""
        middle = self.height() - 0.95 * self._line
        painter.setFont(self._letters)
        painter.setPen(QColor(theme.muted))
        metrics, words = QFontMetricsF(self._letters), reading.words
        data, noise = (metrics.horizontalAdvance(end) for end in reading.ends)
        room = metrics.horizontalAdvance(reading.widest)
        base = middle + (metrics.ascent() - metrics.descent()) / 2
        right = self.width() - 2 * GAP - room - 3 * GAP
        painter.drawText(QPointF(2 * GAP, base), reading.ends[0])
        painter.drawText(QPointF(right - noise, base), reading.ends[1])
        painter.drawText(QPointF(self.width() - 2 * GAP - metrics.horizontalAdvance(words), base), words)
        first, last = 2 * GAP + data + 2 * GAP, right - noise - 2 * GAP
        here = first + (last - first) * reading.share
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.border), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(first, middle), QPointF(last, middle))
        painter.setPen(QPen(QColor(theme.accent), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(first, middle), QPointF(here, middle))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.accent))
        painter.drawEllipse(QPointF(here, middle), 5, 5)


def pixels_of(image: QImage) -> NDArray[np.uint8]:
    """The pixels of an image, (height, width, 3)."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def _painter(image: QImage) -> QPainter:
    """A painter of a part of the picture, which ends with it: between two of them the event loop turns."""
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
    return painter

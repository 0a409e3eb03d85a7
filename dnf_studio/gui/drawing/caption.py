"""What stands in the header of a plot's card and in bars, shorter where it does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QToolButton, QWidget

from dnf_studio.gui.drawing.theme import Theme, colour_text
from dnf_studio.gui.drawing.words import subject_of

BUTTON = 8
"""Pixels around the letters of a button."""
LEAST, MOST = 48, 110
"""Pixels of a title that its header always leaves it, and that it may ask for."""


def cut_at_word(text: str, metrics: QFontMetrics, width: int) -> str:
    """As many whole words of `text` as fit into `width` pixels, and an ellipsis; letters where not even one does."""
    cut = metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
    if cut == text or not cut.endswith("…"):
        return cut
    kept = cut[:-1]
    if not text[len(kept) :].startswith(" "):
        kept = kept.rpartition(" ")[0] or kept
    return f"{kept.rstrip(' ,;:')}…"


class ElidedLabel(QLabel):
    """One line that is cut short where it does not fit, rather than making the window wider."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw as much of the text as fits."""
        painter = QPainter(self)
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
        painter.end()


class StillLabel(QWidget):
    """A line of plain text in the place that it is given, whatever the text.

    A `QLabel` asks with every text for another layout, and the whole window is laid out again, an eighth of the time
    of a move of the cursor. Here the label is in no layout.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = QLabel(self)
        self.label.setTextFormat(Qt.TextFormat.PlainText)

    def text(self) -> str:
        """What is shown."""
        return self.label.text()

    def setText(self, text: str) -> None:
        """Show this."""
        if text != self.label.text():
            self.label.setText(text)

    def sizeHint(self) -> QSize:
        """As high as a line; as wide as may be."""
        margins = self.contentsMargins()
        return QSize(0, self.fontMetrics().height() + margins.top() + margins.bottom())

    def minimumSizeHint(self) -> QSize:
        """The same."""
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the label have all of it."""
        super().resizeEvent(event)
        self.label.setGeometry(self.contentsRect())

    def changeEvent(self, event: QEvent) -> None:
        """Larger letters are higher."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.updateGeometry()


class Caption(StillLabel):
    """Says as many sentences of `text` as fit into one line, or of the first as many phrases, which commas end; its
    tooltip says all of them."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setContentsMargins(6, 0, 6, 0)
        self.meaning, self._what, self._whole = "", "", ""
        """What the picture says now, which comes before what the plot shows at all."""
        self.set_whole(text)

    def set_whole(self, text: str) -> None:
        """Say `text` from now on, behind what the picture means now."""
        self._what = text
        self._say()

    def set_meaning(self, text: str) -> None:
        """Say in whole sentences what the picture means now; with nothing only what it shows."""
        if text != self.meaning:
            self.meaning = text
            self._say()

    def _say(self) -> None:
        self._whole = f"{self.meaning} {self._what}".strip()
        self.setToolTip(self._whole)
        self.setAccessibleName(self._whole)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw as much of the text as fits."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        sentences = self._whole.split(". ")
        phrases = sentences[0].rstrip(".").split(", ")
        fitting = [", ".join(phrases[:count]) + "." for count in range(1, len(phrases))]
        fitting += [". ".join(sentences[:count]) + "." for count in range(1, len(sentences))] + [self._whole]
        width, metrics = self.contentsRect().width(), self.fontMetrics()
        fits = [text for text in fitting if metrics.horizontalAdvance(text) <= width]
        self.setText(fits[-1] if fits else cut_at_word(fitting[0], metrics, width))


class Title(QLabel):
    """A bold title; what stands before it, as rich text, is never cut.

    Where not all of it fits it shows its subject, what stands before a colon, "by" or "over", and its tooltip says
    the whole.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole, self._short, self._mark, self._tip = "", "", "", ""
        self._hint, self._least = QSize(), LEAST
        self.setTextFormat(Qt.TextFormat.RichText)

    def show_title(self, text: str, mark: str, tip: str) -> None:
        """Say `text` after `mark`, and `tip` as its tooltip."""
        self._whole, self._mark, self._tip = text, mark, tip
        self._short = subject_of(text)
        self._measure()

    def sizeHint(self) -> QSize:
        """Size of the whole text."""
        return self._hint

    def minimumSizeHint(self) -> QSize:
        """Its subject, or a few letters of a long one."""
        return QSize(min(self._least, self._hint.width()), self._hint.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw as much of the text as fits."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Measure the text again: larger letters are wider."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and self._whole:
            self._measure()

    def _measure(self) -> None:
        self.setText(self._html(self._whole))
        self._hint = super().sizeHint()
        metrics = self._metrics()
        spare = metrics.horizontalAdvance(self._whole) - metrics.horizontalAdvance(self._short)
        self._least = max(LEAST, min(MOST, self._hint.width() - spare))
        self._fit()
        self.updateGeometry()

    def _fit(self) -> None:
        metrics, missing = self._metrics(), self._hint.width() - self.width()
        width = metrics.horizontalAdvance(self._whole) - max(0, missing)
        shown = self._whole if missing <= 0 else cut_at_word(self._short, metrics, width)
        self.setToolTip(self._tip if missing <= 0 else f"{self._whole}. {self._tip}")
        html = self._html(shown)
        if html != self.text():
            self.setText(html)

    def _metrics(self) -> QFontMetrics:
        bold = QFont(self.font())
        bold.setBold(True)
        return QFontMetrics(bold)

    def _html(self, text: str) -> str:
        return f"{self._mark}<b>{escape(text)}</b>"


class Note(StillLabel):
    """Key numbers or a warning at the right of a header: the longest of some texts that fits."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.texts: Sequence[str] = ("",)
        self.warns = False
        self._least = 0
        self._colours = ("#000000", "#000000")
        self.label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._measure()

    def say(self, texts: Sequence[str], warns: bool = False) -> None:
        """Say the first of `texts`, the longest first, that fits; `warns` as a warning, which is always given the
        width of the last."""
        if (same := (*texts,)) == self.texts and warns == self.warns:
            return
        self.texts = same
        if warns != self.warns:
            self.warns = warns
            self._colour()
        self._fit()

    def set_least(self, pixels: int) -> None:
        """Be at least so wide; the title gives way."""
        self._least = pixels
        self._fit()

    def set_colours(self, quiet: str, warning: str) -> None:
        """Write notes and warnings in these colours."""
        self._colours = quiet, warning
        self._colour()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width, another text."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Larger letters leave less of them, and a new style brings a palette of its own."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._measure()
            self._fit()
        elif event.type() == QEvent.Type.StyleChange:
            self._colour()

    def _measure(self) -> None:
        # As high as the buttons that come and go beside it, with which the plot would jump
        self.setMinimumHeight(self.fontMetrics().height() + BUTTON)

    def _fit(self) -> None:
        metrics = self.fontMetrics()
        least = metrics.horizontalAdvance(self.texts[-1]) if self.warns else self._least
        if least != self.minimumWidth():
            self.setMinimumWidth(least)
        width = self.width()
        fits = next((text for text in self.texts if metrics.horizontalAdvance(text) <= width), None)
        # Half a number would be read as another one
        cut = metrics.elidedText(self.texts[-1], Qt.TextElideMode.ElideRight, width) if self.warns else ""
        text = cut if fits is None else fits
        if text != self.text():
            self.setText(text)
            tip = "" if text == self.texts[0] else self.texts[0]
            if tip != self.toolTip():
                self.setToolTip(tip)

    def _colour(self) -> None:
        colour_text(self, self._colours[self.warns])


WORDY = 22
"""Heights of a line from which width of the plot without the choice of a component on they are named."""


class DirectionSwitch(QToolButton):
    """Shows or hides what there is of one direction, ``forward`` or ``backward``, in whose colour it is while on."""

    def __init__(self, name: str, parent: QWidget, what: str = "paths") -> None:
        super().__init__(parent)
        self._name = name
        self.setText(f"● {name}")
        self.setCheckable(True)
        self.setChecked(True)
        self.setToolTip(f"Show the {name} {what}")
        self.setAccessibleName(f"Show the {name} {what}")

    def fit(self, width: int) -> None:
        """Bear the name, or in a plot with little `width` (pixels) beside the choice of a component its dot."""
        metrics = self.fontMetrics()
        self.setText(f"● {self._name}" if width >= WORDY * metrics.height() else "●")
        self.setMinimumWidth(metrics.horizontalAdvance("●") + 6)

    def set_theme(self, theme: Theme) -> None:
        """Take the colours of `theme`."""
        self.setStyleSheet(
            f"QToolButton {{ border: none; padding: 1px; color: {theme.muted}; }}"
            f"QToolButton:checked {{ color: {theme.direction(self._name)}; }}"
            f"QToolButton:focus {{ border-bottom: 1px solid {theme.accent}; }}"
        )

"""Lines of text that are shorter where they do not fit."""

from __future__ import annotations

import re
from html import escape

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

__all__ = ["Caption", "Title", "cut_at_word"]

LEAST, MOST = 48, 110
"""Pixels of a title that its header always leaves it, and that it may ask for."""


def cut_at_word(text: str, metrics: QFontMetrics, room: int) -> str:
    """As many whole words of `text` as fit into `room` pixels, and an ellipsis; letters where not even one does."""
    cut = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
    if cut == text or not cut.endswith("…"):
        return cut
    kept = cut[:-1]
    if not text[len(kept) :].startswith(" "):
        kept = kept.rpartition(" ")[0] or kept
    return f"{kept.rstrip(' ,;:')}…"


class Caption(QLabel):
    """Says as many sentences of `text` as fit into one line, or of the first as many phrases, which commas end; its
    tooltip says all of them."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setContentsMargins(6, 0, 6, 0)
        self.set_whole(text)

    def set_whole(self, text: str) -> None:
        """Say `text` from now on."""
        self._whole = text
        self.setToolTip(text)
        self.setAccessibleName(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As much of it as there is room for."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        sentences = self._whole.split(". ")
        phrases = sentences[0].rstrip(".").split(", ")
        fitting = [", ".join(phrases[:count]) + "." for count in range(1, len(phrases))]
        fitting += [". ".join(sentences[:count]) + "." for count in range(1, len(sentences))] + [self._whole]
        room, metrics = self.contentsRect().width(), self.fontMetrics()
        fits = [text for text in fitting if metrics.horizontalAdvance(text) <= room]
        self.setText(fits[-1] if fits else cut_at_word(fitting[0], metrics, room))


class Title(QLabel):
    """A bold title; what stands before it, as rich text, is never cut.

    Without room for all of it it says its subject, what stands before a colon, "by" or "over", and its tooltip says
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
        self._short = re.split(":| by | over ", text)[0]
        self._measure()

    def sizeHint(self) -> QSize:
        """Room for all of it."""
        return self._hint

    def minimumSizeHint(self) -> QSize:
        """Its subject, or a few letters of a long one."""
        return QSize(min(self._least, self._hint.width()), self._hint.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As much of it as there is room for."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Larger letters need more room."""
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
        room = metrics.horizontalAdvance(self._whole) - max(0, missing)
        shown = self._whole if missing <= 0 else cut_at_word(self._short, metrics, room)
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

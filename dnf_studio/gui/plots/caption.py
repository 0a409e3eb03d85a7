"""Lines of text that are shorter where they do not fit."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

__all__ = ["Caption", "Title"]


class Caption(QLabel):
    """Says as many sentences of `text` as fit into one line; its tooltip says all of them."""

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
        fitting = [". ".join(sentences[:count]) + "." for count in range(1, len(sentences))] + [self._whole]
        for text in reversed(fitting):
            shown = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, self.contentsRect().width())
            if shown == text:
                break
        self.setText(shown)


class Title(QLabel):
    """A bold title; what stands before it, as rich text, is never cut."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole, self._mark, self._hint = "", "", QSize()
        self.setTextFormat(Qt.TextFormat.RichText)

    def show_title(self, text: str, mark: str = "") -> None:
        """Say `text` after `mark`."""
        self._whole, self._mark = text, mark
        self._measure()

    def sizeHint(self) -> QSize:
        """Room for all of it."""
        return self._hint

    def minimumSizeHint(self) -> QSize:
        """A few letters."""
        return QSize(min(48, self._hint.width()), self._hint.height())

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
        self._fit()
        self.updateGeometry()

    def _fit(self) -> None:
        bold = QFont(self.font())
        bold.setBold(True)
        metrics, missing = QFontMetrics(bold), self._hint.width() - self.width()
        room = metrics.horizontalAdvance(self._whole) - max(0, missing)
        cut = metrics.elidedText(self._whole, Qt.TextElideMode.ElideRight, room)
        shown = self._html(cut if missing > 0 else self._whole)
        if shown != self.text():
            self.setText(shown)

    def _html(self, text: str) -> str:
        return f"{self._mark}<b>{escape(text)}</b>"

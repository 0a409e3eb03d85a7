"""What every plot of the window shares: a header, a drawing area, a sentence while it is empty."""

from __future__ import annotations

from html import escape
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from dnf_studio.gui.theme import LIGHT, Theme

__all__ = ["Plot"]


class Plot(QWidget):
    """A card with a title, a note on the right that follows the cursor, and a pyqtgraph plot.

    `caption` says in one line what is seen; it is also the tooltip of the title and the
    description that a screen reader gets, together with the note.
    """

    def __init__(self, title: str, caption: str, empty: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.caption = caption
        self.theme = LIGHT
        self._title_text = title
        self._is_empty: bool | None = None
        self.setAutoFillBackground(True)
        self.setAccessibleName(title)
        self.title = QLabel(self)
        self.title.setTextFormat(Qt.TextFormat.RichText)
        self.title.setToolTip(caption)
        self.note = QLabel(self)
        self.note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.header = QHBoxLayout()
        self.header.setContentsMargins(6, 0, 6, 0)
        self.header.setSpacing(8)
        self.header.addWidget(self.title)
        self.header.addWidget(self.note, 1)
        self.plot = pg.PlotWidget(self)
        self.plot.setAccessibleName(title)
        self.plot.setAccessibleDescription(caption)
        self.plot.setMinimumSize(120, 80)
        self.plot.setFrameShape(self.plot.Shape.NoFrame)
        self.box = self.plot.getViewBox()
        self.box.setMenuEnabled(False)
        self.box.disableAutoRange()
        self.plot.hideButtons()
        self.plot.setMenuEnabled(False)
        self.plot.scene().sigMouseClicked.connect(self._scene_clicked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 6, 4, 2)
        layout.setSpacing(2)
        layout.addLayout(self.header)
        layout.addWidget(self.plot, 1)
        self._empty = QLabel(empty, self.plot)
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.plot.installEventFilter(self)
        self._style_axes()
        self.set_empty(True)
        self.recolour()

    def set_theme(self, theme: Theme) -> None:
        """Recolour everything."""
        self.theme = theme
        self.recolour()

    def reset_view(self) -> None:
        """Show the whole again after zooming."""

    def set_empty(self, empty: bool) -> None:
        """Show the sentence instead of axes, or the axes."""
        if empty == self._is_empty:
            return
        self._is_empty = empty
        self._empty.setVisible(empty)
        for side in ("left", "bottom"):
            self.plot.getAxis(side).setStyle(showValues=not empty)
            self.plot.getAxis(side).setOpacity(0.0 if empty else 1.0)

    def set_note(self, text: str, warning: bool = False) -> None:
        """Say `text` at the right of the header."""
        if text != self.note.text():
            self.note.setText(text)
        if self.note.property("warning") != warning:
            self.note.setProperty("warning", warning)
            self._colour_label(self.note, self.theme.warning if warning else self.theme.muted)

    def title_html(self) -> str:
        """The title as rich text; a plot that stands for one direction puts its mark before it."""
        return f"<b>{escape(self._title_text)}</b>"

    def recolour(self) -> None:
        """Give every part the colour of the theme; plots with more parts add theirs."""
        theme = self.theme
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, QColor(theme.base))
        self.setPalette(palette)
        self.plot.setBackground(theme.base)
        self._colour_label(self.title, theme.text)
        self._colour_label(self.note, theme.warning if self.note.property("warning") else theme.muted)
        self._colour_label(self._empty, theme.muted)
        self.title.setText(self.title_html())
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(pg.mkPen(theme.border))
            axis.setTextPen(pg.mkPen(theme.muted))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Keep the sentence in the middle of the drawing area."""
        if event.type() == QEvent.Type.Resize and watched is self.plot:
            self._empty.setGeometry(self.plot.rect().adjusted(24, 8, -24, -8))
        return bool(super().eventFilter(watched, event))

    @Slot(object)
    def _scene_clicked(self, event: Any) -> None:
        """A double click shows the whole."""
        if event.double():
            self.reset_view()
        elif event.button() == Qt.MouseButton.LeftButton and self.box.sceneBoundingRect().contains(event.scenePos()):
            point = self.box.mapSceneToView(event.scenePos())
            self.clicked_at(float(point.x()), float(point.y()))

    def clicked_at(self, x: float, y: float) -> None:
        """A single click in plot coordinates; plots that answer to it say how."""

    def _style_axes(self) -> None:
        font = QFont(self.font())
        font.setPointSizeF(max(7.0, font.pointSizeF() - 1.5))
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setStyle(tickFont=font, tickLength=-3, tickTextOffset=4, maxTickLevel=0)
            axis.enableAutoSIPrefix(False)

    @staticmethod
    def _colour_label(label: QLabel, colour: str) -> None:
        palette = label.palette()
        palette.setColor(QPalette.ColorRole.WindowText, QColor(colour))
        label.setPalette(palette)

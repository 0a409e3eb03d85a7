"""One plot as a picture, for a talk or a paper: copied or saved from its context menu, in twice its pixels."""

from __future__ import annotations

import re
from pathlib import Path

import pyqtgraph as pg
from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, Slot
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QImage, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QFileDialog, QGraphicsItem, QMenu, QWidget

from dnf_studio.core.files import with_suffix
from dnf_studio.errors import ExportError

SCALE = 2.0
"""Pixels of the picture for one of the window: letters stay sharp when a slide enlarges them."""
_NO_CACHE = QGraphicsItem.CacheMode.NoCache


class PictureMenu(QObject):
    """The context menu of a plot, by a right click anywhere on its card or by the menu key.

    `view` is the drawing area within `card`; `left_out` is a button that no picture shows.
    """

    def __init__(self, card: QWidget, view: pg.PlotWidget, left_out: QWidget | None = None) -> None:
        super().__init__(card)
        self._card, self._view, self._left_out = card, view, left_out
        if left_out is not None:
            # Nothing moves for a picture
            policy = left_out.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            left_out.setSizePolicy(policy)
        self.menu = QMenu(card)
        self.menu.setToolTipsVisible(True)
        copy, save = self.menu.addAction("&Copy picture"), self.menu.addAction("&Save picture…")
        copy.setToolTip("This plot alone, in twice its pixels, for a slide or a text")
        save.setToolTip("This plot alone as a PNG file in twice its pixels")
        copy.triggered.connect(lambda: QGuiApplication.clipboard().setImage(self.picture()))
        save.triggered.connect(self._ask_and_save)
        card.installEventFilter(self)
        view.scene().sigMouseClicked.connect(self._clicked)

    def picture(self) -> QImage:
        """The card as it is shown, without the button that is left out, in `SCALE` times its pixels."""
        card = self._card
        image = QImage(card.size() * SCALE, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(SCALE)
        image.fill(card.palette().color(QPalette.ColorRole.Window))
        # What is cached has the pixels of the screen
        items = self._view.scene().items()
        cached = [(item, item.cacheMode()) for item in items if item.cacheMode() is not _NO_CACHE]
        for item, _mode in cached:
            item.setCacheMode(_NO_CACHE)
        button = self._left_out
        hides = button is not None and button.isVisible() and not button.hasFocus()
        try:
            if button is not None and hides:
                button.hide()
            card.render(image)
            self._draw_view(image)
        finally:
            if button is not None and hides:
                button.show()
            for item, mode in cached:
                item.setCacheMode(mode)
        return image

    def save(self, path: Path) -> None:
        """Write the picture as PNG, whole or not at all; raises `ExportError` where it cannot be."""
        from dnf_studio.core.files import atomic_file

        image = QPixmap.fromImage(self.picture())
        with atomic_file(path, ExportError) as partial:
            if not image.save(str(partial), "PNG"):
                raise ExportError(f"The picture '{path}' cannot be written.")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Open the menu for the keyboard, and for the mouse beside the plot itself."""
        if event.type() == QEvent.Type.ContextMenu and isinstance(event, QContextMenuEvent):
            by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
            # There a right drag zooms, which is known only once the button is let go
            if by_key or not self._view.geometry().contains(event.pos()):
                middle = self._card.mapToGlobal(self._card.rect().center())
                self.menu.popup(middle if by_key else event.globalPos())
            return True
        return bool(super().eventFilter(watched, event))

    def _draw_view(self, image: QImage) -> None:
        """Draw the plot within its card once more: a widget that is rendered draws for the pixels of the screen."""
        view, window = self._view, self._view.viewport()
        place = QRect(window.mapTo(self._card, QPoint()), window.size())
        painter = QPainter(image)
        view.render(painter, QRectF(place), window.rect())
        # What floats over the plot
        for child in (*view.children(), *window.children()):
            if isinstance(child, QWidget) and child is not window and child.isVisible():
                child.render(painter, child.mapTo(self._card, QPoint()), renderFlags=QWidget.RenderFlag.DrawChildren)
        painter.end()

    @Slot(object)
    def _clicked(self, event: MouseClickEvent) -> None:
        if event.button() == Qt.MouseButton.RightButton and not event.double():
            at = event.screenPos()
            self.menu.popup(QPoint(round(at.x()), round(at.y())))

    def _ask_and_save(self) -> None:
        """An error is not caught here: what nobody catches the application tells."""
        stem = re.sub(r"\W+", "-", self._card.accessibleName().lower()).strip("-")
        name, _ = QFileDialog.getSaveFileName(
            self._card.window(), "Save picture of the plot", f"{stem}.png", "PNG picture (*.png)"
        )
        if name:
            self.save(with_suffix(name, ".png"))

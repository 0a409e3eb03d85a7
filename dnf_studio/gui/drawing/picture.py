"""One plot as a picture, for a talk or a paper: copied or saved from its context menu, in twice its pixels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, Slot
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QImage, QPainter, QPixmap
from PySide6.QtWidgets import QFileDialog, QGraphicsItem, QMenu, QWidget

from dnf_studio.core.files import with_suffix
from dnf_studio.errors import ExportError, StudioError

if TYPE_CHECKING:
    from dnf_studio.gui.drawing.plot import Plot

__all__ = ["PictureMenu", "picture_of", "save_picture"]

SCALE = 2.0
"""Pixels of the picture for one of the window: letters stay sharp when a slide enlarges them."""
_NO_CACHE = QGraphicsItem.CacheMode.NoCache


def picture_of(plot: Plot) -> QImage:
    """The card of `plot` as it is shown, without its "?", in `SCALE` times its pixels."""
    image = QImage(plot.size() * SCALE, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(SCALE)
    image.fill(plot.theme.base)
    # What is cached has the pixels of the screen
    cached = [(item, item.cacheMode()) for item in plot.plot.scene().items() if item.cacheMode() is not _NO_CACHE]
    for item, _mode in cached:
        item.setCacheMode(_NO_CACHE)
    hidden = plot.help is not None and plot.help.isVisible() and not plot.help.hasFocus()
    if plot.help is not None and hidden:
        plot.help.hide()
    try:
        plot.render(image)
        _draw_plot(plot, image)
    finally:
        if plot.help is not None and hidden:
            plot.help.show()
        for item, mode in cached:
            item.setCacheMode(mode)
    return image


def _draw_plot(plot: Plot, image: QImage) -> None:
    """Draw the plot within its card once more: a widget that is rendered draws for the pixels of the screen."""
    view, window = plot.plot, plot.plot.viewport()
    place = QRect(window.mapTo(plot, QPoint()), window.size())
    painter = QPainter(image)
    view.render(painter, QRectF(place), window.rect())
    # What floats over the plot
    for child in (*view.children(), *window.children()):
        if isinstance(child, QWidget) and child is not window and child.isVisible():
            child.render(painter, child.mapTo(plot, QPoint()), renderFlags=QWidget.RenderFlag.DrawChildren)
    painter.end()


def save_picture(plot: Plot, path: Path) -> None:
    """Write the picture of `plot` as PNG, whole or not at all; raises `ExportError` where it cannot be."""
    from dnf_studio.core.files import atomic_file

    image = QPixmap.fromImage(picture_of(plot))
    with atomic_file(path, ExportError) as partial:
        if not image.save(str(partial), "PNG"):
            raise ExportError(f"The picture '{path}' cannot be written.")


class PictureMenu(QObject):
    """The context menu of a plot, by a right click anywhere on its card or by the menu key."""

    def __init__(self, plot: Plot) -> None:
        super().__init__(plot)
        self._plot = plot
        if plot.help is not None:
            # A picture leaves the button out, and nothing moves for it
            policy = plot.help.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            plot.help.setSizePolicy(policy)
        self.menu = QMenu(plot)
        self.menu.setToolTipsVisible(True)
        copy, save = self.menu.addAction("&Copy picture"), self.menu.addAction("&Save picture…")
        copy.setToolTip("This plot alone, in twice its pixels, for a slide or a text")
        save.setToolTip("This plot alone as a PNG file in twice its pixels")
        copy.triggered.connect(lambda: QGuiApplication.clipboard().setImage(picture_of(self._plot)))
        save.triggered.connect(self._ask_and_save)
        plot.installEventFilter(self)
        plot.plot.scene().sigMouseClicked.connect(self._clicked)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Open the menu for the keyboard, and for the mouse beside the plot itself."""
        if event.type() == QEvent.Type.ContextMenu and isinstance(event, QContextMenuEvent):
            by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
            # There a right drag zooms, which is known only once the button is let go
            if by_key or not self._plot.plot.geometry().contains(event.pos()):
                middle = self._plot.mapToGlobal(self._plot.rect().center())
                self.menu.popup(middle if by_key else event.globalPos())
            return True
        return bool(super().eventFilter(watched, event))

    @Slot(object)
    def _clicked(self, event: MouseClickEvent) -> None:
        if event.button() == Qt.MouseButton.RightButton and not event.double():
            at = event.screenPos()
            self.menu.popup(QPoint(round(at.x()), round(at.y())))

    def _ask_and_save(self) -> None:
        stem = re.sub(r"\W+", "-", self._plot.accessibleName().lower()).strip("-")
        name, _ = QFileDialog.getSaveFileName(
            self._plot.window(), "Save picture of the plot", f"{stem}.png", "PNG picture (*.png)"
        )
        if not name:
            return
        try:
            save_picture(self._plot, with_suffix(name, ".png"))
        except StudioError as error:
            from dnf_studio.gui.workspace.error_dialog import ErrorDialog

            ErrorDialog(error, self._plot.window()).show()

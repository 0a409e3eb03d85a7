"""What the context menu of a plot makes of it: a picture in twice its pixels, a table of its numbers, a figure.

pyqtgraph's own menu, of options that the studio offers nowhere, goes.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pyqtgraph as pg
from pyqtgraph.graphicsItems.PlotItem.plotConfigTemplate_generic import Ui_Form
from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QImage, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QFileDialog, QGraphicsItem, QMenu, QWidget
from shiboken6 import delete

from dnf_studio.core.files import with_suffix
from dnf_studio.errors import ExportError
from dnf_studio.gui.drawing.style import let_paint
from dnf_studio.gui.drawing.telling import TellingPlot, write_numbers

SCALE = 2.0
"""Pixels of the picture for one of the window: letters stay sharp when a slide enlarges them."""
_NO_CACHE = QGraphicsItem.CacheMode.NoCache


class Wishes(QObject):
    """What plots ask for that is not theirs to do, wherever in the window they are."""

    figure = Signal(object)
    """The plot that a figure is wanted of."""
    said = Signal(str)
    """A sentence for the status bar."""

    def __init__(self) -> None:
        super().__init__()
        self.figures = False

    def offer_figures(self) -> None:
        """Let the menus of plots offer figures from now on."""
        self.figures = True


WISHES = Wishes()


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
        self._figure = self.menu.addAction("Export &figure…")
        self._numbers = self.menu.addAction("Save &numbers as CSV…")
        self._figure.setToolTip("This plot as PDF, SVG or PNG, in millimetres and points, with axes and legend")
        self._numbers.setToolTip("The numbers that are drawn, as a table with a header and every digit")
        self._figure.triggered.connect(lambda: WISHES.figure.emit(card))
        self._numbers.triggered.connect(self._ask_for_numbers)
        self.menu.aboutToShow.connect(self._offer)
        copy.triggered.connect(lambda: QGuiApplication.clipboard().setImage(self.picture()))
        save.triggered.connect(self._ask_and_save)
        card.installEventFilter(self)
        view.scene().sigMouseClicked.connect(self._clicked)

    def picture(self) -> QImage:
        """The card as it is shown, without the button that is left out, in `SCALE` times its pixels."""
        card = self._card
        let_paint(card.window())
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

        if path.suffix.lower() != ".png":
            raise ExportError(
                f"A picture is written as .png, not as '{path.suffix or path.name}'; Export figure writes PDF and SVG."
            )
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

    @Slot()
    def _offer(self) -> None:
        """Figures where somebody makes them, numbers where there are some."""
        card = self._card
        tells = isinstance(card, TellingPlot) and type(card).numbers is not TellingPlot.numbers
        self._figure.setVisible(WISHES.figures)
        self._numbers.setVisible(tells)
        for action in (self._figure, self._numbers):
            action.setEnabled(not getattr(card, "is_empty", False))

    def save_numbers(self, path: Path) -> None:
        """Write the numbers of the plot as CSV; raises `ExportError` where there are none or they cannot be."""
        numbers = self._card.numbers() if isinstance(self._card, TellingPlot) else None
        if numbers is None:
            raise ExportError("This plot shows no numbers yet: open a model first, or let what is computed come.")
        write_numbers(path, numbers)

    def _ask(self, title: str, suffix: str, kind: str) -> Path | None:
        """Ask for a name; what asks does not catch an error, and what nobody catches the application tells."""
        card = self._card
        name = card.full_name if isinstance(card, TellingPlot) else card.accessibleName()
        stem = re.sub(r"\W+", "-", name.lower()).strip("-")
        name, _ = QFileDialog.getSaveFileName(self._card.window(), title, f"{stem}{suffix}", f"{kind} (*{suffix})")
        return with_suffix(name, suffix) if name else None

    def _ask_for_numbers(self) -> None:
        path = self._ask("Save the numbers of the plot", ".csv", "Table")
        if path is not None:
            self.save_numbers(path)
            WISHES.said.emit(f"Saved the numbers as {path.name}.")

    def _ask_and_save(self) -> None:
        path = self._ask("Save picture of the plot", ".png", "PNG picture")
        if path is not None:
            self.save(path)
            WISHES.said.emit(f"Saved the picture as {path.name}.")


def drop_options(item: pg.PlotItem) -> None:
    """Let `item`, in which nobody has set an option, share its options with all others, and take its own apart.

    They are seven menus and some forty controls for each plot: most of the widgets of a window, every one of which is
    styled and measured whenever colours or letters change.
    """
    menu = item.ctrlMenu
    item.ctrl, item.ctrlMenu, item.stateGroup = shared_options()[1], None, None
    for entry in menu.actions():
        for action in entry.menu().actions():
            # With the controls that it shows
            delete(action)
    delete(menu)


@cache
def shared_options() -> tuple[QWidget, Ui_Form]:
    """The options of all plots, as pyqtgraph begins with them, and what they are on, which nobody sees and which stays.

    pyqtgraph asks for them whenever an item is added to a plot.
    """
    widget, form = QWidget(), Ui_Form()
    form.setupUi(widget)
    return widget, form

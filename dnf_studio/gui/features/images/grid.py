"""The points of one process as a grid of images at the time cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QLabel, QToolButton

from dnf_studio.core.data.image_shape import PixelMap
from dnf_studio.core.sampling.region import inside_polygon
from dnf_studio.gui.drawing.layers.images import ImagesLayer, Mosaic, arrange
from dnf_studio.gui.drawing.layers.trails import at_position
from dnf_studio.gui.drawing.picking import existing
from dnf_studio.gui.drawing.point_colours import ColouredByPoint
from dnf_studio.gui.drawing.point_plot import ProcessPlot
from dnf_studio.gui.drawing.words import lost_paths, lost_words, time_note
from dnf_studio.workers.frames import Frame

LEGEND = 2
"""Pixels above and below the legend of colours."""
WORDY = 25
"""Heights of a line from which width of the grid on it is said which images are seen."""
Array = NDArray[np.float32]


class ImageGrid(ProcessPlot):
    """As many points of one process, ``forward`` or ``backward``, as fit, shown as images.

    Black and white are the least and the greatest value of the data, whatever is shown. Where there are more
    points than places, the grid has pages; linked grids turn them together. A click chooses the image under it.
    """

    captions: ClassVar = {
        "forward": "Images of the data, carried to noise by {}. Click one to follow it.",
        "backward": "Latent noise, carried to generated images by {}. Click one to follow it.",
        "paired": "The forward ends, carried back by {}. Click one to follow its round trip.",
    }

    def __init__(self, direction: str) -> None:
        super().__init__(direction, "")

    def add_parts(self) -> None:
        """Add the images and the buttons that turn pages."""
        super().add_parts()
        self._frame: Frame | None = None
        self._pixels: PixelMap | None = None
        self._mosaic: Mosaic | None = None
        self._position, self._first, self._lost, self._wanted = 0.0, 0, 0, 0
        self._selection = existing((), 0)
        self._linked: ImageGrid | None = None
        for side in ("left", "bottom"):
            self.plot.hideAxis(side)
        self.box.setAspectLocked(True)
        self.box.invertY(True)
        self.box.sigResized.connect(self._arrange)
        self.box.sigRangeChangedManually.connect(self._range_chosen)
        self.box.region_drawn.connect(self._region_drawn)
        self._images = ImagesLayer()
        self._images.coloured_changed.connect(self._arrange)
        self.by_point = ColouredByPoint(self._direction, self._images)
        self.coloured = {self._direction: self.by_point}
        for layer in (self._images, self.by_point.legend):
            self.plot.addItem(layer, ignoreBounds=True)
        self._add_pages()

    def set_pixels(self, pixels: PixelMap | None, count: int = 0) -> None:
        """Draw points by `pixels` from now on, about `count` of them; None shows nothing until there is a way."""
        self._pixels, self._frame, self._first, self._wanted = pixels, None, 0, count
        self._arrange()

    def set_frame(self, frame: Frame | None) -> None:
        """Show `frame`; one whose points are not of the size of the images empties the grid."""
        before = self._wanted, self._mosaic is None
        fits = frame is not None and self._pixels is not None and frame.forward.shape[2] == self._pixels.shape.size
        self._frame = frame if fits else None
        self.set_empty(self._frame is None)
        self._lost = 0 if self._frame is None else lost_paths(self._paths(self._frame))
        if self._frame is not None:
            # Frames that grow block by block would else arrange the images anew with each
            self._wanted = self._count if self._frame.complete else max(self._wanted, self._count)
        if before != (self._wanted, self._frame is None):
            self._arrange()
        self._place()

    def set_cursor(self, position: float) -> None:
        """Move the time cursor to `position` in node units, 0 … N."""
        self._position = position
        self._place()

    def set_selection(self, selection: Sequence[int] | NDArray[np.intp]) -> None:
        """Frame these points, and turn to the page of the last one."""
        self._selection = np.asarray(selection, np.intp)
        mosaic = self._mosaic
        if len(self._selection) and mosaic is not None and self._selection[-1] < self._count:
            self._turn_to(int(self._selection[-1]) // mosaic.count * mosaic.count)
        self._frame_chosen()

    def pick(self, at: QPointF, adding: bool) -> bool:
        """Tell which image was clicked; a click that only adds misses nothing."""
        place = self.box.mapSceneToView(at)
        index = self._mosaic.at(place.x(), place.y()) if self._mosaic is not None else None
        if index is not None and self._first + index < self._count:
            self.point_picked.emit(self._first + index, self._direction, adding)
        elif not adding:
            self.missed.emit()
        return True

    def link(self, other: ImageGrid) -> None:
        """Turn pages, pan and zoom together with `other`."""
        self._linked, other._linked = other, self

    def reset_view(self) -> None:
        """All of the page again, in the middle."""
        mosaic = self._mosaic
        if mosaic is None:
            return
        width, height, above = self._area()
        down, across = (mosaic.rows * mosaic.cell[0], mosaic.columns * mosaic.cell[1])
        # Whole device pixels, with which every pixel of an image is as large as the next one
        left, top = (
            -int((free - (side - mosaic.gap) * mosaic.zoom) / 2) / mosaic.zoom
            for free, side in ((width, across), (height, down))
        )
        top -= above / mosaic.zoom
        self.box.setRange(QRectF(left, top, width / mosaic.zoom, (height + above) / mosaic.zoom), padding=0)

    def showEvent(self, event: QShowEvent) -> None:
        """What passed while nobody looked."""
        super().showEvent(event)
        self._arrange()

    def recolour(self) -> None:
        """Also the images, whose gaps are the ground."""
        super().recolour()
        theme = self.theme
        self._images.set_look(theme.base, theme.accent, theme.text)
        self.by_point.set_theme(theme, self.font())
        self._pages.setStyleSheet(f"color: {theme.muted};")

    def turn(self, pages: int) -> None:
        """Turn so many pages on, or back."""
        if self._mosaic is not None:
            last = max(0, self._count - 1) // self._mosaic.count
            self._turn_to(min(max(self._first // self._mosaic.count + pages, 0), last) * self._mosaic.count)

    def turn_to_first(self) -> None:
        """The first page, of the other grid too."""
        self._turn_to(0)

    def _turn_to(self, first: int) -> None:
        for grid in (self, self._linked):
            if grid is not None and grid._first != first:
                grid._first = first
                grid._place()
                grid._frame_chosen()
                grid._say_page()

    def _add_pages(self) -> None:
        """Which images are seen, between the buttons that turn pages."""
        self._pages = QLabel()
        self._pages.setAccessibleName("Images shown")
        self._back, self._on = QToolButton(), QToolButton()
        for button, mark, word, step, key in (
            (self._back, "‹", "Previous", -1, QKeySequence.StandardKey.MoveToPreviousPage),
            (self._on, "›", "Next", 1, QKeySequence.StandardKey.MoveToNextPage),
        ):
            button.setText(mark)
            button.setAutoRaise(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setToolTip(f"{word} images ({QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)})")
            button.setAccessibleName(f"{word} images")
            button.clicked.connect(lambda _checked=False, step=step: self.turn(step))
            shortcut = QShortcut(QKeySequence(key), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(lambda step=step: self.turn(step))
        for place, part in enumerate((self._back, self._pages, self._on), start=2):
            self.header.insertWidget(place, part)

    @property
    def _count(self) -> int:
        return 0 if self._frame is None else self._frame.forward.shape[1]

    def _paths(self, frame: Frame) -> Array:
        return frame.forward if self._direction == "forward" else frame.backward

    def _area(self) -> tuple[float, float, int]:
        """Width and height of the place for images, and the height of that for the legend above, device pixels."""
        ratio = self.devicePixelRatioF()
        legend = round(ratio * (self.fontMetrics().height() + 2 * LEGEND)) if self._images.coloured else 0
        return self.box.width() * ratio, self.box.height() * ratio - legend, legend

    @Slot()
    def _arrange(self) -> None:
        """Fit as many images as the size allows, the first one shown staying in sight."""
        width, height, _ = self._area()
        if self._pixels is None or not self._count or min(width, height) < 1:
            self._mosaic = None
        else:
            self._mosaic = arrange(self._pixels.shape, self._wanted, width, height)
            self._first = min(self._first, self._count - 1) // self._mosaic.count * self._mosaic.count
            self.reset_view()
        self._place()
        self._frame_chosen()
        self._say_page()

    def _say_page(self) -> None:
        count, places = self._count, self._mosaic.count if self._mosaic is not None else 0
        paged = 0 < places < count
        for part in (self._back, self._pages, self._on):
            part.setVisible(paged)
        if paged:
            last = min(self._first + places, count)
            page = f"{self._first + 1}–{last} of {count:,}"
            self._pages.setText(page)
            self._pages.setVisible(self.width() >= WORDY * self.fontMetrics().height())
            self._pages.setAccessibleDescription(page)
            self._back.setEnabled(self._first > 0)
            self._on.setEnabled(last < count)

    def _place(self) -> None:
        """Everything that follows the cursor; nothing while nobody looks."""
        frame, mosaic = self._frame, self._mosaic
        if frame is None or mosaic is None:
            self._images.set_images(np.empty((0, 0), np.float32), 0, None, None)
            self.set_note("")
            return
        if not self.isVisible():
            return
        paths = self._paths(frame)
        position = float(np.clip(self._position, 0, len(paths) - 1))
        shown = at_position(paths[:, self._first : self._first + mosaic.count], position)
        self._images.set_images(shown, self._first, mosaic, self._pixels)
        if lost := lost_words(self._lost, self._count, "images"):
            self.warn(*lost)
        else:
            self.set_note(*time_note(frame.t, position))

    def _frame_chosen(self) -> None:
        places = self._mosaic.count if self._mosaic is not None else 0
        rows = existing(self._selection, self._count) - self._first
        self._images.set_chosen(rows[(rows >= 0) & (rows < places)].tolist())

    @Slot(object, object)
    def _region_drawn(self, corners: NDArray[np.float64], modifiers: Qt.KeyboardModifier) -> None:
        if self._mosaic is not None:
            inside = np.zeros(self._count, bool)
            seen = inside[self._first : self._first + self._mosaic.count]
            seen[:] = inside_polygon(self._mosaic.centres(len(seen)).astype(np.float32), corners)
            self.region_chosen.emit({self._direction: inside}, modifiers)

    @Slot(object)
    def _range_chosen(self, _: object) -> None:
        if self._linked is not None and self._linked._mosaic == self._mosaic:
            self._linked.box.setRange(self.box.viewRect(), padding=0)

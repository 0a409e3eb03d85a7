"""Images in place of points: when the process views are grids of images, and what of the window that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot

from dnf_studio.core.data.image_shape import PixelMap
from dnf_studio.gui.actions import Key
from dnf_studio.gui.plots.image_grid import ImageGrid

if TYPE_CHECKING:
    from dnf_studio.gui.main_window import MainWindow
    from dnf_studio.gui.opening import Opened

__all__ = ["Imaging"]

OF_POINTS = (Key.POINTS, Key.PATHS, Key.DENSITY, Key.OVERLAY, Key.FIELD, Key.CONTOURS, Key.DIFFERENCE)
"""Layers that a grid of images has not."""


class Imaging(QObject):
    """Shows the grids, which are made with the first data that are images, and goes back to the plane."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._session, self._views = window, window.session, window.views
        self._pixels: PixelMap | None = None
        self._grids: tuple[ImageGrid, ...] = ()
        window.commands.connect_to(Key.IMAGES, self._switch)
        self._session.changed.connect(self._follow)
        window.studio.opened.connect(self._take)
        self._show()

    @property
    def grids(self) -> tuple[ImageGrid, ...]:
        """Forward and backward; nothing before there were images."""
        return self._grids

    @property
    def pixels(self) -> PixelMap | None:
        """The way from points to images; None where the data are none."""
        return self._pixels

    @property
    def shown(self) -> bool:
        """Whether images are shown in place of points."""
        return self._pixels is not None and self._session.state.projection == "images"

    @Slot(object)
    def _take(self, opened: Opened) -> None:
        """The size of the images that the model shown makes, if it makes any."""
        shape = opened.shown.image
        fits = shape is not None and shape.size == opened.shown.dim
        pixels = PixelMap(shape, opened.snapshot.standardisation) if shape is not None and fits else None
        if pixels is not None and self._grids and pixels.same_as(self._pixels):
            # What is seen stays until there is a frame of the new model, as in the other views
            self._show()
            return
        self._pixels = pixels
        if self._pixels is not None and not self._grids:
            self._make()
        for grid in self._grids:
            grid.set_pixels(self._pixels, len(opened.points))
        self._show()

    def _make(self) -> None:
        self._grids = forward, backward = ImageGrid("forward"), ImageGrid("backward")
        forward.link(backward)
        self._views.add_images(self._grids, self._window.appearance.theme)
        self._window.colouring.add_images({"forward": forward.by_point, "backward": backward.by_point})

    def _follow(self, names: frozenset[str]) -> None:
        if "projection" in names:
            self._show()

    def _switch(self) -> None:
        self._session.apply({"projection": "axes" if self.shown else "images"})
        self._show()

    def _show(self) -> None:
        commands, images = self._window.commands, self.shown
        for place, view in enumerate((self._views.forward, self._views.backward)):
            seen = self._grids[place] if images else view
            if self._views.stacks[place].currentWidget() is not seen:
                focused = self._window.focusWidget()
                keeps = focused is not None and self._views.stacks[place].isAncestorOf(focused)
                if keeps:
                    # Or Qt gives it to whatever comes next, as Tab does
                    focused.clearFocus()
                self._views.stacks[place].setCurrentWidget(seen)
                if keeps:
                    seen.plot.setFocus(Qt.FocusReason.ActiveWindowFocusReason)
        commands[Key.IMAGES].setChecked(images)
        commands[Key.IMAGES].setEnabled(self._pixels is not None)
        for key in OF_POINTS:
            commands[key].setEnabled(not images)

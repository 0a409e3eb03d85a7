"""Images in place of points: when the process views are grids of images, and what of the window that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot

from dnf_studio.core.data.image_shape import PixelMap
from dnf_studio.gui.features.images.grid import ImageGrid
from dnf_studio.gui.widgets.choices import greying
from dnf_studio.gui.workspace.actions import Key

if TYPE_CHECKING:
    from dnf_studio.gui.frame.main_window import MainWindow
    from dnf_studio.gui.workspace.opening import Opened

__all__ = ["Imaging"]

OF_POINTS = (Key.POINTS, Key.PATHS, Key.DENSITY, Key.OVERLAY, Key.FIELD, Key.CONTOURS, Key.DIFFERENCE)
"""Layers of a plane, which neither a grid of images has nor data of one component."""
AS_IMAGES = "Images are shown in place of points: View, Show as images goes back to the points"
NO_PLANE = "Data of one component has no plane to show this in: its paths are drawn over the steps"
NO_IMAGES = "The points of this data are no images"


class Imaging(QObject):
    """Shows grids of images where the data are images, and goes back to the plane."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._session, self._views = window, window.session, window.views
        self._pixels: PixelMap | None = None
        self._grids: tuple[ImageGrid, ...] = ()
        commands, menus = window.commands, (window.fielding.menu, window.contouring.menu)
        self._greyings = (
            greying(self._no_layers, *map(commands.__getitem__, OF_POINTS), *(menu.menuAction() for menu in menus)),
            greying(lambda: NO_IMAGES if self._pixels is None else None, commands[Key.IMAGES]),
        )
        commands.connect_to(Key.IMAGES, self._switch)
        self._session.lacks_changed.connect(self._grey)
        self._session.changed.connect(self._follow)
        window.studio.opened.connect(self._take)
        self._show()

    @property
    def grids(self) -> tuple[ImageGrid, ...]:
        """Forward and backward; nothing before `fill`."""
        return self._grids

    @property
    def pixels(self) -> PixelMap | None:
        """The way from points to images; None where the data are none."""
        return self._pixels

    @property
    def shown(self) -> bool:
        """Whether images are shown in place of points."""
        return self._pixels is not None and self._session.state.projection == "images"

    def fill(self) -> None:
        """Make the grids, once: the first images would else wait for them."""
        if not self._grids:
            self._grids = forward, backward = ImageGrid("forward"), ImageGrid("backward")
            forward.link(backward)
            self._views.add_images(self._grids, self._window.appearance.theme)
            self._window.colouring.add_images({"forward": forward.by_point, "backward": backward.by_point})

    @Slot(object)
    def _take(self, opened: Opened) -> None:
        """The size of the images that the model shown makes, if it makes any."""
        shape = opened.shown.image
        fits = shape is not None and shape.size == opened.shown.dim
        pixels = PixelMap(shape, opened.snapshot.standardisation) if shape is not None and fits else None
        if pixels is not None and self._grids and pixels.same_as(self._pixels):
            # What is seen stays until there is a frame of the new model, as in the other views
            if opened.shown.trained:
                self._grids[0].turn_to_first()
            self._show()
            return
        self._pixels = pixels
        if self._pixels is not None:
            self.fill()
        for grid in self._grids:
            grid.set_pixels(self._pixels, len(opened.points))
        self._show()

    def _follow(self, names: frozenset[str]) -> None:
        if "projection" in names:
            self._show()

    def _switch(self) -> None:
        self._session.apply({"projection": "axes" if self.shown else "images"})
        self._show()

    def _show(self) -> None:
        images = self.shown
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
        self._window.commands[Key.IMAGES].setChecked(images)
        self._grey()

    def _no_layers(self) -> str | None:
        """Why there is no plane with layers; None where there is one."""
        return AS_IMAGES if self.shown else NO_PLANE if self._session.dim == 1 else None

    @Slot()
    def _grey(self) -> None:
        for bring in self._greyings:
            bring()

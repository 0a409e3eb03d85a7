"""Images in place of points: when the process views are grids of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from dnf_studio.core.data.image_shape import PixelMap
from dnf_studio.gui.drawing.theme import DIRECTIONS
from dnf_studio.gui.widgets.choices import greying
from dnf_studio.gui.widgets.solver_box import start_button
from dnf_studio.gui.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dnf_studio.gui.features.images.grid import ImageGrid
    from dnf_studio.gui.workspace.opening import Opened

NO_IMAGES = "The points of this data are no images"


class ImagesController(QObject):
    """Shows grids of images where the data are images, and goes back to the plane."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._plots = workspace.session, workspace.plots
        self._pixels: PixelMap | None = None
        self._grids: tuple[ImageGrid, ...] = ()
        self._command = workspace.commands["images"]
        self._grey = greying(lambda: NO_IMAGES if self._pixels is None else None, self._command)
        workspace.commands.connect_to("images", self._switch)
        self._session.changed.connect(self._follow)
        workspace.studio.opened.connect(self._take)
        self._show()

    @property
    def grids(self) -> tuple[ImageGrid, ...]:
        """The grids of the forward and the backward process; empty before `fill`."""
        return self._grids

    @property
    def pixels(self) -> PixelMap | None:
        """Converts points to images; None where the data are none."""
        return self._pixels

    @property
    def shown(self) -> bool:
        """Whether images are shown in place of points."""
        return self._pixels is not None and self._session.state.projection == "images"

    def fill(self) -> None:
        """Make the grids, once: the first images would else wait for them."""
        from dnf_studio.gui.features.images.grid import ImageGrid

        if not self._grids:
            self._grids = forward, backward = ImageGrid("forward"), ImageGrid("backward")
            forward.link(backward)
            backward.add_beside_caption(start_button(self._session))
            for grid in self._grids:
                self._plots.put_behind(grid.direction, f"{grid.direction} images", grid)

    @Slot(object)
    def _take(self, opened: Opened) -> None:
        """The size of the images that the model shown makes, if it makes any."""
        shape = opened.shown.image
        as_images = shape is not None and opened.shown.as_images
        pixels = PixelMap(shape, opened.snapshot.standardisation) if shape is not None and as_images else None
        if pixels is not None and self._grids and pixels.same_as(self._pixels):
            # What is seen stays until there is a frame of the new model, as in the other views
            if opened.shown.trained:
                self._grids[0].turn_to_first()
            self._show()
            return
        self._pixels = pixels
        if self._pixels is not None:
            self.fill()
        for grid in (*self._grids, *self._plots.seconds) if self._grids else ():
            if isinstance(grid, type(self._grids[0])):
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
        for name in DIRECTIONS if self._grids and not self._session.in_pairs else ():
            self._plots.bring_to_front(f"{name} images" if images else name, name)
        self._command.setChecked(images)
        self._grey()

"""The Inspector: when it opens by itself, the numbers it asks for, and the training images nearest to the chosen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Slot

from dnf_studio.core.data.image_shape import PixelMap
from dnf_studio.gui.drawing.words import counted
from dnf_studio.gui.workspace.state import CHOICE, State
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest
from dnf_studio.workers.frames import InspectRequest

if TYPE_CHECKING:
    from dnf_studio.core.data.neighbours import Neighbours
    from dnf_studio.core.data.recorded import RecordedDataset
    from dnf_studio.gui.features.inspector.image_strip import NeighbourStrip
    from dnf_studio.gui.features.inspector.panel import InspectorPanel
    from dnf_studio.gui.workspace.comparison import Comparison
    from dnf_studio.gui.workspace.opening import Opened


class InspectorController(QObject):
    """Offers the dock with the first point that is chosen, and asks for numbers while somebody sees them."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._live, self._comparison = workspace.session, workspace.live, workspace.comparison
        self._dock = workspace.docks["inspector"]
        self._session.changed.connect(self._follow)
        self._comparison.changed.connect(self._ask)
        self._dock.visibilityChanged.connect(self._ask)

    def _follow(self, names: frozenset[str]) -> None:
        if "selection" in names and self._session.state.selection:
            self._dock.offer()
        if names & CHOICE:
            self._ask()

    @Slot()
    def _ask(self) -> None:
        """Ask for the numbers of the current point while somebody sees them, of both models where it is the same."""
        state = self._session.state
        wanted = bool(state.selection) and not self._dock.isHidden()
        asked = InspectRequest(state.selection[-1], state.listed) if wanted else None
        self._live.inspect(asked)
        self._comparison.inspect(None if not_of_both(self._comparison, state) else asked)


def not_of_both(comparison: Comparison, state: State) -> str:
    """Why the second model has no path that is the same as the one of A that is listed, as a sentence; empty where it
    has, or there is none."""
    if comparison.second is None:
        return ""
    if not comparison.same_data and (state.paired or state.listed == "forward"):
        return "B is of other data, and starts from points of its own."
    frame = comparison.frame
    if frame is not None and frame.complete and max(state.selection[-1:], default=0) >= frame.forward.shape[1]:
        return f"B is shown with {counted(frame.forward.shape[1], 'point')}."
    return ""


def make_panel(workspace: Workspace) -> InspectorPanel:
    """The panel of one point, which follows the frames, and the images nearest to it."""
    from dnf_studio.gui.features.inspector.panel import InspectorPanel

    panel, live = InspectorPanel(workspace.session), workspace.live
    panel.set_frame(live.frame)
    panel.set_excess(live.excess)
    live.frame_shown.connect(panel.set_frame)
    live.excess_found.connect(panel.set_excess)
    live.inspected.connect(panel.set_inspection)

    comparison, session = workspace.comparison, workspace.session

    def name_models() -> None:
        names = comparison.names if comparison.second is not None else ()
        plain = tuple(name.removesuffix(f" ({letter})") for name, letter in zip(names, "AB", strict=False))
        panel.set_models(plain, not_of_both(comparison, session.state))

    def follow(_: object = None) -> None:
        panel.set_second_excess(comparison.excess)
        name_models()

    def begin() -> None:
        panel.set_second(None)
        name_models()

    comparison.inspected.connect(panel.set_second)
    comparison.excess_found.connect(panel.set_second_excess)
    comparison.frame_shown.connect(follow)
    comparison.changed.connect(begin)
    session.changed.connect(lambda names: name_models() if names & CHOICE else None)
    follow()
    NearestImages(workspace, panel)
    return panel


NOT_HERE = "The training images are not here to compare it with."
LOST = "It left the finite numbers."
Array = NDArray[np.float32]


class NearestImages(QObject):
    """Gives the Inspector the chosen point at t_0 as an image and, found in the background, its nearest ones.

    Distances are Euclidean, in levels; the median of held-out images says what is no copy.
    """

    def __init__(self, workspace: Workspace, panel: InspectorPanel) -> None:
        super().__init__(panel)
        self._session, self._live, self._tell = workspace.session, workspace.live, workspace.tell
        self._comparison = workspace.comparison
        self._strip, self._dock = panel.images, workspace.docks["inspector"]
        background = workspace.studio.background
        self._near, self._far = Newest(background), Newest(background)
        self._pixels: PixelMap | None = None
        self._dataset: RecordedDataset | None = None
        self._median: float | None = None
        self._shown: Array | None = None
        self._session.changed.connect(self._follow)
        workspace.studio.opened.connect(self._take)
        self._live.frame_shown.connect(self._refresh)
        self._dock.visibilityChanged.connect(self._refresh)
        self._comparison.changed.connect(self._name_anew)
        if workspace.studio.current is not None:
            self._take(workspace.studio.current)

    @Slot(object)
    def _take(self, opened: Opened) -> None:
        from dnf_studio.core.data.recorded import RecordedDataset

        data, shape = opened.dataset, opened.shown.image
        as_images = shape is not None and opened.shown.as_images
        self._pixels = PixelMap(shape, opened.snapshot.standardisation) if shape is not None and as_images else None
        fits = isinstance(data, RecordedDataset) and data.image is not None and data.image == opened.shown.image
        self._dataset = data if isinstance(data, RecordedDataset) and fits else None
        self._median, self._shown = None, None

    def _follow(self, names: frozenset[str]) -> None:
        if names & CHOICE:
            self._refresh()

    @Slot(object)
    def _refresh(self, _seen: object = None) -> None:
        """Another point, or the same one of other weights: its image at once, then what it is like."""
        strip, pixels, point = self._strip, self._pixels, self._end()
        if pixels is None or point is None:
            self._shown = None
            strip.hide()
            return
        # The next answer or frame asks again
        hidden = self._dock.isHidden()
        if hidden or self._near.running or (self._shown is not None and np.array_equal(point, self._shown)):
            return
        self._shown = point
        generated = self._dataset is None or self._session.state.listed == "backward"
        word = "generated" if generated else "test image"
        # Of two models the image is that of the first
        strip.show_image(pixels(point[None])[0], word if self._comparison.second is None else f"A, {word}")
        if self._dataset is None or not np.isfinite(point).all():
            strip.say(NOT_HERE if self._dataset is None else LOST)
            return
        ask = partial(_nearest, self._dataset, pixels.to_data(point[None]))
        self._near.run(ask, partial(self._show, self._dataset), self._tell)

    @Slot()
    def _name_anew(self) -> None:
        self._shown = None
        self._refresh()

    def _end(self) -> Array | None:
        """The current point at t_0, (D,), model units; None where none is chosen or it is not shown."""
        frame, state = self._live.frame, self._session.state
        if frame is None or not state.selection:
            return None
        paths = frame.paths_of(state.listed)
        pixels = self._pixels
        there = state.selection[-1] < paths.shape[1] and pixels is not None and paths.shape[2] == pixels.shape.size
        return paths[0, state.selection[-1]] if there else None

    def _show(self, dataset: RecordedDataset, found: Neighbours) -> None:
        strip, pixels = self._strip, self._pixels
        if dataset is self._dataset and pixels is not None:
            images = pixels.draw(dataset.recorded[found.rows[0]] + np.float32(0.5))
            strip.show_neighbours(images, _words(dataset, found))
            self._say(strip)
            if self._median is None and not self._far.running:
                self._far.run(partial(_held_out, dataset), partial(self._compare, dataset), self._tell)
        # What was chosen meanwhile
        self._refresh()

    def _compare(self, dataset: RecordedDataset, median: float) -> None:
        if dataset is self._dataset:
            self._median = median
            if not self._near.running:
                self._say(self._strip)

    def _say(self, strip: NeighbourStrip) -> None:
        held_out = "" if self._median is None else f"; of a held-out image it is {_levels(self._median)} (median)"
        told = (
            "with their classes and distances" if self._dataset and self._dataset.class_names else "and their distance"
        )
        strip.say(f"The nearest training images {told} in levels{held_out}. A copy is at 0.")


def _words(dataset: RecordedDataset, found: Neighbours) -> list[str]:
    """What stands below the neighbours of one image: the class of each, where there are classes, and its distance."""
    far = [_levels(distance) for distance in found.distances[0]]
    if not dataset.class_names:
        return far
    named = [dataset.class_names[dataset.classes[row]] for row in found.rows[0]]
    return [f"{name}\n{distance}" for name, distance in zip(named, far, strict=True)]


def _levels(distance: float) -> str:
    return f"{distance:.1f}" if distance < 100 else f"{distance:,.0f}"


def _nearest(dataset: RecordedDataset, points: Array) -> Neighbours:
    """The neighbours of one image (1, D), data units."""
    from dnf_studio.core.evaluation.fresh import nearest_training
    from dnf_studio.gui.features.inspector.image_strip import NEAREST

    return nearest_training(dataset, points, NEAREST)


def _held_out(dataset: RecordedDataset) -> float:
    """How far held-out images are from the nearest training image, median."""
    from dnf_studio.core.evaluation.fresh import held_out_distances

    return float(np.median(held_out_distances(dataset)))

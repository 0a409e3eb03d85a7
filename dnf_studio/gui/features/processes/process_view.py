"""The 2-D view of one of the two processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Slot

from dnf_studio.core.exploration.lineage import mask_of
from dnf_studio.core.exploration.projection import PrincipalComponents
from dnf_studio.core.sampling.region import Region, inside_polygon
from dnf_studio.core.sde.sample_settings import Direction
from dnf_studio.gui.drawing import words
from dnf_studio.gui.drawing.axes import half_range
from dnf_studio.gui.drawing.layers.crowd import MANY, CrowdPlanes
from dnf_studio.gui.drawing.layers.density import DensityLayer, GroundLayer
from dnf_studio.gui.drawing.layers.difference import DifferenceLayer
from dnf_studio.gui.drawing.layers.paths import PathsLayer
from dnf_studio.gui.drawing.layers.points import PointsLayer
from dnf_studio.gui.drawing.layers.scale import MAX_PATHS, StepColours
from dnf_studio.gui.drawing.layers.selection import MAX_BUNDLE, MAX_RINGS, SelectionLayer
from dnf_studio.gui.drawing.layers.trails import TrailsLayer, at_position, trailing_part
from dnf_studio.gui.drawing.picking import existing, nearest, sampled
from dnf_studio.gui.drawing.point_colours import ColouredByPoint
from dnf_studio.gui.drawing.point_plot import KEYS, LINES, MAPS, POINTS
from dnf_studio.gui.drawing.units import STANDARDISED
from dnf_studio.gui.features.processes.meaning import CloudMeaning
from dnf_studio.gui.features.processes.tables import PlaneTables
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.workers.crowd import Crowd

OTHER: dict[str, Direction] = {"forward": "backward", "backward": "forward"}
MARGINAL = "Shaded: the marginal density of both."
FAINT = 0.28
"""Opacity of the other process's points."""
Array = NDArray[np.float32]
NONE = np.empty((0, 2), np.float32)


class ProcessView(PlaneTables):
    """Points and paths of one process, ``forward`` or ``backward``, at the time cursor.

    The range is fixed by the data and does not follow the points; wheel and drag change it, in
    linked views together, and a double click brings it back. A click chooses the point under it or,
    where there is none, the path.
    """

    captions: ClassVar = {
        "forward": "Points of the data, carried to noise by {}. Click a point to follow it.",
        "backward": "Latent noise, carried to samples by {}. Click a point to follow it.",
        "paired": "The forward ends, carried back by {}. Click a point to follow its round trip.",
    }

    def __init__(self, direction: str) -> None:
        super().__init__(direction, "Open a model or press Train, and both processes move here.")

    def another(self) -> ProcessView:
        """One more, empty."""
        return ProcessView(self.direction)

    def add_parts(self) -> None:
        """Add the layers, lowest first."""
        super().add_parts()
        self._frame: Frame | None = None
        self._planes: Array = NONE[:, None]
        self._others: Array | None = None
        self._position, self._axes = 0.0, (0, 1)
        self._units = STANDARDISED
        self._crowd, self._most, self._dense, self._layers = CrowdPlanes(), MANY, False, frozenset({"points", "paths"})
        self._principal: PrincipalComponents | None = None
        self._seen: tuple[object, ...] = ()
        self._named = False
        self._selection = self._rows = existing((), 0)
        self._rest: NDArray[np.intp] | None = None
        self._meaning = CloudMeaning(self._direction, self.caption_line.set_meaning)
        self._lost, self._half, self._through = 0, 0.0, False
        self._add_layers()
        self.box.setAspectLocked(True)
        self.box.sigRangeChangedManually.connect(self._range_chosen)
        self.box.region_drawn.connect(self._region_drawn)
        self._label_axes()
        self.reset_view()

    def set_frame(self, frame: Frame | None) -> None:
        """Show `frame`; None empties the view. One-dimensional data has no place here and empties it too."""
        self._frame = frame if frame is not None and frame.forward.shape[2] > 1 else None
        self._crowd.follow(self._frame)
        self._follow_crowd()
        self.set_empty(self._frame is None)
        if self._named != (frame is not None and frame.forward.shape[2] > 2):
            self._named = not self._named
            self._label_axes()
            self._say_density()
        self._take_points()

    def set_cursor(self, position: float) -> None:
        """Move the time cursor to `position` in node units, 0 … N."""
        if position != self._position:
            self._position = position
            self._place()

    def set_crowd(self, crowd: Crowd | None, most: int = MANY) -> None:
        """Draw these points beside those of the frame that they follow, or of the frame alone the first `most`."""
        if self._crowd.set(crowd) or most != self._most:
            self._most = most
            self._follow_crowd()
            self._take_points()

    def _follow_crowd(self) -> None:
        """Where the points have become too many or few again they are drawn otherwise."""
        if self._dense != self._crowd.dense:
            self._dense = self._crowd.dense
            self.set_layers(self._layers)

    def set_layers(self, layers: frozenset[str]) -> None:
        """Show exactly these layers; ``disagreement`` is how paths are coloured."""
        self._layers, dense = layers, self._crowd.dense and "points" in layers
        self._points.setVisible("points" in layers and not dense)
        self._paths.setVisible("paths" in layers)
        # Trails in the one colour would hide those of the steps
        self._trails.setVisible("paths" in layers and "disagreement" not in layers)
        self._density.setVisible("density" in layers or dense)
        self._ground.setVisible("density" in layers)
        self._difference.key.setVisible("difference" in layers)
        self._say_density()
        for name, layer in (("overlay", self._other), ("difference", self._difference)):
            if (name in layers) != layer.isVisible():
                layer.setVisible(name in layers)
                self._place()

    def set_step_colours(self, colours: StepColours | None) -> None:
        """Draw each step of the paths in its own colour, or all in that of the direction."""
        self._paths.set_steps(colours)

    def set_selection(self, selection: Sequence[int] | NDArray[np.intp]) -> None:
        """Set these points off, with their paths; the others step back where there are many."""
        self._selection = np.asarray(selection, np.intp)
        self._rows = rows = existing(self._selection, self._planes.shape[1])
        self._chosen.set_paths(self._planes[:, sampled(rows, MAX_BUNDLE)])
        many = len(rows) > MAX_RINGS
        self._step_back(many)
        self._rest = np.flatnonzero(~mask_of(rows, self._planes.shape[1])) if many else None
        self._place()

    def let_through(self, seen: bool) -> None:
        """Let a map below points and paths be `seen` through them."""
        self._through = seen
        self._step_back(len(self._rows) > MAX_RINGS)

    def _step_back(self, many: bool) -> None:
        for layer in (self._paths, self._trails, self._points):
            layer.step_back(many or self._through)

    def pick(self, at: QPointF, adding: bool) -> bool:
        """Tell which point or path was clicked, if it is shown; a click that only adds misses nothing."""
        if self._frame is None:
            return False
        points = at_position(self._planes, self._clipped) if self._points.isVisible() else None
        found = nearest(points, self._planes[:, :MAX_PATHS] if self._paths.isVisible() else None, self.box, at)
        if found is not None:
            self.point_picked.emit(found, self._direction, adding)
        elif not adding:
            self.missed.emit()
        return True

    def reset_view(self) -> None:
        """Back to the fixed range, in linked views too."""
        half = self._half or half_range(np.empty(0, np.float32))
        for view in (self, *self._linked):
            view.box.setRange(QRectF(-half, -half, 2 * half, 2 * half), padding=0)

    def recolour(self) -> None:
        """Also the layers."""
        super().recolour()
        colour = self.theme.direction(self._direction)
        for layer in (self._paths, self._trails, self._points):
            layer.set_colour(colour)
        self._paths.set_ramp(self.theme)
        self._density.set_colours(self.theme.density(self._direction))
        self._ground.set_colour(self.theme.data)
        self._difference.set_theme(self.theme)
        self._other.set_colour(self.theme.direction(OTHER[self._direction]))
        self._chosen.set_colours(self.theme.accent, self.theme.base)
        self.by_point.set_theme(self.theme, self.font())

    def _add_layers(self) -> None:
        theme = self.theme
        colour = theme.direction(self._direction)
        self._paths, self._trails, self._points = PathsLayer(colour), TrailsLayer(colour), PointsLayer(colour)
        self._ground, self._density, self._chosen = GroundLayer(), DensityLayer(), SelectionLayer()
        self._other, self._difference = PointsLayer(theme.direction(OTHER[self._direction]), FAINT), DifferenceLayer()
        for layer in (self._ground, self._density, self._difference, self._difference.key, self._other):
            layer.hide()
        self.by_point = ColouredByPoint(self._direction, self._points, self._paths, self._trails)
        self.coloured = {self._direction: self.by_point}
        for depth, layers in {
            MAPS + 2: (self._ground, self._density, self._difference),
            LINES: (self._paths, self._trails),
            POINTS: (self._other, self._points, self._chosen),
            KEYS + 1: (self.by_point.legend, self._difference.key),
        }.items():
            for layer in layers:
                layer.setZValue(depth)
                self.plot.addItem(layer, ignoreBounds=True)

    def _take_points(self) -> None:
        """The two coordinates of the frame that are shown, and the range they ask for."""
        frame, self._others = self._frame, None
        if frame is None:
            self._planes, self._lost = NONE[:, None], 0
        else:
            paths = (frame.forward if self._direction == "forward" else frame.backward)[:, : self._most]
            self._planes = self._kept.masked(self._plane_of(paths), self._direction)
            self._lost = words.lost_paths(paths)
            data = self._plane_of(frame.forward[0])
            half = half_range(data)
            if half != self._half:
                self._half = half
                self.reset_view()
            self._ground.set_points(self._kept.of(data, "forward"))
            shown = self._kept.of(self._planes, self._direction)
            seen = (frame.request, shown.shape, self._axes, self._principal)
            some, count = self._crowd.scaled_by(shown, self._direction, self._plane_of)
            self._density.set_paths(some, seen != self._seen, count)
            self._seen = seen
        self._paths.set_paths(self._planes[:, :MAX_PATHS])
        self.set_selection(self._selection)

    def _place(self) -> None:
        """Everything that follows the cursor."""
        if self._frame is None:
            for layer in (self._points, self._ground, self._other, self._chosen):
                layer.set_points(NONE)
            self._density.set_points(NONE, 0.0)
            self._difference.set_clouds(self._planes, self._planes, 0.0, None)
            self._trails.set_trails(NONE[:, None])
            self.set_note("")
            self._meaning.clear()
            return
        points = at_position(self._planes, position := self._clipped)
        drawn = self._crowd.joined(points, self._direction, position, self._plane_of)
        self._points.set_points(drawn, self._crowd.rows(self._rest, len(points), len(drawn)))
        if self._other.isVisible():
            others = at_position(self._other_planes(self._frame), position)
            self._other.set_points(self._crowd.joined(others, OTHER[self._direction], position, self._plane_of))
        if self._difference.isVisible():
            own, other = self._kept.of(self._planes, self._direction), self._other_planes(self._frame)
            clouds = (own, other) if self._direction == "forward" else (other, own)
            seen = (self._frame.request, self._planes.shape, self._axes, self._principal)
            self._difference.set_clouds(*clouds, position, seen)
        shown = self._kept.of(points, self._direction)
        self._density.set_points(drawn if len(drawn) > len(points) else shown, position / max(1, len(self._planes) - 1))
        self._chosen.set_points(points[self._rows])
        if self._trails.isVisible():
            self._trails.set_trails(trailing_part(self._planes[:, :MAX_PATHS], position, self._direction == "forward"))
        if troubled := words.lost_words(self._lost, self._planes.shape[1]) or words.far_points(shown, self._half):
            self.warn(*troubled)
        else:
            note, many = words.time_note(self._frame.t, position), self._crowd.words(len(points), self._direction)
            self.set_note(*(f"{many}    {each}" for each in note if many), *note)
        self._meaning.follow(self._frame, self._planes, position, self._plane_of)

    def _other_planes(self, frame: Frame) -> Array:
        """The coordinates of the other process, taken when they are first wanted."""
        if self._others is None:
            other = OTHER[self._direction]
            self._others = self._kept.of(self._plane_of(frame.paths_of(other)[:, : self._most]), other)
        return self._others

    @property
    def _clipped(self) -> float:
        return float(np.clip(self._position, 0, len(self._planes) - 1))

    def _say_density(self) -> None:
        self.add_words(MARGINAL if self._named and self._density.isVisible() else "")

    @Slot(object, object)
    def _region_drawn(self, corners: NDArray[np.float64], modifiers: Qt.KeyboardModifier) -> None:
        if self._frame is not None:
            found = inside_polygon(at_position(self._planes, self._clipped), corners)
            if len(corners) > 2:
                names = [words.component_name(k, self._units.columns) for k in self._axes]
                principal = None if self._principal is None else (self._principal.axes, self._principal.mean)
                dim = self._frame.forward.shape[2]
                self.region_outlined.emit(Region.encircled(corners, dim, self._axes, names, principal))
            self.region_chosen.emit({self._direction: found}, modifiers)

    @Slot(object)
    def _range_chosen(self, _: object) -> None:
        for other in self._linked:
            other.box.setRange(self.box.viewRect(), padding=0)

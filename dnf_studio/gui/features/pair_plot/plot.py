"""The pair plot: both processes at the time cursor, several components against each other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QFontMetricsF, QHelpEvent, QShowEvent
from PySide6.QtWidgets import QToolTip

from dnf_studio.core.sampling.region import inside_polygon
from dnf_studio.gui.drawing.axes import half_range
from dnf_studio.gui.drawing.caption import DirectionSwitch
from dnf_studio.gui.drawing.help import Help
from dnf_studio.gui.drawing.layers.selection import MAX_RINGS
from dnf_studio.gui.drawing.layers.trails import at_position
from dnf_studio.gui.drawing.picking import existing, nearest_point
from dnf_studio.gui.drawing.point_plot import Kept
from dnf_studio.gui.drawing.theme import DIRECTIONS, SECOND
from dnf_studio.gui.drawing.units import STANDARDISED, Units
from dnf_studio.gui.drawing.words import hint, time_note
from dnf_studio.gui.features.pair_plot.cells import Cells, Content, direction_of
from dnf_studio.gui.features.pair_plot.chooser import components_button
from dnf_studio.gui.features.pair_plot.matrix import PairLayer
from dnf_studio.gui.features.pair_plot.tables import PairTables
from dnf_studio.workers.frames import Frame

HELP = Help(
    "the pair plot",
    "Up to eight components of the points at the time cursor, forward and backward in their colours, which a model "
    "that has learned the data has everywhere alike. Below the diagonal each component against each other, many points "
    "as a density; above it Pearson’s correlation, or the samples apart from the data where labels colour both. On the "
    "diagonal the marginal density of one component in 40 bins, each direction with an area of 1 but for what lies "
    "outside; nothing here is the density of a slice. A click chooses a point, a rectangle or a lasso those in it. "
    "Of two models that are compared side by side B is above the diagonal and has dashed lines on it; one over the "
    "other, data are below and samples above it, and B has a colour of its own.",
    ("r = Σ (x<sub>j</sub> − x̄<sub>j</sub>)(x<sub>k</sub> − x̄<sub>k</sub>) / (P σ<sub>j</sub> σ<sub>k</sub>)",),
    "the points of (11) and (12), or of (17) for another λ",
)
CAPTION = "Data and samples at the time cursor, one component against another, and the marginal density of each."
SPLIT = "Data below the diagonal, samples above it, at the time cursor, and the marginal density of each component."
HALVES = "A below the diagonal, B above it, at the time cursor; on it the marginal densities, those of B dashed."
OVER = "Data below the diagonal, samples above it, at the time cursor, and marginal densities; B in its own colour."
REACH = 6.0
"""Pixels from a point within which a click chooses it."""
WIDEST = "−00,000"
Array = NDArray[np.float32]
NONE = np.empty(0, np.intp)


class PairPlot(PairTables):
    """Scatter of each pair of the chosen components, their histograms on the diagonal, both directions in each.

    Hidden it does nothing; shown it draws its cells in turns, so that the window answers in between.
    """

    components_chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__(
            "Pair plot",
            CAPTION,
            "Open a model or press Train, and its components are drawn here against each other.",
            help_=HELP,
        )

    def add_parts(self) -> None:
        """Add the cells, the switches and the list of components."""
        super().add_parts()
        self._frame: Frame | None = None
        self._second: Frame | None = None
        self._way = ""
        self._components: tuple[int, ...] = ()
        self._units, self._position = STANDARDISED, 0.0
        self._selection: Mapping[str, NDArray[np.intp]] = {}
        self._half: tuple[tuple[int, ...], tuple[float, ...]] = ((), ())
        self.layer = PairLayer()
        self.coloured = self.layer.by_point
        self.layer.recoloured = self._place
        self.plot.addItem(self.layer, ignoreBounds=True)
        for side in ("left", "bottom"):
            self.plot.hideAxis(side)
        self.box.setMouseEnabled(x=False, y=False)
        self.box.invertY(True)
        self.box.sigResized.connect(self._arrange)
        self.box.region_drawn.connect(self._region_drawn)
        self._switches = {name: DirectionSwitch(name, self, "points") for name in DIRECTIONS}
        self.menu, button = components_button(self)
        self.menu.chosen.connect(self.components_chosen)
        for place, widget in enumerate((*self._switches.values(), button), start=1):
            self.header.insertWidget(place, widget)
        for switch in self._switches.values():
            switch.toggled.connect(partial(self._place))
        self.plot.viewport().installEventFilter(self)

    @property
    def components(self) -> tuple[int, ...]:
        """The components that are shown."""
        return self.layer.content.components

    def set_components(self, components: tuple[int, ...]) -> None:
        """Show these against each other."""
        if components != self._components:
            self._components = components
            self._place()

    def set_frame(self, frame: Frame | None) -> None:
        """Show `frame`; None or one of data of one component empties the plot."""
        self._frame = frame if frame is not None and frame.forward.shape[2] > 1 else None
        self.set_empty(self._frame is None)
        self._place()

    def set_second(self, frame: Frame | None, way: str) -> None:
        """Show a second model too, or with ``other`` alone."""
        if frame is not self._second or way != self._way:
            self._second, self._way = frame, way
            self._place()

    def set_cursor(self, position: float) -> None:
        """Move the time cursor to `position` in node units, 0 … N."""
        if position != self._position:
            self._position = position
            self._place()

    def set_units(self, units: Units) -> None:
        """Write the components in these."""
        if units != self._units:
            self._units = units
            self._place()

    def show_selection(self, chosen: Mapping[str, NDArray[np.intp]], listed: str) -> None:
        """Set the points off that are chosen in each direction."""
        self._selection = dict(chosen)
        self.layer.step_back(max(map(len, chosen.values()), default=0) > MAX_RINGS)
        self._place()

    def _take_points(self) -> None:
        self._place()

    def reset_view(self) -> None:
        """The plot is as large as its place, and cannot be moved."""
        self._arrange()

    def pick(self, at: QPointF, adding: bool) -> bool:
        """Tell which point of a cell was clicked; a click that only adds misses nothing."""
        place = self.box.mapSceneToView(at)
        content, cell = self.layer.content, self.layer.cells.at(place.x(), place.y())
        if self._frame is None or cell is None or not content.points:
            return False
        found, names = None, content.names_in(*cell)
        planes = [content.plane(name, *cell) for name in names]
        if planes:
            transform = content.transform(self.layer.cells.rect(*cell), *cell)
            found = nearest_point(np.concatenate(planes), transform, QPointF(place.x(), place.y()), REACH)
        if found is not None:
            for name, plane in zip(names, planes, strict=True):
                if found < len(plane):
                    self.point_picked.emit(found, direction_of(name), adding)
                    break
                found -= len(plane)
        elif not adding:
            self.missed.emit()
        return True

    def showEvent(self, event: QShowEvent) -> None:
        """What passed while nobody looked."""
        super().showEvent(event)
        self._arrange()
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Say what is in the cell under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            point = self.box.mapSceneToView(self.plot.mapToScene(event.pos()))
            text = hint(self.explain(float(point.x()), float(point.y())))
            QToolTip.showText(event.globalPos(), text, self.plot.viewport())
            return True
        return super().eventFilter(watched, event)

    def recolour(self) -> None:
        """Also the cells and switches."""
        super().recolour()
        self.layer.set_look(self.theme, self.font())
        for switch in self._switches.values():
            switch.set_theme(self.theme)

    def refont(self) -> None:
        """Also the cells, whose numbers need another room."""
        super().refont()
        self._arrange()

    @Slot()
    def _arrange(self, *_: object) -> None:
        """Cells for the place that there is, in whose pixels all is measured."""
        wide, high = self.box.width(), self.box.height()
        if wide < 2 or high < 2:
            return
        self.box.setRange(QRectF(0, 0, wide, high), padding=0)
        metrics = QFontMetricsF(self.font())
        coloured = self.coloured["forward"].shown is not None
        self.layer.set_cells(
            Cells(
                QRectF(0, 0, wide, high),
                len(self.components),
                left=metrics.horizontalAdvance(WIDEST) + 4,
                below=metrics.height() + 2,
                above=metrics.height() + 12 if coloured else 2,
            )
        )

    def _place(self, *_: object) -> None:
        """Everything that is shown, for the frame, the cursor and the components as they are."""
        if not self.isVisible():
            return
        frame = self._frame
        if frame is None:
            self.layer.set_content(Content())
            self.set_note("")
            return
        coloured = any(by_point.shown is not None for by_point in self.coloured.values())
        second = self._second
        if second is not None and self._way == "other":
            frame, second = second, None
        dim = frame.forward.shape[2]
        shown = tuple(k for k in self._components if k < dim) or tuple(range(min(2, dim)))
        names = [name for name in DIRECTIONS if self._switches[name].isChecked()]
        points = {name: self._points(frame, name, shown, self._kept_of(frame)) for name in names}
        if second is not None:
            points |= {SECOND + name: self._points(second, name, shown, self._kept_of_second) for name in names}
        chosen = {
            name: existing(self._selection.get(direction_of(name), NONE), len(each)) for name, each in points.items()
        }
        self.menu.set_components(dim, self._units.columns, shown)
        own = self._frame if self._frame is not None else frame
        halves = tuple(half_range(own.forward[0][:, k]) for k in shown)
        over, apart = (second is not None and self._way == way for way in ("overlay", "split"))
        self.layer.set_content(Content(shown, points, chosen, halves, self._units, coloured or over, apart))
        both = len(names) == len(DIRECTIONS)
        caption = HALVES if apart else OVER if over and both else SPLIT if coloured and both else CAPTION
        if caption != self.caption:
            self.set_words("Pair plot", caption)
        self.set_note(*time_note(frame.t, self._position_in(frame)))
        self._arrange()

    def _kept_of(self, frame: Frame) -> Kept:
        return self._kept_of_second if frame is self._second else self._kept

    def _position_in(self, frame: Frame) -> float:
        """The cursor in the nodes of a frame, at the same part of the way as in those of the first model."""
        own, last = self._frame, len(frame.t) - 1
        scale = 1.0 if own is None or frame is own else last / (len(own.t) - 1)
        return float(np.clip(self._position * scale, 0, last))

    def _points(self, frame: Frame, name: str, shown: tuple[int, ...], kept: Kept) -> Array:
        """The points (P, n) of one direction at the time cursor."""
        position = self._position_in(frame)
        first = min(int(position), len(frame.t) - 2)
        # Of two nodes alone: all paths of many components would be copied for every move of the cursor
        between = frame.paths_of("forward" if name == "forward" else "backward")[first : first + 2][..., list(shown)]
        return kept.masked(at_position(between, position - first), name)

    @Slot(object, object)
    def _region_drawn(self, corners: NDArray[np.float64], modifiers: Qt.KeyboardModifier) -> None:
        """Choose the points of the cell in which the region has its middle."""
        content, cells = self.layer.content, self.layer.cells
        cell = cells.at(*corners.mean(axis=0).tolist())
        names = content.names_in(*cell) if cell is not None else ()
        if cell is None or not names:
            return
        back, _ = content.transform(cells.rect(*cell), *cell).inverted()
        places = [back.map(QPointF(x, y)) for x, y in corners.tolist()]
        region = np.array([(place.x(), place.y()) for place in places])
        # Of points of both models those of the first, which have the same numbers
        found = {
            direction_of(name): inside_polygon(content.plane(name, *cell), region)
            for name in sorted(names, key=lambda name: not name.startswith(SECOND))
        }
        self.region_chosen.emit(found, modifiers)

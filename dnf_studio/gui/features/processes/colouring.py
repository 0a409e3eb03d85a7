"""Points and paths coloured by what they are or become, in every view, and the menu that chooses by what."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal, Slot

from dnf_studio.core.sde.sample_settings import WAYS, Direction
from dnf_studio.gui.drawing.layers.scale import SteadyLimits
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_colours import (
    PointColours,
    angle_colours,
    mode_colours,
    radius_colours,
    ratio_colours,
)
from dnf_studio.gui.drawing.point_plot import PointPlot, ProcessPlot
from dnf_studio.gui.drawing.theme import LIGHT, SECOND
from dnf_studio.gui.widgets.choices import ChoiceMenu
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.core.data.dataset import Dataset, Standardisation
    from dnf_studio.gui.workspace.opening import Opened

WORDS = {
    "none": ("Their &process", "Forward in one colour, backward in the other"),
    "mode": (
        "The &mode, class or label of the data",
        "Forward the ring, Gaussian, moon, arm, square, class or label a point comes from, backward the one its sample "
        "lies next to",
    ),
    "angle": ("The &angle of the latent", "Where around the middle the point is at the noise end, in the plane shown"),
    "radius": ("The &radius of the latent", "How far from the middle the point is at the noise end"),
    "log-ratio": (
        "The &log-ratio of the path",
        "By how many nats forward and backward process differ about the whole path of a point; its mean is the excess",
    ),
}
NO_MODES = "This data is not known to have parts"
TOO_MANY = "{} classes are more than can be told apart by colours"
ONE_COMPONENT = "The angle needs two components"
MOST_PRODUCTS = 1 << 27
"""Numbers to multiply for what is found at once, about 0.05 s."""
KEYS = *WAYS, *(SECOND + name for name in WAYS)
Array = NDArray[np.float32]


class Colouring(QObject):
    """Finds the colours of every frame and gives them to every plot of points.

    A point keeps its colour through time: it follows from one end of its path, the data or the
    latent. What cannot be, modes of data without parts, is drawn as if nothing were chosen.
    """

    parts_changed = Signal(object)
    """The names of the modes or labels of other data, none where it has none or too many."""
    parts_found = Signal()
    """What took its time is known: `by_part` has another answer."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._session, self._live, self._plots = workspace.session, workspace.live, workspace.plots
        self._comparison = workspace.comparison
        self._dataset: Dataset | None = None
        self._standardisation: Standardisation | None = None
        self._modes: tuple[str, ...] = ()
        self._labelled: tuple[str, str | None] = ("", None)
        self._known: dict[str, tuple[Array, PointColours]] = {}
        self._finding = {name: Newest(workspace.studio.background) for name in KEYS}
        self._failed = workspace.tell
        self._limits = {name: SteadyLimits(around_zero=True) for name in KEYS}
        self.menu = ChoiceMenu("Colour points &by", self._session, {"colouring": WORDS})
        self.menu.offer("colouring", "mode", NO_MODES)
        workspace.commands.insert_menu("reset-view", self.menu)
        self._session.changed.connect(self._follow)
        workspace.studio.opened.connect(self._take)
        self._live.frame_shown.connect(self._colour)
        self._live.excess_found.connect(self._recolour)
        self._comparison.frame_shown.connect(self._colour)
        self._comparison.excess_found.connect(self._recolour)
        self._plots.added.connect(self._colour)

    @Slot(object)
    def _take(self, opened: Opened) -> None:
        """The data that the model shown belongs to."""
        from dnf_studio.core.data.modes import mode_names

        self._dataset, self._standardisation = opened.dataset, opened.snapshot.standardisation
        names = mode_names(opened.dataset)
        many = len(names) > len(LIGHT.modes)
        self._modes, self._known = () if many else names, {}
        self.menu.offer("colouring", "mode", TOO_MANY.format(len(names)) if many else "" if names else NO_MODES)
        self.parts_changed.emit(self._modes)
        self.menu.offer("colouring", "angle", "" if opened.shown.dim > 1 else ONE_COMPONENT)
        before, self._labelled = self._labelled, (opened.config.data, opened.config.label)
        if self._modes and opened.config.label is not None and before != self._labelled:
            # Who has just said which column has the labels wants to see them
            self._session.apply({"colouring": "mode"})

    def _follow(self, names: frozenset[str]) -> None:
        if names & {"colouring", "axes", "projection"}:
            self._colour()

    @Slot()
    def _colour(self) -> None:
        for second, frame in ((False, self._live.frame), (True, self._comparison.frame)):
            self._colour_model(frame, tuple(self._plots.seconds if second else self._plots.first), second)

    def _colour_model(self, frame: Frame | None, plots: Sequence[Plot], second: bool) -> None:
        """Colour the points of one of two models."""
        kind = self._session.state.colouring
        for name in WAYS if plots else ():
            colours = self._colours(frame, name, kind, second) if frame is not None and kind != "none" else None
            for plot in plots:
                if isinstance(plot, PointPlot) and name in plot.coloured:
                    plot.coloured[name].show(colours)
                    if isinstance(plot, ProcessPlot):
                        sentence = plot.coloured[name].sentence()
                        plot.plot.setAccessibleDescription(f"{plot.caption} {sentence}".strip())

    def _colours(self, frame: Frame, name: Direction, kind: str, second: bool) -> PointColours | None:
        """What the points of one process have; None where it cannot be."""
        path = frame.paths_of(name)
        if kind == "mode":
            return self.by_part(path[0], name, second)
        if kind == "log-ratio":
            return self._by_ratio(frame, name, second)
        if kind == "radius":
            return radius_colours(path[-1])
        return angle_colours(self._live.plane_of(path[-1])) if path.shape[2] > 1 else None

    @Slot()
    def _recolour(self) -> None:
        """More log-ratios are known."""
        if self._session.state.colouring == "log-ratio":
            self._colour()

    def _by_ratio(self, frame: Frame, name: Direction, second: bool) -> PointColours | None:
        """Colour the points whose log-ratios are known so far."""
        found = self._comparison.excess if second else self._live.excess
        if found is None:
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            totals = found.rows(name, frame.forward.shape[1]).sum(axis=0)
        known = np.isfinite(totals).any()
        return ratio_colours(totals, self._limits[_key(name, second)], frame.request) if known else None

    def by_part(self, ends: Array, direction: str, second: bool = False) -> PointColours | None:
        """Colours by the mode or label of the points (P, D) at the data end; the same points are looked at once.

        Where that takes long it is found in the background, and until then that of earlier points is the answer. The
        points of a `second` model of other data have no part of this data.
        """
        from dnf_studio.core.data.modes import modes_of

        other = second and not self._comparison.same_data
        name = _key(direction, second)
        known, units = self._known.get(name), self._units(second)
        if known is not None and np.array_equal(known[0], ends, equal_nan=True):
            return known[1]
        if other or not self._modes or self._dataset is None or units is None or ends.shape[1] != self._dataset.dim:
            return None
        find = partial(modes_of, self._dataset, units.array_to_data(ends))
        if _is_long(self._dataset, ends):
            if not self._finding[name].running:
                self._finding[name].run(find, partial(self._take_modes, self._dataset, name, ends), self._failed)
            return known[1] if known is not None and len(known[0]) == len(ends) else None
        modes = find()
        if modes is None:
            return None
        self._known[name] = ends, mode_colours(modes, len(self._modes), self._modes)
        return self._known[name][1]

    def _take_modes(self, dataset: Dataset, name: str, ends: Array, modes: NDArray[np.intp]) -> None:
        """What was found in the background, and once more for what is shown by now."""
        if dataset is self._dataset:
            self._known[name] = ends, mode_colours(modes, len(self._modes), self._modes)
            self._colour()
            self.parts_found.emit()

    def _units(self, second: bool) -> Standardisation | None:
        model = self._comparison.second if second else None
        return self._standardisation if model is None else model.opened.snapshot.standardisation


def _key(direction: str, second: bool) -> str:
    """What is known of one process of one model is kept under this name."""
    return SECOND + direction if second else direction


def _is_long(dataset: Dataset, points: Array) -> bool:
    """Whether the window would wait for the rows nearest to `points`."""
    from dnf_studio.core.data.dataset import LabelledDataset

    return isinstance(dataset, LabelledDataset) and points.size * dataset.labelled_rows > MOST_PRODUCTS

"""The outliers in two small pictures: at which step they went wrong, and which latents they began as."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Signal

from dnf_studio.gui.drawing.help import BACKWARD_STEP, Help
from dnf_studio.gui.drawing.layers.bars import BarsLayer
from dnf_studio.gui.drawing.layers.points import PointsLayer
from dnf_studio.gui.drawing.picking import nearest_point, to_pixels
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.theme import mix
from dnf_studio.gui.drawing.words import component_name, node_at

if TYPE_CHECKING:
    from dnf_studio.core.exploration.outliers import Outliers

STEPS_HELP = Help(
    "the step that went wrong",
    "From its bad state each outlier is followed back towards the noise as long as it is out of what the forward "
    "process visits: farther from the nearest of many forward points at that step than 99.9% of other forward "
    "points are. The step that led into this last run of states gets the blame. “z”: the latent was out there "
    "already. Bar 0 is the last step: nothing was wrong before it. A click moves the time cursor.",
    (
        BACKWARD_STEP,
        "d(x<sub>i</sub>) = min over forward points y<sub>i</sub> of ‖x<sub>i</sub> − y<sub>i</sub>‖",
        "out where not  d(x<sub>i</sub>) ≤ 99.9% quantile of d over other forward points",
    ),
    "(12), or (17) for another λ, against points by (11)",
)
LATENTS_HELP = Help(
    "the latents of the outliers",
    "The noise that each outlier began as, over the latents of all points of the views. A cluster is a region of "
    "the noise that the model carries to the wrong place; an even spread is something that can happen to any. "
    "Of data with one component the end of each path is drawn up. A click chooses one.",
    ("z = x<sub>N</sub> ~ N(0, I)",),
    "the prior of (13)",
)
LABELS = 4
"""About how many steps have a number; and up to so many outliers all counts have."""
Array = NDArray[np.float32]
NONE = np.empty((0, 2), np.float32)


class WrongStepsPlot(Plot):
    """How many outliers went wrong in each step; the last bar, set off, are those that began out there."""

    step_clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__(
            "Where",
            "How many went wrong in each step; a click goes there.",
            "No outliers, no step.",
            help_=STEPS_HELP,
        )

    def add_parts(self) -> None:
        """Add the bars."""
        self._counts: NDArray[np.int64] = np.empty(0, np.int64)
        self._position = 0.0
        self._bars = BarsLayer()
        self.plot.addItem(self._bars, ignoreBounds=True)
        self.box.setMouseEnabled(x=False, y=False)

    def set_outliers(self, found: Outliers | None) -> None:
        """Show these; None empties the plot."""
        self._counts = np.empty(0, np.int64) if found is None else found.by_step
        values = self.values
        self._bars.set_bars(values, np.ones(len(values)))
        self.set_empty(not len(values))
        self.plot.getAxis("bottom").setTicks([self._ticks()])
        self.reset_view()
        self.set_cursor(self._position)

    @property
    def values(self) -> NDArray[np.float64]:
        """The bars: one a step, a gap, the latents."""
        if not len(self._counts):
            return np.empty(0)
        return np.concatenate([self._counts[:-1], [0], self._counts[-1:]]).astype(np.float64)

    def set_cursor(self, position: float) -> None:
        """Set off the step that ends at the node of the cursor."""
        self._position = position
        steps = len(self._counts) - 1
        if steps < 1:
            self._bars.set_current(None)
            self.set_note("")
            return
        node = min(node_at(position), steps)
        self._bars.set_current(node if node < steps else steps + 1)
        count = int(self._counts[node])
        where = f"{node + 1} → {node}" if node < steps else "latent"
        self.set_note(f"{where}: {count:,}", f"{count:,}")

    def reset_view(self) -> None:
        """All bars."""
        values = self.values
        top = float(values.max(initial=1.0))
        few = [[(k, str(k)) for k in range(LABELS + 1)]] if top <= LABELS else None
        self.plot.getAxis("left").setTicks(few)
        self.box.setRange(xRange=(-0.3, max(1, len(values)) + 0.3), yRange=(0, 1.08 * top), padding=0)

    def clicked_at(self, x: float, y: float) -> None:
        """Go to where the step under the pointer leads."""
        steps = len(self._counts) - 1
        if steps > 0:
            self.step_clicked.emit(int(np.clip(np.floor(x), 0, steps)))

    def recolour(self) -> None:
        """Also the bars."""
        super().recolour()
        theme = self.theme
        self._bars.set_colours((theme.backward,) * 2, mix(theme.base, theme.accent, 0.18), theme.text)

    def _ticks(self) -> list[tuple[float, str]]:
        steps = len(self._counts) - 1
        if steps < 1:
            return []
        every = max(1, round(steps / LABELS))
        numbers = [(i + 0.5, str(i)) for i in range(0, max(1, steps - every // 2), every)]
        return [*numbers, (steps + 1.5, "z")]


class LatentsPlot(Plot):
    """Latents of the outliers over those of the views; of one component each latent's end is up.

    A click on one chooses it.
    """

    picked = Signal(int)
    """The place among the outliers."""

    def __init__(self) -> None:
        super().__init__(
            "Their latents",
            "The noise they began as, over that of all points; a click chooses one.",
            "No outliers, no latents.",
            help_=LATENTS_HELP,
        )

    def add_parts(self) -> None:
        """Add all latents, those of the outliers, and what sets one off."""
        self._points: Array = NONE
        self._all: Array = NONE
        self._locked: bool | None = None
        self._ground, self._own, self._current = (PointsLayer("#000000", d, a) for d, a in ((2, 0.5), (4, 0.9), (9, 1)))
        for layer in (self._ground, self._own, self._current):
            self.plot.addItem(layer, ignoreBounds=True)

    def set_outliers(self, found: Outliers | None, ends: Array, latents: Array, axes: tuple[int, int]) -> None:
        """Show these; `ends` and `latents` (P, D) are those of the views."""
        self._current.set_points(NONE)
        if found is None or not len(found.rows):
            self._points = self._all = NONE
        else:
            self._points = _projected(found.rows.end, found.rows.latent, axes)
            self._all = _projected(ends, latents, axes)
        self._own.set_points(self._points)
        self._ground.set_points(self._all)
        self.set_empty(not len(self._points))
        self._name_axes(0 if found is None else found.rows.end.shape[1], axes)
        self.reset_view()

    def set_current(self, place: int | None) -> None:
        """Set one of the outliers off from the others."""
        self._current.set_points(NONE if place is None else self._points[place : place + 1])

    def reset_view(self) -> None:
        """Everything that is finite and not absurdly far."""
        both = np.concatenate([self._points, self._all])
        kept = both[np.isfinite(both).all(axis=1) & (np.abs(both) < 1e3).all(axis=1)]
        if len(kept):
            (left, low), (right, high) = kept.min(axis=0).tolist(), kept.max(axis=0).tolist()
            self.box.setRange(xRange=(left, right), yRange=(low, high), padding=0.06)

    def pick(self, at: QPointF, adding: bool) -> bool:
        """The outlier next to the pointer."""
        nearest = nearest_point(self._points, to_pixels(self.box), at)
        if nearest is not None:
            self.picked.emit(nearest)
        return nearest is not None

    def recolour(self) -> None:
        """Also the points."""
        super().recolour()
        theme = self.theme
        colours = mix(theme.base, theme.data, 0.6), theme.backward, theme.text
        for layer, colour in zip((self._ground, self._own, self._current), colours, strict=True):
            layer.set_colour(colour)

    def _name_axes(self, dim: int, axes: tuple[int, int]) -> None:
        flat = dim > 1
        if flat != self._locked:
            self._locked = flat
            self.box.setAspectLocked(flat)
        names = [component_name(min(k, dim - 1)).replace("x", "z") for k in axes] if flat else ["z₁", "x₁ at t₀"]
        for side, name in zip(("bottom", "left"), names, strict=True):
            self.plot.getAxis(side).setLabel(name if dim else "")


def _projected(ends: Array, latents: Array, axes: tuple[int, int]) -> Array:
    """(P, 2): the latents along two axes, or of one component with the ends up."""
    dim = latents.shape[1]
    if dim == 1:
        return np.concatenate([latents, ends], axis=1)
    return np.ascontiguousarray(latents[:, [min(k, dim - 1) for k in axes]])

"""How far off each point comes back: over the plane of the data, and how many by how much."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Signal
from PySide6.QtGui import QPainter, QTransform

from dnf_studio.core.exploration.by_step import mean_of_cells
from dnf_studio.gui.drawing.help import BACKWARD_STEP, FORWARD_STEP, Help
from dnf_studio.gui.drawing.layers.bars import BarsLayer, colour_ramp
from dnf_studio.gui.drawing.layers.maps import CellsLayer
from dnf_studio.gui.drawing.layers.points import PointsLayer
from dnf_studio.gui.drawing.layers.scale import BUCKETS, ColourKey, bucket_of
from dnf_studio.gui.drawing.layers.selection import SelectionLayer
from dnf_studio.gui.drawing.picking import existing, nearest_point, to_pixels
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.words import short_number

HELP = Help(
    "the round trip",
    "Each point of the data is carried to noise and back, and has the colour of how far from itself it arrives. "
    "With fresh noise that is what its latent does not know: places that share latents come back mixed. With "
    "the probability flow it is the discretisation, with the implied noises rounding alone.",
    (
        "error = ‖y − x<sub>0</sub>‖, model units",
        FORWARD_STEP,
        BACKWARD_STEP,
        "probability flow:  dx = [f − ½ g² s] dt",
    ),
    "(11) there, (12) back; (15) for the implied noises, (17) with λ = 0 for the flow",
)
ROWS = 40
BARS = 32
SHARE = 0.98
"""Share of the points whose errors have colours and bars of their own; the others have the last colour."""
Array = NDArray[np.float32]
Errors = NDArray[np.float64]
EMPTY = "Open a model, and what comes back of its data is compared with it here."


def error_limit(errors: Errors) -> float:
    """The error that has the last colour; never 0."""
    known = errors[np.isfinite(errors)]
    return max(float(np.quantile(known, SHARE)), 1e-12) if len(known) else 1.0


def _reach(places: Array) -> float:
    """Half of the range that shows all but single far places, in steps of 10%."""
    finite = np.abs(places[np.isfinite(places)])
    reach = max(float(np.quantile(finite, 0.995)), 1e-6) if finite.size else 1.0
    return float(1.1 ** (np.ceil(np.log(reach) / np.log(1.1)) + 2))


def _ends(low: float, high: float) -> tuple[str, str]:
    return short_number(low), f"≥ {short_number(high)}"


class ErrorMap(Plot):
    """Points coloured by their error, or the mean error of cells, with the key of the colours.

    One-dimensional data has its error upwards. A click chooses the point under it.
    """

    point_picked = Signal(int, bool)
    """Point, and whether it is one more or less."""

    def __init__(self) -> None:
        super().__init__(
            "Error map",
            "Each point in the colour of how far off it comes back. Click a point to follow it.",
            EMPTY,
            help_=HELP,
        )

    def add_parts(self) -> None:
        """Add points, cells and what sets points off."""
        self._places: Array = np.empty((0, 2), np.float32)
        self._errors: Errors = np.empty(0)
        self._upright = False
        self._binned = False
        self._selection: tuple[int, ...] = ()
        self._half = 0.0
        self._cells, self._points, self._chosen = CellsLayer("amount", _ends), _KeyedPoints(), SelectionLayer()
        for layer in (self._cells, self._points, self._chosen):
            self.plot.addItem(layer, ignoreBounds=True)
        self.box.setAspectLocked(True)

    def set_errors(self, places: Array, errors: Errors) -> None:
        """Show points at `places` (P, 2), or (P, 1) with the error upwards, with `errors` (P,); none empties it."""
        self._upright = places.shape[1] == 1
        self._errors = errors
        across = np.concatenate([places, errors[:, None]], axis=1) if self._upright else places
        self._places = np.asarray(across, np.float32)
        self.set_empty(not len(errors))
        self.box.setAspectLocked(not self._upright)
        half = _reach(self._places[:, :1] if self._upright else self._places)
        if half != self._half or self._upright:
            self._half = half
            self.reset_view()
        self._show()

    def set_binned(self, binned: bool) -> None:
        """Show the mean error of cells instead of the points, or the points again."""
        self._binned = binned
        self._show()

    def set_selection(self, selection: tuple[int, ...]) -> None:
        """Set these points off."""
        self._selection = selection
        self._chosen.set_points(self._places[existing(selection, len(self._places))])

    def pick(self, at: QPointF, adding: bool) -> bool:
        """Tell which point was clicked."""
        found = nearest_point(self._places, to_pixels(self.box), at)
        if found is not None:
            self.point_picked.emit(found, adding)
        return found is not None

    def reset_view(self) -> None:
        """The range of the views."""
        half = self._half or 1.0
        if self._upright:
            known = self._errors[np.isfinite(self._errors)]
            top = max(float(known.max()), 1e-12) if len(known) else 1.0
            self.box.setRange(xRange=(-half, half), yRange=(0, 1.05 * top), padding=0.02)
        else:
            self.box.setRange(QRectF(-half, -half, 2 * half, 2 * half), padding=0)

    def recolour(self) -> None:
        """Also the layers."""
        super().recolour()
        self._cells.set_theme(self.theme, self.font())
        self._points.key.set_theme(self.theme)
        self._chosen.set_colours(self.theme.accent, self.theme.base)
        self._show()

    def _show(self) -> None:
        limit = error_limit(self._errors)
        binned = self._binned and not self._upright
        self._points.setVisible(not binned)
        self._cells.setVisible(binned)
        # The worst on top of all others
        order = np.argsort(np.nan_to_num(self._errors, nan=np.inf), kind="stable")
        colours = colour_ramp(self.theme.amount, BUCKETS)
        self._points.limits = (0.0, limit) if len(order) else None
        self._points.set_buckets(bucket_of(self._errors[order].astype(np.float32), (0.0, limit)), colours)
        self._points.set_points(self._places[order])
        cells = np.empty((0, 0), np.float32)
        if binned and len(order):
            cells = mean_of_cells(self._places, self._errors, self._half, ROWS)
        square = QRectF(-self._half, -self._half, 2 * self._half, 2 * self._half)
        self._cells.set_cells(cells, square, (0.0, limit))
        self.set_selection(self._selection)


class _KeyedPoints(PointsLayer):
    """Points with the key of their colours."""

    def __init__(self) -> None:
        super().__init__("#000000", diameter=4.0)
        self.key = ColourKey("amount", _ends)
        self.limits: tuple[float, float] | None = None

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """The points, and the key above them."""
        super().draw(painter, transform, area)
        if self.limits is not None:
            self.key.draw(painter, area, self.limits, painter.font())


class ErrorHistogram(Plot):
    """How many points come back how far off, in the colours of the map; the last bar holds all beyond."""

    def __init__(self) -> None:
        super().__init__(
            "How many, how far off",
            "Number of points by their error; the last bar holds all beyond it.",
            "",
            help_=HELP,
        )

    def add_parts(self) -> None:
        """Add the bars."""
        self._bars = BarsLayer()
        self._counts = np.zeros(BARS)
        self.plot.addItem(self._bars, ignoreBounds=True)
        self.plot.setMinimumHeight(60)
        self.box.setMouseEnabled(x=False, y=False)

    @property
    def counts(self) -> NDArray[np.float64]:
        """How many points each bar stands for."""
        return self._counts

    def set_errors(self, errors: Errors) -> None:
        """Show `errors` (P,); those that are not finite are left out, none empties it."""
        known, limit = errors[np.isfinite(errors)], error_limit(errors)
        # One bar more for what lies beyond the limit
        places = np.minimum(known * ((BARS - 1) / limit), BARS - 1).astype(np.intp)
        self._counts = np.bincount(places, minlength=BARS).astype(np.float64)
        self.set_empty(not len(known))
        self._bars.set_bars(self._counts, (np.arange(BARS) + 0.5) / BARS)
        ticks = [(k * (BARS - 1) / 4, short_number(k * limit / 4)) for k in range(5)]
        self.plot.getAxis("bottom").setTicks([ticks] if len(known) else None)
        self.reset_view()

    def reset_view(self) -> None:
        """All bars."""
        self.box.setRange(xRange=(0, BARS), yRange=(0, max(1.0, 1.3 * self._counts.max())), padding=0.01)

    def recolour(self) -> None:
        """Also the bars."""
        super().recolour()
        self._bars.set_colours(self.theme.amount, self.theme.grid, self.theme.text)

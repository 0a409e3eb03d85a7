"""How much denser the points of B are than those of A along one component, at the time cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.drawing.help import Help
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.telling import Numbers, Sign
from dnf_studio.gui.drawing.theme import DIRECTIONS, mix
from dnf_studio.gui.drawing.units import STANDARDISED, Units

BINS = 48
HELP = Help(
    "B − A of a marginal",
    "Where the points of B are denser than those of A along one component, at the time cursor; the component is that "
    "of the paths over steps. Both are counted in the same 48 bins, at the same fraction of the way where they have "
    "another N. The band is what chance makes of so many points drawn apart, two standard deviations; points and "
    "noise that both share leave less of it. The number is the Wasserstein distance of both marginals: by how much "
    "points have to be moved along the component to make one of the other, in standard deviations of the data.",
    (
        "Δp(x) = n<sub>B</sub>(x)/(P<sub>B</sub> h) − n<sub>A</sub>(x)/(P<sub>A</sub> h), with bins of width h",
        "W₁ = mean |a<sub>(k)</sub> − b<sub>(k)</sub>| over the points, both sorted",
    ),
    "forward points by (11), backward points by (12), or by (17) for another λ; method.md, section 15",
)
Array = NDArray[np.float64]
CAPTION = "How much denser B is than A along one component, at the time cursor; the band is chance."
INVITATION = "Compare, Open second model shows here where two models have more points than each other."


@dataclass(frozen=True, eq=False)
class MarginalChange:
    """B − A of one component."""

    x: Array
    """(48,) the middles of the bins."""
    density: Array
    """(48,) the density of B less that of A."""
    chance: Array
    """(48,) two standard deviations of what chance makes of it."""
    distance: float
    """W₁, the Wasserstein distance of both; NaN where one has no finite points."""


def marginal_change(first: NDArray[np.float32], second: NDArray[np.float32], half: float) -> MarginalChange:
    """The marginals of the values of A (P,) and of B (Q,) within ±`half`, those that are no numbers left out."""
    values = [each[np.isfinite(each)].astype(np.float64) for each in (first, second)]
    edges = np.linspace(-half, half, BINS + 1)
    width, middles = edges[1] - edges[0], (edges[1:] + edges[:-1]) / 2
    if not all(len(each) for each in values):
        return MarginalChange(middles, np.zeros(BINS), np.zeros(BINS), float("nan"))
    counts = [np.histogram(each, edges)[0] for each in values]
    a, b = (count / len(each) for count, each in zip(counts, values, strict=True))
    pooled = sum(counts) / sum(map(len, values))
    spread = np.sqrt(pooled * (1 - pooled) * sum(1 / len(each) for each in values))
    return MarginalChange(middles, (b - a) / width, 2 * spread / width, _wasserstein(*values))


def _wasserstein(first: Array, second: Array) -> float:
    """W₁ of two samples, by their quantiles where they have not as many points."""
    ways = (np.arange(max(len(first), len(second))) + 0.5) / max(len(first), len(second))
    a, b = (
        np.sort(each) if len(each) == len(ways) else np.quantile(each, ways, method="inverted_cdf")
        for each in (first, second)
    )
    return float(np.abs(a - b).mean())


class ChangePlot(Plot):
    """B − A of the forward and the backward marginal, with a band of chance around 0.

    It is given values, not frames: whoever knows both models hands them over, also when it `came` into sight.
    """

    came = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("B − A", CAPTION, INVITATION, parent, help_=HELP)

    def add_parts(self) -> None:
        """Add the band, the zero and both curves."""
        self._units, self._component, self._limit = STANDARDISED, 0, 0.0
        self._subject: object = None
        self._found: Mapping[str, MarginalChange] = {}
        self.band = pg.PlotCurveItem()
        self._zero = pg.InfiniteLine(angle=0, pos=0)
        self.curves = {name: pg.PlotCurveItem() for name in DIRECTIONS}
        for item in (self.band, self._zero, *self.curves.values()):
            self.plot.addItem(item, ignoreBounds=True)
        self.box.setMouseEnabled(x=False, y=False)

    def showEvent(self, event: QShowEvent) -> None:
        """What passed while nobody looked."""
        super().showEvent(event)
        self.came.emit()

    def set_units(self, units: Units) -> None:
        """Write the component in these."""
        self._units = units
        self._name_axes()

    def show_changes(
        self, found: Mapping[str, MarginalChange] | None, component: int, half: float, subject: object = None
    ) -> None:
        """Show B − A of each direction, of the `component`, within ±`half`; another `subject` sets the range at once.
        None empties the plot."""
        self._found = found or {}
        self.set_empty(found is None)
        for item in (self.band, self._zero, *self.curves.values()):
            item.setVisible(found is not None)
        if found is None:
            self.set_note("")
            return
        self._component = component
        self._name_axes()
        chance = np.max([each.chance for each in found.values()], axis=0)
        x = next(iter(found.values())).x
        self.band.setData(np.concatenate([x, x[::-1]]), np.concatenate([chance, -chance[::-1]]), fillLevel=0.0)
        for name, each in found.items():
            self.curves[name].setData(each.x, each.density)
        highest = float(max(chance.max(), *(np.abs(each.density).max() for each in found.values())))
        # Rises at once, falls only with another subject: a scale that breathes says nothing
        self._limit = max(highest, self._limit if subject == self._subject else 0.0)
        self._subject = subject
        self.box.setRange(xRange=(-half, half), yRange=(-1.08 * self._limit, 1.08 * self._limit), padding=0)
        numbers = " · ".join(f"{name} {each.distance:.3f}" for name, each in found.items())
        self.set_note(f"W₁ {numbers}", *(f"{name} {each.distance:.3f}" for name, each in list(found.items())[:1]))

    def signs(self) -> Sequence[Sign]:
        """Both directions, and what chance makes of it."""
        band = Sign("chance", mix(self.theme.base, self.theme.floor, 0.16), "bar")
        return [*(Sign(name, self.theme.direction(name)) for name in self._found), band]

    def numbers(self) -> Numbers | None:
        """B − A of each direction and the edge of the band, by place, both standardised."""
        if not self._found:
            return None
        densities = {f"{name}, B − A of the density": each.density for name, each in self._found.items()}
        chance = np.max([each.chance for each in self._found.values()], axis=0)
        return Numbers({"place [standardised]": next(iter(self._found.values())).x, **densities, "chance": chance})

    def recolour(self) -> None:
        """Also band and curves."""
        super().recolour()
        self.band.setPen(pg.mkPen(None))
        self.band.setBrush(pg.mkBrush(mix(self.theme.base, self.theme.floor, 0.16)))
        self._zero.setPen(pg.mkPen(self.theme.border))
        for name, curve in self.curves.items():
            curve.setPen(pg.mkPen(self.theme.direction(name), width=2))

    def _name_axes(self) -> None:
        self.name_axis(
            "bottom", self._units.title(self._component), self._units.of_data, self._units.map_of(self._component)
        )
        self.name_axis("left", "B − A of the density, per standard deviation", False)

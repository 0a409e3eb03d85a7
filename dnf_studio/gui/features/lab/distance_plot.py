"""Debiased sliced Wasserstein distances of samples over N or over λ, with what can be told apart and what cannot."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.drawing.axes import number_ticks
from dnf_studio.gui.drawing.help import Help
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.features.lab.page import DistanceCurve, ends_of, signed, told

if TYPE_CHECKING:
    from dnf_studio.core.evaluation.distances import Distance
    from dnf_studio.core.exploration.variants import Variant

HELP = Help(
    "the distance of samples",
    "The sliced Wasserstein distance of samples to fresh data, in model units, less what chance makes of it; "
    "of exact samples it is as often negative as positive. The sets m, m′ of samples and d, d′ of data share no "
    "point, and every N has its own; bars are 95% intervals of D², the root taken last. A distance is <i>equal</i> to "
    "the data’s where its interval ends at 0.005 or below, <i>told apart</i> where it lies above 0, else "
    "<i>unresolved</i>: hollow points, none of which is better than another. Where the curve turns flat more steps, or "
    "another λ, are of no use. Kept curves of other models stand beside it, by steps or by what these cost: one of a "
    "DiffFlow takes two network evaluations, and a smaller network takes fewer multiply-adds.",
    (
        "D² = SWD²(m, d) − ½ [SWD²(m, m′) + SWD²(d, d′)], shown as sign(D²) √|D²|",
        "SWD² = mean over directions θ of W₂²(θ·m, θ·d)",
    ),
    "samples by (12), or by (17) for another λ",
)
MARKS = (("▲", "t1"), ("■", "s"), ("◆", "d"), ("▼", "t"), ("✚", "+"), ("★", "star"))
"""How kept curves are marked, in words and in the plot, besides their colours."""


Axis = Literal["steps", "evaluations", "multiply_adds"]
AXES: dict[Axis, tuple[str, str | None]] = {
    "steps": ("N", None),
    "evaluations": ("evaluations", "network evaluations"),
    "multiply_adds": ("multiply-adds", "multiply-adds a sample"),
}
"""What quality is drawn over: in a word, and as it stands under the plot."""


class Cost(NamedTuple):
    """What a sample costs, one number for each of `AXES`."""

    steps: int
    evaluations: int
    multiply_adds: int


@dataclass(frozen=True)
class KeptCurve:
    """The quality of one model's samples, kept beside others."""

    name: str
    data: object
    """What the distances are to and their units: equal where they can be compared."""
    rows: tuple[tuple[Cost, Distance], ...]


class DistancePlot(Plot):
    """Distance to data as a curve, and to a reference where there is one, over the dashed line of what can be told.

    A distance under its dashed line is not told apart from 0; it stays where it is, under 0 too, with a hollow mark.
    """

    picked = Signal(int)
    """Which of the rows is next to a click."""

    def __init__(self, title: str, caption: str, empty: str, parent: QWidget | None = None) -> None:
        super().__init__(title, caption, empty, parent, help_=HELP)

    def add_parts(self) -> None:
        """Add both curves, the floor and what marks the row chosen."""
        self._rows: Sequence[Variant] = ()
        self._chosen: int | None = None
        self._span = -0.01, 0.01
        self._floor, self._zero = pg.PlotCurveItem(), pg.InfiniteLine(0, angle=0)
        self._line = pg.InfiniteLine(angle=90)
        for item in (self._line, self._zero, self._floor):
            self.plot.addItem(item, ignoreBounds=True)
        self._reference, self._data = DistanceCurve(self.plot, "s", 7), DistanceCurve(self.plot, "o", 7)
        self._line.hide()
        self.box.setMouseEnabled(x=False, y=False)

    @abstractmethod
    def place(self, row: Variant) -> float:
        """Where `row` is along the axis."""

    @abstractmethod
    def name(self, row: Variant) -> str:
        """What `row` is called in the note."""

    def show_rows(self, rows: Sequence[Variant], chosen: int | None) -> None:
        """Draw `rows` and set off number `chosen` of them."""
        self._rows, self._chosen = rows, chosen
        self.set_empty(not rows)
        x = [self.place(row) for row in rows]
        data, other = [row.to_data for row in rows], [row.to_reference for row in rows]
        self._data.show(x, data)
        self._reference.show(x, other)
        floor = [_resolution(one) for one in data]
        if not np.isfinite(floor).any():
            floor = [_resolution(one) for one in other]
        self._floor.setData(*self._widened(x, floor), connect="finite")
        self._span = _span([*data, *other])
        self._line.setVisible(chosen is not None and chosen < len(rows))
        if chosen is not None and chosen < len(rows):
            self._line.setValue(x[chosen])
        self._say()
        self.reset_view()

    def reset_view(self) -> None:
        """All points and their intervals."""
        if self._rows:
            self.box.setRange(xRange=self.ends(), yRange=_padded(self._span), padding=0)

    @abstractmethod
    def ends(self) -> tuple[float, float]:
        """The range across; sets what is written there."""

    def clicked_at(self, x: float, y: float) -> None:
        """Choose the row next to the pointer."""
        if self._rows:
            self.picked.emit(min(range(len(self._rows)), key=lambda k: abs(self.place(self._rows[k]) - x)))

    def recolour(self) -> None:
        """Also curves and floor."""
        super().recolour()
        theme = self.theme
        self._data.recolour(theme.backward, theme.base, 2)
        self._reference.recolour(theme.text, theme.base, 2)
        self._floor.setPen(pg.mkPen(theme.floor, style=Qt.PenStyle.DashLine))
        self._zero.setPen(pg.mkPen(theme.floor, width=1))
        self._line.setPen(pg.mkPen(theme.accent, width=1))

    def _widened(self, x: object, floor: Sequence[float]) -> tuple[list[float], list[float]]:
        """The floor is seen with a single point, too."""
        places = list(np.asarray(x, np.float64))
        if not places:
            return [], []
        left, right = self.ends()
        return [left, *places, right], [floor[0], *floor, floor[-1]]

    def _say(self) -> None:
        if self._chosen is None or self._chosen >= len(self._rows):
            self.set_note("")
            return
        row = self._rows[self._chosen]
        if row.to_data is None:
            self.set_note("" if len(row.samples) else f"{self.name(row)}: samples left the finite numbers")
            return
        here, short = told(row.to_data), f"SWD {signed(row.to_data.value)}"
        if row.to_data.told_apart is False:
            short = f"{short}, {row.to_data.word}"
        outside = "" if row.outside is None else f", {100 * row.outside:.1f}% outside"
        whole = f"{self.name(row)}: {here}"
        self.set_note(whole + outside, whole, f"{self.name(row)}: {short}", short)


def _resolution(one: Distance | None) -> float:
    return np.nan if one is None or one.resolution is None else one.resolution


def _span(found: Sequence[Distance | None]) -> tuple[float, float]:
    """From the least to the greatest end of their intervals and resolutions, around 0."""
    known = [one for one in found if one is not None]
    ends = [end for one in known for end in (*ends_of(one), one.resolution or 0.0)]
    return min([-0.001, *ends]), max([0.01, *ends])


def _padded(span: tuple[float, float]) -> tuple[float, float]:
    low, high = span
    return low - 0.04 * (high - low), high + 0.1 * (high - low)


class QualityPlot(DistancePlot):
    """Samples of each N against data."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Quality by N",
            "Debiased SWD of 40,000 samples to data, 95% intervals; hollow under the dashed line: not told apart.",
            "Compute compares the samples of each N with data.",
            parent,
        )

    def add_parts(self) -> None:
        """Begin without kept curves."""
        super().add_parts()
        self._curves: Sequence[KeptCurve] = ()
        self._axis: Axis = "steps"
        self._lines: list[DistanceCurve] = []

    def show_kept(self, curves: Sequence[KeptCurve], axis: Axis) -> None:
        """Draw these curves beside the rows of the next `show_rows`, over N or over what a sample costs."""
        self._curves, self._axis = curves[: len(MARKS)], axis

    def show_rows(self, rows: Sequence[Variant], chosen: int | None) -> None:
        """Also the kept curves."""
        super().show_rows(rows, chosen)
        while len(self._lines) < len(self._curves):
            self._lines.append(DistanceCurve(self.plot, MARKS[len(self._lines)][1], 8))
            self.recolour()
        for k, line in enumerate(self._lines):
            kept = self._curves[k].rows if k < len(self._curves) else ()
            line.show([self._at(cost) for cost, _ in kept], [found for _, found in kept])
        self.set_empty(not (rows or self._curves))
        self.plot.getAxis("bottom").setLabel(AXES[self._axis][1])
        self.reset_view()

    def reset_view(self) -> None:
        """All points of all curves and their intervals."""
        if self._rows or self._curves:
            kept = _span([found for curve in self._curves for _, found in curve.rows])
            span = min(kept[0], self._span[0]), max(kept[1], self._span[1])
            self.box.setRange(xRange=self.ends(), yRange=_padded(span), padding=0)

    def recolour(self) -> None:
        """Also the kept curves."""
        super().recolour()
        for line, colour in zip(getattr(self, "_lines", ()), self.theme.modes, strict=False):
            line.recolour(colour, self.theme.base, 1.5)

    def place(self, row: Variant) -> float:
        return self._at(_cost_of(row))

    def name(self, row: Variant) -> str:
        return f"N = {row.settings.steps}"

    def ends(self) -> tuple[float, float]:
        costs = [*map(_cost_of, self._rows), *(cost for curve in self._curves for cost, _ in curve.rows)]
        numbers = sorted({getattr(cost, self._axis) for cost in costs})
        # Qt leaves out a label that does not lie within the axis
        room = 0.02 * max(3, len(_short(numbers[-1])))
        left, right = float(np.log10(numbers[0])) - room, float(np.log10(numbers[-1])) + room
        self.plot.getAxis("bottom").setTicks([number_ticks(numbers, left, right, _short)])
        return left, right

    def _at(self, cost: Cost) -> float:
        return float(np.log10(getattr(cost, self._axis)))


def _cost_of(row: Variant) -> Cost:
    return Cost(row.settings.steps or 1, row.evaluations, row.multiply_adds)


def _short(number: int) -> str:
    """A count as it is, in millions (M) or in thousand millions (G)."""
    for unit, letter in ((10**9, "G"), (10**6, "M")):
        if 10 * number >= unit:
            return f"{number / unit:.3g} {letter}"
    return str(number)


class LevelsPlot(DistancePlot):
    """Samples of each λ against data and against those of λ = 1."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Distance by λ",
            "Debiased SWD to data (round), to samples of λ = 1 (square); hollow under the dashed line: not told apart.",
            "Compute compares the samples of each λ.",
            parent,
        )

    def place(self, row: Variant) -> float:
        return float(row.settings.lam)

    def name(self, row: Variant) -> str:
        return f"λ = {row.settings.lam:g}"

    def ends(self) -> tuple[float, float]:
        self.plot.getAxis("bottom").setTicks([[(v, f"{v:g}") for v in (0, 0.5, 1, 1.5, 2)]])
        return -0.06, 2.06

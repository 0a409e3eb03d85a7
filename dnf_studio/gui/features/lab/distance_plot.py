"""Debiased sliced Wasserstein distances of samples over N or over λ, with what can be told apart and what cannot."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGraphicsItem, QWidget

from dnf_studio.gui.drawing.distances import DistanceCurve, padded, row_of, signed, span_of, told
from dnf_studio.gui.drawing.help import Help
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.telling import Numbers, Sign, long_table

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


class DistancePlot(Plot):
    """Distance to data as a curve, and to a reference where there is one, over the dashed line of what can be told.

    A distance under its dashed line is not told apart from 0; it stays where it is, under 0 too, with a hollow mark.
    """

    picked = Signal(int)
    """Which of the rows is next to a click."""
    across, reference = "N", "reference"
    """What is across, and what the second curve is a distance to."""

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
        self.title_axis("left", "Distance, model units")
        self.title_axis("bottom", self.across)
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
        self._span = span_of([*data, *other])
        self._line.setVisible(chosen is not None and chosen < len(rows))
        if chosen is not None and chosen < len(rows):
            self._line.setValue(x[chosen])
        self._say()
        self.reset_view()

    def reset_view(self) -> None:
        """All points and their intervals."""
        if self._rows:
            self.box.setRange(xRange=self.ends(), yRange=padded(self._span), padding=0)

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

    def signs(self) -> Sequence[Sign]:
        """Both curves, as far as there are any, and what can be told apart."""
        found = [Sign("to data", self.theme.backward)] if any(row.to_data for row in self._rows) else []
        if any(row.to_reference for row in self._rows):
            found.append(Sign(f"to {self.reference}", self.theme.text))
        return [*found, Sign("below: not told apart", self.theme.floor, "dashed")]

    def numbers(self) -> Numbers | None:
        """A row a distance, with its interval, error and what it is to."""
        parts = [
            {self.across: self.number(row), **row_of(to, one)}
            for row in self._rows
            for to, one in (("data", row.to_data), (self.reference, row.to_reference))
            if one is not None
        ]
        return long_table(parts) if parts else None

    @abstractmethod
    def number(self, row: Variant) -> float:
        """What is written under `row`."""

    def cursor_items(self) -> Sequence[QGraphicsItem]:
        """The line at the row that is chosen."""
        return (self._line,)

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


class LevelsPlot(DistancePlot):
    """Samples of each λ against data and against those of λ = 1."""

    across, reference = "λ", "samples of λ = 1"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Distance by λ",
            "Debiased SWD to data (round), to samples of λ = 1 (square); hollow under the dashed line: not told apart.",
            "Compute compares the samples of each λ.",
            parent,
        )

    def place(self, row: Variant) -> float:
        return float(row.settings.lam)

    def number(self, row: Variant) -> float:
        return self.place(row)

    def name(self, row: Variant) -> str:
        return f"λ = {row.settings.lam:g}"

    def ends(self) -> tuple[float, float]:
        self.plot.getAxis("bottom").setTicks([[(v, f"{v:g}") for v in (0, 0.5, 1, 1.5, 2)]])
        return -0.06, 2.06

"""Quality of samples and likelihoods of up to six models, each in one plot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.drawing.axes import number_ticks
from dnf_studio.gui.drawing.distances import (
    AXES,
    MARKS,
    Axis,
    Cost,
    DistanceCurve,
    padded,
    row_of,
    short_count,
    span_of,
)
from dnf_studio.gui.drawing.help import Help
from dnf_studio.gui.drawing.telling import Numbers, Sign, long_table
from dnf_studio.gui.features.runs.plots import SlotPlot

if TYPE_CHECKING:
    from dnf_studio.core.evaluation.distances import Distance
    from dnf_studio.workers.compared import Likelihood

QUALITY_HELP = Help(
    "the quality of several models",
    "The debiased sliced Wasserstein distance of 40,000 samples to fresh data, in model units, each model by its own "
    "solver; bars are 95% intervals. A hollow point is not told apart from the data. The dashed line is the "
    "resolution, the greatest among the models: what lies below is noise. Every model and N has samples and data of "
    "its own.",
    ("D² = SWD²(m, d) − ½ [SWD²(m, m′) + SWD²(d, d′)], shown as sign(D²) √|D²|",),
    "samples by (12) or each model’s own solver; method.md, section 15",
    "",
)
LIKELIHOOD_HELP = Help(
    "the likelihoods of several models",
    "Negative log-likelihoods of fresh data, nats of the standardised data; lower is better. A full mark is the bound "
    "by the chain of the model’s own N, a hollow one the NLL of its probability-flow ODE. A mark without a bar is the "
    "number that the file holds, whose error nobody knows; Measure finds it. The dashed line is the entropy of the "
    "data, below which no model can be.",
    ("−log p<sub>B</sub>(x<sub>0</sub>) ≤ bound", "−log p(x<sub>0</sub>) = −log N(x<sub>T</sub>; 0, I) − ∫ ∇·f dt"),
    "(13) for the bound; method.md, section 2, and method.md, section 9",
    "",
)


@dataclass(frozen=True)
class Named:
    """The name of a model and the number of its colour and mark."""

    slot: int
    name: str


class QualityCurves(SlotPlot):
    """Distances of samples to data by N or by what samples cost."""

    def __init__(self, parent: QWidget | None = None) -> None:
        words = (
            "Debiased SWD of 40,000 samples to data, 95% intervals; hollow: not told apart; dashed: the resolution.",
            "Measure compares the samples of each N with data.",
        )
        super().__init__("Quality of samples", *words, parent, QUALITY_HELP)

    def add_parts(self) -> None:
        """Begin with the zero line and no resolution."""
        self._lines: dict[int, DistanceCurve] = {}
        self._rows: Mapping[int, Sequence[tuple[Cost, Distance]]] = {}
        self._axis: Axis = "steps"
        self._zero, self._floor = pg.InfiniteLine(0, angle=0), pg.PlotCurveItem()
        for item in (self._zero, self._floor):
            self.plot.addItem(item, ignoreBounds=True)

    def show_rows(self, rows: Mapping[int, Sequence[tuple[Cost, Distance]]], axis: Axis) -> None:
        """Draw these by their slots, over N or over what a sample costs."""
        self._rows, self._axis = {slot: found for slot, found in rows.items() if found}, axis
        for slot in self._rows.keys() - self._lines.keys():
            self._lines[slot] = DistanceCurve(self.plot, MARKS[slot][1], 8)
            self.recolour()
        floor: dict[float, float] = {}
        for slot, line in self._lines.items():
            found = self._rows.get(slot, ())
            line.show([self._at(cost) for cost, _ in found], [one for _, one in found])
            for cost, one in found:
                floor[self._at(cost)] = max(floor.get(self._at(cost), 0.0), one.resolution or 0.0)
        places = sorted(floor)
        self._floor.setData(places, [floor[at] for at in places])
        self.set_empty(not self._rows)
        self._zero.setVisible(bool(self._rows))
        self.plot.getAxis("bottom").setLabel(AXES[axis][1] or "steps N")
        self.plot.getAxis("left").setLabel("SWD, model units")
        self.reset_view()

    def reset_view(self) -> None:
        """All points and their intervals."""
        numbers = sorted({getattr(cost, self._axis) for found in self._rows.values() for cost, _ in found})
        if numbers:
            room = 0.02 * max(3, len(short_count(numbers[-1])))
            left, right = float(np.log10(numbers[0])) - room, float(np.log10(numbers[-1])) + room
            self.plot.getAxis("bottom").setTicks([number_ticks(numbers, left, right, short_count)])
            span = span_of([one for found in self._rows.values() for _, one in found])
            self.box.setRange(xRange=(left, right), yRange=padded(span), padding=0)

    def slots(self) -> Iterable[int]:
        """Those with distances."""
        return self._rows

    def numbers(self) -> Numbers | None:
        """Each distance with its interval, what a sample costs, and the mark of its model."""
        parts = [
            {"model": MARKS[slot][0], **cost._asdict(), **row_of("data", one)}
            for slot, rows in sorted(self._rows.items())
            for cost, one in rows
        ]
        return long_table(parts) if parts else None

    def recolour(self) -> None:
        """Also curves, zero and resolution."""
        super().recolour()
        self._zero.setPen(pg.mkPen(self.theme.floor, width=1))
        self._floor.setPen(pg.mkPen(self.theme.floor, style=Qt.PenStyle.DashLine))
        for slot, line in self._lines.items():
            line.recolour(self.colour(slot), self.theme.base, 1.5)

    def _at(self, cost: Cost) -> float:
        return float(np.log10(getattr(cost, self._axis)))


class LikelihoodMarks(SlotPlot):
    """Bounds and NLLs by the ODE, a place across for each model."""

    def __init__(self, parent: QWidget | None = None) -> None:
        words = (
            "NLL in nats with 95% intervals, lower is better; full: bound, hollow: ODE; dashed: the entropy.",
            "Take models into the curves, or let Measure find their likelihoods.",
        )
        super().__init__("Likelihood", *words, parent, LIKELIHOOD_HELP)

    def add_parts(self) -> None:
        """Begin without marks."""
        self._marks = pg.ScatterPlotItem()
        self._bars = pg.ErrorBarItem(x=np.zeros(0), y=np.zeros(0), height=np.zeros(0), beam=0)
        self._entropy = pg.InfiniteLine(0, angle=0)
        for item in (self._entropy, self._bars, self._marks):
            self.plot.addItem(item, ignoreBounds=True)
        self._found: list[tuple[Named, Likelihood | None, Likelihood | None]] = []
        self._floor: float | None = None

    def show_marks(
        self, found: Sequence[tuple[Named, Likelihood | None, Likelihood | None]], entropy: float | None
    ) -> None:
        """Draw bound and ODE of each model, and the entropy where all have the same data."""
        self._found, self._floor = list(found), entropy
        self._draw()
        self.reset_view()

    def reset_view(self) -> None:
        """All marks with their intervals."""
        values = [v for _, _, one in self._places() for v in (one[0] - one[1], one[0] + one[1])]
        if values:
            values += [] if self._floor is None else [self._floor]
            low, high = min(values), max(values)
            margin = max(0.08 * (high - low), 0.02)
            self.box.setRange(
                xRange=(-0.6, len(self._found) - 0.4), yRange=(low - margin, high + margin), padding=0
            )  # fmt: skip

    def signs(self) -> Sequence[Sign]:
        """The models by their names."""
        return [Sign(f"{MARKS[named.slot][0]} {named.name}", self.colour(named.slot)) for named, *_ in self._found]

    def numbers(self) -> Numbers | None:
        """Bound and NLL of each model, with their errors where these are known."""
        parts = [
            {
                "model": named.name,
                "kind": kind,
                "NLL [nats]": one.nll,
                "standard error [nats]": "" if one.error is None else one.error,
            }
            for named, *both in self._found
            for kind, one in zip(("bound", "ODE"), both, strict=True)
            if one is not None and one.nll is not None
        ]
        return long_table(parts) if parts else None

    def recolour(self) -> None:
        """Also marks and entropy."""
        super().recolour()
        self._entropy.setPen(pg.mkPen(self.theme.floor, style=Qt.PenStyle.DashLine))
        self._draw()

    def _places(self) -> list[tuple[float, tuple[int, bool], tuple[float, float]]]:
        """Where each mark is, its slot and whether it is full, its value and half of its interval."""
        found = []
        for place, (named, *both) in enumerate(self._found):
            for shift, full, one in zip((-0.12, 0.12), (True, False), both, strict=True):
                if one is not None and one.nll is not None:
                    found.append((place + shift, (named.slot, full), (one.nll, 1.96 * (one.error or 0.0))))
        return found

    def _draw(self) -> None:
        places = self._places()
        self.set_empty(not places)
        self._entropy.setVisible(self._floor is not None)
        self._entropy.setValue(self._floor or 0.0)
        spots = []
        for at, (slot, full), (value, _) in places:
            brush = pg.mkBrush(self.colour(slot) if full else self.theme.base)
            pen = pg.mkPen(self.colour(slot), width=1.5)
            spots.append({"pos": (at, value), "symbol": MARKS[slot][1], "size": 10, "pen": pen, "brush": brush})
        self._marks.setData(spots)
        x, y = np.array([place for place, _, _ in places]), np.array([value for _, _, (value, _) in places])
        half = np.array([half for _, _, (_, half) in places])
        self._bars.setData(x=x, y=y, height=2 * half, pen=pg.mkPen(self.theme.muted, width=1))
        names = [(float(place), MARKS[named.slot][0]) for place, (named, *_) in enumerate(self._found)]
        self.plot.getAxis("bottom").setTicks([names])
        self.plot.getAxis("left").setLabel("NLL, nats")

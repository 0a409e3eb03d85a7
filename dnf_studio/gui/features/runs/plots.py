"""Losses and excess by step of up to six models, each in one plot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.drawing.distances import MARKS, padded
from dnf_studio.gui.drawing.help import Help
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.telling import Numbers, Sign, long_table

if TYPE_CHECKING:
    from dnf_studio.workers.compared import Curve, Excess

ALONG = {"iterations": "iterations", "seconds": "training time, s", "multiply_adds": "multiply-adds of training"}
"""What losses are drawn over, and what stands under the plot."""
SMOOTH = 60
"""Parts of a run that the loss is averaged over."""
Array = NDArray[np.float64]

LOSS_HELP = Help(
    "the losses of several models",
    "Each model’s loss as its file has it, averaged over a sixtieth of its run. Only losses of one kind can be "
    "compared: bounds and likelihoods are nats, the errors of a predicted noise or velocity are not, and each kind is "
    "drawn by itself. A file knows how long its run took, not each iteration: the seconds are shared out by the "
    "multiply-adds that each iteration’s N and batch take.",
    ("−log p<sub>B</sub>(x<sub>0</sub>) ≤ E[ −log N(x<sub>N</sub>; 0, I) + "
     "Σ<sub>i</sub> ½ (‖δB<sub>i</sub>‖² − ‖δF<sub>i</sub>‖²) ] + D log(g<sub>N</sub> / g<sub>0</sub>)",),
    "(13), of those that are bounds; multiply-adds as in method.md, section 15",
    "",
)  # fmt: skip
EXCESS_HELP = Help(
    "the excess of several models",
    "By how much each backward step misses the reverse of the forward step, as in the plot Disagreement, on 256 fresh "
    "points of each model’s data, with standard errors. Where N differs, the steps are placed by the fraction of the "
    "way i/N; each mark is still that of one step, so many small steps may add up to as much as a few large ones: the "
    "sum is in the table.",
    ("E[e<sub>i</sub>] = KL(p<sub>F</sub>(x<sub>i</sub>|x<sub>i+1</sub>) ‖ "
     "p<sub>B</sub>(x<sub>i</sub>|x<sub>i+1</sub>))",),
    "(15) for δB; method.md, section 4",
    "",
)  # fmt: skip


class SlotPlot(Plot):
    """A plot whose parts belong to the slots of models."""

    def colour(self, slot: int) -> str:
        """The colour of a model for as long as it is compared."""
        return self.theme.curves[slot]

    def slots(self) -> Iterable[int]:
        """The slots of the models that are drawn."""
        return ()

    def signs(self) -> Sequence[Sign]:
        """The mark of each model, as in the table beside."""
        return [Sign(MARKS[slot][0], self.colour(slot)) for slot in sorted(self.slots())]


class LossCurves(SlotPlot):
    """Losses over iterations, seconds or multiply-adds of training."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Loss", "Averaged over a sixtieth of each run.", "Take models into the curves.", parent, LOSS_HELP
        )

    def add_parts(self) -> None:
        """Begin without curves."""
        self._lines: dict[int, pg.PlotCurveItem] = {}
        self._drawn: dict[int, tuple[Array, Array]] = {}

    def show_curves(self, curves: Mapping[int, Curve], along: str, unit: str) -> None:
        """Draw these by their slots; `unit` stands at the left."""
        for slot in self._lines.keys() - curves.keys():
            self.plot.removeItem(self._lines.pop(slot))
        self._drawn = {}
        for slot, curve in curves.items():
            x = getattr(curve, along)
            if x is None or not len(curve.values):
                x = np.empty(0)
            if slot not in self._lines:
                self._lines[slot] = pg.PlotCurveItem()
                self.plot.addItem(self._lines[slot], ignoreBounds=True)
            self._drawn[slot] = np.asarray(x, float), smoothed(curve.values)[: len(x)]
            self._lines[slot].setData(*self._drawn[slot])
        self.set_empty(not any(len(x) for x, _ in self._drawn.values()))
        self.plot.getAxis("bottom").setLabel(ALONG[along])
        self.plot.getAxis("left").setLabel(unit)
        self._pens()
        self.reset_view()

    def reset_view(self) -> None:
        """The whole of all runs, the steep beginnings left at the top."""
        known = [(x, y) for x, y in self._drawn.values() if len(x)]
        if known:
            later = np.concatenate([y[len(y) // 8 :] for _, y in known])
            low, high = float(later.min()), float(later.max())
            margin = max(0.05 * (high - low), 1e-3)
            self.box.setRange(xRange=(0, max(float(x[-1]) for x, _ in known)), yRange=(low - margin, high + margin))

    def slots(self) -> Iterable[int]:
        """Those with a loss."""
        return [slot for slot, (x, _) in self._drawn.items() if len(x)]

    def numbers(self) -> Numbers | None:
        """The curves as they are drawn, each point with the mark of its model."""
        axes = [self.axis_title(side) for side in ("bottom", "left")]
        parts = [{"model": MARKS[k][0], axes[0]: x, axes[1]: y} for k, (x, y) in sorted(self._drawn.items())]
        return long_table(parts) if parts else None

    def recolour(self) -> None:
        """Also the curves."""
        super().recolour()
        self._pens()

    def _pens(self) -> None:
        for slot, line in self._lines.items():
            line.setPen(pg.mkPen(self.colour(slot), width=2))


class ExcessCurves(SlotPlot):
    """The excess of each step with its standard error."""

    def __init__(self, parent: QWidget | None = None) -> None:
        words = "Excess of each step, 256 fresh points, with standard errors.", "Measure finds the excess of each step."
        super().__init__("Disagreement by step", *words, parent, EXCESS_HELP)

    def add_parts(self) -> None:
        """Begin with nothing but the line of a right step."""
        self._parts: dict[int, tuple[pg.PlotDataItem, pg.ErrorBarItem]] = {}
        self._zero = pg.InfiniteLine(0, angle=0)
        self.plot.addItem(self._zero, ignoreBounds=True)
        self._shown: Mapping[int, Excess] = {}

    def show_excess(self, found: Mapping[int, Excess]) -> None:
        """Draw these by their slots; over steps, or where N differs over the fraction of the way."""
        for slot in self._parts.keys() - found.keys():
            for item in self._parts.pop(slot):
                self.plot.removeItem(item)
        self._shown = found
        by_share = len({len(one.mean) for one in found.values()}) > 1
        for slot, one in found.items():
            if slot not in self._parts:
                line = pg.PlotDataItem(symbol=MARKS[slot][1], symbolSize=6)
                bars = pg.ErrorBarItem(x=np.zeros(0), y=np.zeros(0), height=np.zeros(0), beam=0)
                self._parts[slot] = line, bars
                for item in (bars, line):
                    self.plot.addItem(item, ignoreBounds=True)
            steps = len(one.mean)
            x = (np.arange(steps) + 0.5) / steps if by_share else np.arange(steps, dtype=float)
            self._parts[slot][0].setData(x, one.mean)
            self._parts[slot][1].setData(x=x, y=one.mean, height=2 * np.nan_to_num(one.error))
        self.set_empty(not found)
        self._zero.setVisible(bool(found))
        self.plot.getAxis("bottom").setLabel("fraction of the way i/N" if by_share else "step i")
        self.plot.getAxis("left").setLabel("excess, nats a step")
        self._pens()
        self.reset_view()

    def reset_view(self) -> None:
        """All steps with their errors."""
        if self._shown:
            ends = [v for one in self._shown.values() for s in (-1, 1) for v in one.mean + s * np.nan_to_num(one.error)]
            finite = [0.0, *(float(v) for v in ends if np.isfinite(v))]
            most = {len(one.mean) for one in self._shown.values()}
            across = (-0.01, 1.01) if len(most) > 1 else (-0.6, max(most) - 0.4)
            self.box.setRange(xRange=across, yRange=padded((min(finite), max(finite))), padding=0)

    def slots(self) -> Iterable[int]:
        """All that are shown."""
        return self._shown

    def numbers(self) -> Numbers | None:
        """The excess of each step with its standard error, and the mark of its model."""
        parts = [
            {
                "model": MARKS[slot][0],
                "step": np.arange(len(one.mean)),
                "excess [nats]": np.asarray(one.mean),
                "standard error [nats]": np.asarray(one.error),
            }
            for slot, one in sorted(self._shown.items())
        ]
        return long_table(parts) if parts else None

    def recolour(self) -> None:
        """Also curves and bars."""
        super().recolour()
        self._zero.setPen(pg.mkPen(self.theme.floor, width=1))
        self._pens()

    def _pens(self) -> None:
        for slot, (line, bars) in self._parts.items():
            colour = self.colour(slot)
            line.setPen(pg.mkPen(colour, width=1.5))
            line.setSymbolPen(pg.mkPen(colour))
            line.setSymbolBrush(pg.mkBrush(colour))
            bars.setData(pen=pg.mkPen(colour, width=1))


def smoothed(values: Array, parts: int = SMOOTH) -> Array:
    """Means over a window of a `parts`-th of the values before each, fewer at the beginning."""
    count = len(values)
    width = max(1, count // parts)
    total = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, count + 1)
    begins = np.maximum(0, ends - width)
    found: Array = (total[ends] - total[begins]) / (ends - begins)
    return found

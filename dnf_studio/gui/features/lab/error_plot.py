"""How far coarse paths are from the finest ones, step by step and at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.drawing.axes import as_logs, log_limits, log_ticks, number_ticks
from dnf_studio.gui.drawing.help import BACKWARD_STEP, FORWARD_STEP, Help
from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.theme import Theme, mix

if TYPE_CHECKING:
    from dnf_studio.core.exploration.rediscretise import Rediscretised

HELP = Help(
    "the error of coarse paths",
    "Every N follows the same Brownian paths, so that only the length of the steps makes paths differ from those "
    "of the finest grid. Where noise does not depend on x the error falls as 1/N once steps are short enough: "
    "between logarithms a line that falls by 1 in 1. A curve that stays high has steps too long for what the "
    "fields do there.",
    (
        "error<sub>i</sub>² = mean over paths of ‖x<sub>i</sub><sup>N</sup> − x(t<sub>i</sub>)<sup>finest</sup>‖²",
        FORWARD_STEP,
        BACKWARD_STEP,
    ),
    "(11) and (12), or (17) for another λ",
)
PALEST = 0.3
Array = NDArray[np.float64]


def ramp_of(theme: Theme, direction: str, count: int) -> tuple[str, ...]:
    """`count` colours of one direction from few steps, pale, to many, strong."""
    colour = theme.direction(direction)
    return colour_ramp((mix(theme.base, colour, PALEST), colour, mix(colour, theme.text, 0.6)), max(2, count))[:count]


class ErrorPlot(Plot):
    """Root mean square error of one process against the finest grid along its way, one curve an N."""

    picked = Signal(int)
    """The N of the curve next to a click."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Error by step",
            "Distance to the finest paths, model units: data at the left, noise at the right. Click a curve.",
            "Compute shows how far the paths of each N are from the finest ones.",
            parent,
            help_=HELP,
        )

    def add_parts(self) -> None:
        """Begin without curves."""
        self._rows: Sequence[Rediscretised] = ()
        self._direction, self._by_time, self._chosen = "forward", False, 0
        self._lines: list[pg.PlotCurveItem] = []
        self._shown: list[tuple[Array, Array]] = []
        self._steps: tuple[int, ...] = ()
        self.box.setMouseEnabled(x=False, y=False)

    def show_rows(
        self, rows: Sequence[Rediscretised], steps: Sequence[int], direction: str, by_time: bool, chosen: int
    ) -> None:
        """Draw `rows`, some of those to come for `steps`; the one with N = `chosen` is set off."""
        self._rows, self._steps, self._direction = rows, tuple(steps), direction
        self._by_time, self._chosen = by_time, chosen
        self._draw()

    def reset_view(self) -> None:
        """All curves."""
        logs = np.concatenate([y for _, y in self._shown]) if self._shown else np.empty(0)
        ends = [x for x, _ in self._shown]
        left, right = (float(ends[0][0]), float(ends[0][-1])) if ends else (0.0, 1.0)
        low, high = log_limits(logs)
        margin = 0.02 * (right - left)
        self.box.setRange(xRange=(left - margin, right + margin), yRange=(low, high), padding=0)
        self.plot.getAxis("left").setTicks([log_ticks(low, high)])

    def clicked_at(self, x: float, y: float) -> None:
        """Choose the curve that passes next to the pointer."""
        if not self._shown:
            return
        away = [abs(float(np.interp(x, xs, np.nan_to_num(ys, nan=-99.0))) - y) for xs, ys in self._shown]
        self.picked.emit(self._rows[int(np.argmin(away))].steps)

    def recolour(self) -> None:
        """Also the curves."""
        super().recolour()
        colours = ramp_of(self.theme, self._direction, len(self._steps))
        places = {n: k for k, n in enumerate(self._steps)}
        for row, line in zip(self._rows, self._lines, strict=False):
            chosen = row.steps == self._chosen
            colour = self.theme.accent if chosen else colours[places.get(row.steps, 0)]
            line.setPen(pg.mkPen(colour, width=3 if chosen else 1.5))
            line.setZValue(2 if chosen else 1)

    def _draw(self) -> None:
        self.set_empty(not self._rows)
        self._shown = [self._curve(row) for row in self._rows]
        while len(self._lines) < len(self._shown):
            self._lines.append(pg.PlotCurveItem())
            self.plot.addItem(self._lines[-1], ignoreBounds=True)
        for line, (x, y) in zip(self._lines, self._shown, strict=False):
            line.setData(x, y, connect="finite")
        for line in self._lines[len(self._shown) :]:
            line.setData([], [])
        self.plot.getAxis("bottom").setLabel(
            None if not self._rows else "t" if self._by_time else "i/N, the way from data to noise"
        )
        self.reset_view()
        self.recolour()

    def _curve(self, row: Rediscretised) -> tuple[Array, Array]:
        error = row.forward if self._direction == "forward" else row.backward
        return row.t if self._by_time else np.linspace(0, 1, len(row.t)), as_logs(error)


class EndsPlot(Plot):
    """Error at the end of each process against N, both axes logarithmic, with lines that fall as 1/N."""

    picked = Signal(int)
    """The N next to a click."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "End error by N",
            "Error of latents (forward) and of samples (backward), model units; dashed lines fall as 1/N.",
            "Compute shows how the errors at the ends fall with N.",
            parent,
            help_=HELP,
        )

    def add_parts(self) -> None:
        """Add curves, the lines they should follow, and what marks the N chosen."""
        self._rows: Sequence[Rediscretised] = ()
        self._chosen = 0
        self._curves = {name: pg.PlotDataItem(symbol="o", symbolSize=6) for name in ("forward", "backward")}
        self._slopes = {name: pg.PlotCurveItem() for name in self._curves}
        self._line = pg.InfiniteLine(angle=90)
        for item in (self._line, *self._slopes.values(), *self._curves.values()):
            self.plot.addItem(item, ignoreBounds=True)
        self._line.hide()
        self.box.setMouseEnabled(x=False, y=False)

    def show_rows(self, rows: Sequence[Rediscretised], chosen: int) -> None:
        """Draw the ends of `rows`, and an upright line at N = `chosen`."""
        self._rows, self._chosen = rows, chosen
        self.set_empty(not rows)
        x = np.log10(np.array([row.steps for row in rows], np.float64))
        found = [x]
        for name, curve in self._curves.items():
            y = as_logs(np.array([row.forward_end if name == "forward" else row.backward_end for row in rows]))
            kept = np.isfinite(y)
            curve.setData(x[kept], y[kept])
            middle = len(rows) // 2
            self._slopes[name].setData(x, y[middle] - (x - x[middle]) if rows else y, connect="finite")
            found.append(y)
        self._line.setVisible(any(row.steps == chosen for row in rows))
        if chosen:
            self._line.setValue(np.log10(chosen))
        self._say()
        self.reset_view()

    def reset_view(self) -> None:
        """All points."""
        if not self._rows:
            return
        numbers = [row.steps for row in self._rows]
        left, right = np.log10(min(numbers)) - 0.06, np.log10(max(numbers)) + 0.06
        logs = as_logs(np.array([[row.forward_end, row.backward_end] for row in self._rows]).ravel())
        low, high = log_limits(logs, 6.0)
        self.box.setRange(xRange=(left, right), yRange=(low, high), padding=0)
        self.plot.getAxis("bottom").setTicks([number_ticks(numbers, left, right)])
        self.plot.getAxis("left").setTicks([log_ticks(low, high)])

    def clicked_at(self, x: float, y: float) -> None:
        """Choose the N next to the pointer."""
        if self._rows:
            self.picked.emit(min((row.steps for row in self._rows), key=lambda n: abs(np.log10(n) - x)))

    def recolour(self) -> None:
        """Also curves and lines."""
        super().recolour()
        for name, curve in self._curves.items():
            colour = self.theme.direction(name)
            curve.setPen(pg.mkPen(colour, width=2))
            curve.setSymbolBrush(pg.mkBrush(colour))
            curve.setSymbolPen(pg.mkPen(self.theme.base))
            slope = mix(self.theme.base, colour, 0.6)
            self._slopes[name].setPen(pg.mkPen(slope, width=1, style=Qt.PenStyle.DashLine))
        self._line.setPen(pg.mkPen(self.theme.accent, width=1))

    def _say(self) -> None:
        """The measured order of the samples' error, a power of 1/N."""
        fall = order([row.steps for row in self._rows], [row.backward_end for row in self._rows])
        self.set_note("" if fall is None else f"samples: convergence of order {fall:.2f}".replace("-", "−"))


def order(steps: Sequence[int], errors: Sequence[float]) -> float | None:
    """The power with which `errors` fall with N, from a straight line through their logarithms; None of too few."""
    x, y = as_logs(np.array(steps, np.float64)), as_logs(np.array(errors, np.float64))
    kept = np.isfinite(y)
    return -float(np.polyfit(x[kept], y[kept], 1)[0]) if kept.sum() > 2 else None

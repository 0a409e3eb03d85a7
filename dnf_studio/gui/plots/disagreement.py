"""Disagreement by step as bars."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRect, Signal, Slot
from PySide6.QtGui import QHelpEvent, QResizeEvent
from PySide6.QtWidgets import QToolTip, QWidget

from dnf_studio.gui.cursor import node_at
from dnf_studio.gui.plots.base import Plot
from dnf_studio.gui.plots.explain import PARTS, about_prior, about_step, largest_part
from dnf_studio.gui.plots.layers.bars import BarsLayer
from dnf_studio.gui.plots.layers.prior_bar import PriorBarLayer, tail_of
from dnf_studio.gui.plots.legend import PartsLegend
from dnf_studio.gui.plots.words import hint, nats
from dnf_studio.gui.theme import mix
from dnf_studio.workers.frames import Frame, ViewRequest

__all__ = ["DisagreementPlot", "next_limits"]

SHRINK = 0.15
OVER = 10
"""Limits so many times as wide as what they hold are those of something else, such as a run that diverged."""
QUIET = 0.25
SEEN = 0.3
"""Of what the steps' bars take, how much the prior's may take before it is broken."""
NO_PARTS = np.empty((3, 0))
Array = NDArray[np.float64]


class DisagreementPlot(Plot):
    """One bar a step: mean ½(‖δB‖² − ‖δF‖²), nats (METHOD 2), and the prior's part of the bound at the end.

    Their sum is the bound: bars above zero cost, bars below zero gain. One sequential map runs from
    gains, pale, to the greatest cost, dark; the switch "parts" splits each bar into its causes.

    A click goes to the step. It chooses no point: whoever walks through the bars would lose a
    selection at every click. A click on the bar one is at, and so a double click on any bar,
    chooses the step's worst points; with Ctrl or Shift they join what is chosen.
    """

    step_clicked = Signal(int)
    worst_wanted = Signal(int, bool)
    """The worst points of this step are to be chosen, or added to what is chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Disagreement by step",
            "What each step adds to the bound, in nats.",
            "Open a model or press Train to see at which steps forward and backward disagree.",
            parent,
            topic="disagreement",
        )
        self._values: Array = np.empty(0)
        self._parts: Array = NO_PARTS
        self._prior: tuple[float, float] | None = None
        self._dim = 0
        self._request: ViewRequest | None = None
        self._limits: tuple[float, float] | None = None
        self._ranged: tuple[int, bool, tuple[float, float] | None] = (0, False, None)
        self._position = 0.0
        self._clicked: int | None = None
        self._bars, self._end = BarsLayer(), PriorBarLayer()
        self._zero = pg.InfiniteLine(pos=0, angle=0)
        for item in (self._bars, self._end, self._zero):
            self.plot.addItem(item, ignoreBounds=True)
        self._zero.hide()
        self.box.setMouseEnabled(x=False, y=False)
        self.legend = PartsLegend(self)
        self.header.insertWidget(1, self.legend)
        self.setTabOrder(self.plot, self.legend.switch)
        self.legend.toggled.connect(self._split)
        self.double_clicked.connect(self._double_clicked)
        self.plot.viewport().installEventFilter(self)
        self.recolour()

    @property
    def limits(self) -> tuple[float, float] | None:
        """The range of the value axis, nats, or None while there is nothing to show."""
        return self._limits

    def set_frame(self, frame: Frame | None) -> None:
        """Show the disagreement of `frame`; None, or one of a model without a bound, empties the plot."""
        frame = frame if frame is not None and len(frame.disagreement) else None
        self.set_empty(frame is None)
        self._zero.setVisible(frame is not None)
        if frame is None:
            self._values, self._limits, self._request = np.empty(0), None, None
            self._parts, self._prior = NO_PARTS, None
        else:
            self._values = np.nan_to_num(frame.disagreement.astype(np.float64))
            fits = frame.parts.shape[1] == len(self._values)
            self._parts = np.nan_to_num(frame.parts.astype(np.float64)) if fits else NO_PARTS
            self._prior, self._dim = frame.prior, frame.forward.shape[2]
            fresh = frame.request != self._request
            self._limits = next_limits(None if fresh else self._limits, self._extent())
            self._request = frame.request
        self._show_bars()

    def set_cursor(self, position: float) -> None:
        """Set off the step that `position` (node units, 0 … N) lies in."""
        self._position = position
        if not len(self._values):
            self._bars.set_current(None)
            self.set_note("")
            return
        step = self._current()
        self._bars.set_current(step)
        here, total = nats(float(self._values[step])), nats(float(self._values.sum()))
        most = largest_part(self._parts[:, step]) if self._parts.size else None
        texts = [
            f"step {step} → {step + 1}: {here}    sum {total} nats",
            f"{step} → {step + 1}: {here}   Σ {total}",
            f"{here}   Σ {total}",
            f"Σ {total}",
            total,
        ]
        if most is not None:
            texts.insert(0, f"step {step} → {step + 1}: {here}, mostly {PARTS[most]}    sum {total} nats")
        self.set_note(*texts)

    def reset_view(self) -> None:
        """All steps within the smoothed limits, and the bar of the prior behind them."""
        low, high = self._limits or (0.0, 1.0)
        steps = max(1, len(self._values))
        end = tail_of(steps)[1] if self._prior is not None else steps
        self.box.setRange(xRange=(-0.01 * steps, end + 0.02 * steps), yRange=(low, high), padding=0)
        self._write_steps()

    def _write_steps(self) -> None:
        """As many step numbers as there is room for side by side, where the bar of the prior takes Qt's own ones."""
        steps = max(1, len(self._values))
        each = 2 * self.fontMetrics().horizontalAdvance(str(steps))
        ticks = [_ticks(steps, min(6, max(1, self.plot.width() // each)))]
        self.plot.getAxis("bottom").setTicks(ticks if self._prior is not None else None)

    def pick(self, at: QPointF, adding: bool) -> bool:
        """A click on the step one is at chooses its worst points, one with a modifier adds those of any step."""
        step = self._step_at(self.box.mapSceneToView(at).x())
        self._clicked = step if step is not None and step < len(self._values) else None
        if step is None:
            return True
        chooses = self._clicked is not None and (adding or step == self._current())
        self.step_clicked.emit(step)
        if chooses:
            self.worst_wanted.emit(step, adding)
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Explain the bar under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            x = float(self.box.mapSceneToView(self.plot.mapToScene(event.pos())).x())
            step = self._step_at(x)
            if step is not None:
                text = hint(self.explain(step))
                QToolTip.showText(event.globalPos(), text, self.plot.viewport(), self._strip(step))
                return True
        return super().eventFilter(watched, event)

    def explain(self, step: int) -> str:
        """What the bar of `step` stands for, N being that of the prior, in one sentence."""
        if step < len(self._values):
            parts = self._parts[:, step] if self._parts.size else np.empty(0)
            return about_step(step, float(self._values[step]), parts)
        return about_prior(self._prior, self._dim) if self._prior is not None else ""

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room, the parts are letters."""
        super().resizeEvent(event)
        self._fit_legend()

    def refont(self) -> None:
        """Also the legend."""
        super().refont()
        self._fit_legend()

    def recolour(self) -> None:
        """Also bars and zero line."""
        super().recolour()
        if hasattr(self, "legend"):
            theme = self.theme
            band = mix(theme.base, theme.accent, 0.16)
            self._bars.set_colours(theme.disagreement, band, theme.accent)
            self._bars.set_part_colours(theme.parts, theme.text)
            self._end.set_colours(mix(theme.base, theme.data, 0.55), theme.base, theme.border)
            self._zero.setPen(pg.mkPen(theme.muted))
            self.legend.set_theme(theme)

    @Slot(bool)
    def _split(self) -> None:
        """Other bars have other ends."""
        if self._limits is not None:
            self._limits = next_limits(None, self._extent())
        self._fit_legend()
        self._show_bars()

    @Slot()
    def _double_clicked(self) -> None:
        """Its first click went to the step."""
        if self._clicked is not None and self._clicked == self._current():
            self.worst_wanted.emit(self._clicked, False)

    def _show_bars(self) -> None:
        split = self.legend.on and self._parts.size > 0
        self._bars.set_bars(self._values, self._strengths())
        self._bars.set_parts(self._parts if split else None)
        self._end.set_value(len(self._values), None if self._prior is None else sum(self._prior))
        ranged = len(self._values), self._prior is not None, self._limits
        if ranged != self._ranged:
            self._ranged = ranged
            self.reset_view()
        self.set_cursor(self._position)

    def _extent(self) -> Array:
        """The ends of all bars, stacked where they are split, and of as much of the prior's as is to be seen."""
        ends = self._values
        if self.legend.on and self._parts.size:
            ends = np.concatenate([np.maximum(self._parts, 0).sum(axis=0), np.minimum(self._parts, 0).sum(axis=0)])
        if self._prior is None:
            return ends
        prior, most = sum(self._prior), SEEN * float(np.ptp(np.append(ends, 0.0)))
        return np.append(ends, np.clip(prior, -most, most))

    def _current(self) -> int:
        return int(np.clip(node_at(self._position), 0, len(self._values) - 1))

    def _step_at(self, x: float) -> int | None:
        """The step whose bar is at `x`, N for that of the prior."""
        steps = len(self._values)
        if 0 <= x < steps:
            return int(x)
        return steps if steps and self._prior is not None and steps < x <= tail_of(steps)[1] else None

    def _strip(self, step: int) -> QRect:
        """Where in the viewport the sentence on `step` holds."""
        steps = len(self._values)
        ends = (step, step + 1) if step < steps else (steps, tail_of(steps)[1])
        low, high = self.box.viewRange()[1]
        corners = QPointF(ends[0], high), QPointF(ends[1], low)
        first, last = (self.plot.mapFromScene(self.box.mapViewToScene(corner)) for corner in corners)
        return QRect(first, last)

    def _fit_legend(self) -> None:
        if hasattr(self, "legend"):
            metrics = self.fontMetrics()
            self.legend.set_room(self.width() / metrics.height())
            # The title gives way to the numbers
            self.note.setMinimumWidth(metrics.horizontalAdvance("−0.0000") if self.legend.on else 0)
            self._write_steps()

    def _strengths(self) -> Array:
        """Gains share the pale end of the map, costs take the rest of it."""
        high = float(self._values.max(initial=0))
        high += 0.12 * high
        if self._limits and not self.legend.on:
            high = self._limits[1]
        costs = QUIET + (1 - QUIET) * self._values / max(high, 1e-9)
        return np.where(self._values > 0, np.clip(costs, QUIET, 1), QUIET)


def next_limits(limits: tuple[float, float] | None, values: Array) -> tuple[float, float]:
    """Limits that hold `values` and 0: they grow at once and shrink slowly, so the axis does not flicker.

    Limits from which next to nothing could be seen are left at once.
    """
    low, high = min(0.0, float(values.min(initial=0))), max(0.0, float(values.max(initial=0)))
    room = 0.12 * max(high - low, 1e-3)
    low, high = low - (room if low < 0 else 0), high + room
    if limits is None or limits[1] - limits[0] > OVER * (high - low):
        return low, high
    return (
        low if low < limits[0] else limits[0] + SHRINK * (low - limits[0]),
        high if high > limits[1] else limits[1] + SHRINK * (high - limits[1]),
    )


def _ticks(steps: int, most: int) -> list[tuple[float, str]]:
    """Round step numbers, at most `most` beside 0, and the name of the last bar."""
    apart = next(size * 10**k for k in range(9) for size in (1, 2, 5) if steps <= most * size * 10**k)
    rounds = [(float(i), str(i)) for i in range(0, steps + 1, apart) if i <= steps - 0.3 * apart or apart == 1]
    return [*rounds, (sum(tail_of(steps)) / 2, "prior")]

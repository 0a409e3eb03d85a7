"""Disagreement by step as bars."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.cursor import node_at
from dnf_studio.gui.plots.base import Plot
from dnf_studio.gui.plots.layers.bars import BarsLayer
from dnf_studio.gui.plots.words import nats
from dnf_studio.gui.theme import mix
from dnf_studio.workers.frames import Frame, ViewRequest

__all__ = ["DisagreementPlot", "next_limits"]

SHRINK = 0.15
QUIET = 0.25
Array = NDArray[np.float64]


class DisagreementPlot(Plot):
    """One bar a step: mean ½(‖δB‖² − ‖δF‖²), nats (METHOD 2).

    Their sum belongs to the bound: bars above zero cost, bars below zero gain. One sequential map
    runs from gains, pale, to the greatest cost, dark. A click goes to the step.
    """

    step_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Disagreement by step",
            "What each step adds to the bound, in nats.",
            "Open a model or press Train to see at which steps forward and backward disagree.",
            parent,
            topic="disagreement",
        )
        self._values: Array = np.empty(0)
        self._request: ViewRequest | None = None
        self._limits: tuple[float, float] | None = None
        self._ranged: tuple[int, tuple[float, float] | None] = (0, None)
        self._position = 0.0
        self._bars = BarsLayer()
        self._zero = pg.InfiniteLine(pos=0, angle=0)
        for item in (self._bars, self._zero):
            self.plot.addItem(item, ignoreBounds=True)
        self._zero.hide()
        self.box.setMouseEnabled(x=False, y=False)
        self.recolour()

    @property
    def limits(self) -> tuple[float, float] | None:
        """The range of the value axis, nats, or None while there is nothing to show."""
        return self._limits

    def set_frame(self, frame: Frame | None) -> None:
        """Show the disagreement of `frame`; None empties the plot."""
        self.set_empty(frame is None)
        self._zero.setVisible(frame is not None)
        if frame is None:
            self._values, self._limits, self._request = np.empty(0), None, None
        else:
            self._values = np.nan_to_num(frame.disagreement.astype(np.float64))
            fresh = frame.request != self._request
            self._limits = next_limits(None if fresh else self._limits, self._values)
            self._request = frame.request
        self._bars.set_bars(self._values, self._strengths())
        if (len(self._values), self._limits) != self._ranged:
            self._ranged = len(self._values), self._limits
            self.reset_view()
        self.set_cursor(self._position)

    def set_cursor(self, position: float) -> None:
        """Set off the step that `position` (node units, 0 … N) lies in."""
        self._position = position
        if not len(self._values):
            self._bars.set_current(None)
            self.set_note("")
            return
        step = int(np.clip(node_at(position), 0, len(self._values) - 1))
        self._bars.set_current(step)
        here, total = nats(float(self._values[step])), nats(float(self._values.sum()))
        self.set_note(
            f"step {step} → {step + 1}: {here}    sum {total} nats",
            f"{step} → {step + 1}: {here}   Σ {total}",
            f"{here}   Σ {total}",
            f"Σ {total}",
        )

    def reset_view(self) -> None:
        """All steps within the smoothed limits."""
        low, high = self._limits or (0.0, 1.0)
        steps = max(1, len(self._values))
        self.box.setRange(xRange=(-0.01 * steps, 1.01 * steps), yRange=(low, high), padding=0)

    def clicked_at(self, x: float, y: float) -> None:
        """Go to the step under the pointer."""
        if 0 <= x < len(self._values):
            self.step_clicked.emit(int(x))

    def recolour(self) -> None:
        """Also bars and zero line."""
        super().recolour()
        if hasattr(self, "_bars"):
            band = mix(self.theme.base, self.theme.accent, 0.16)
            self._bars.set_colours(self.theme.disagreement, band, self.theme.accent)
            self._zero.setPen(pg.mkPen(self.theme.muted))

    def _strengths(self) -> Array:
        """Gains share the pale end of the map, costs take the rest of it."""
        high = self._limits[1] if self._limits else 1.0
        costs = QUIET + (1 - QUIET) * self._values / max(high, 1e-9)
        return np.where(self._values > 0, np.clip(costs, QUIET, 1), QUIET)


def next_limits(limits: tuple[float, float] | None, values: Array) -> tuple[float, float]:
    """Limits that hold `values` and 0: they grow at once and shrink slowly, so the axis does not flicker."""
    low, high = min(0.0, float(values.min(initial=0))), max(0.0, float(values.max(initial=0)))
    room = 0.12 * max(high - low, 1e-3)
    low, high = low - (room if low < 0 else 0), high + room
    if limits is None:
        return low, high
    return (
        low if low < limits[0] else limits[0] + SHRINK * (low - limits[0]),
        high if high > limits[1] else limits[1] + SHRINK * (high - limits[1]),
    )

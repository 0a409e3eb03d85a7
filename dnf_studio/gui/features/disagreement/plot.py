"""Disagreement by step as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRect, Signal, Slot
from PySide6.QtGui import QHelpEvent, QResizeEvent
from PySide6.QtWidgets import QToolTip

from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.gui.drawing.axes import next_limits
from dnf_studio.gui.drawing.layers.bars import BarsLayer, PriorBarLayer, step_ticks, tail_of
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.theme import mix
from dnf_studio.gui.drawing.words import WAITING, hint, node_at
from dnf_studio.gui.features.disagreement.bars import HELP, NO_BARS, Shown, StepBars, contribution_bars, excess_bars
from dnf_studio.gui.features.disagreement.legend import NAMED, BarsChooser, BarsTelling, PartsLegend
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.workers.excess import ExcessFrame

Array = NDArray[np.float64]


class DisagreementPlot(BarsTelling, Plot):
    """One bar a step, nats: its excess, the divergence of the forward step's reverse from the backward step.

    Excesses have errors, which shrink while more points are looked at, and diamonds where nearest neighbours, without
    the model's densities, say the same; a filled diamond is off by more than both errors. At the end stands how far the
    ends of the paths are from the prior. A chooser shows what each step contributes to the bound instead, which the
    switch "parts" splits into its causes. One map of colours diverges around 0.

    A click goes to the step. It chooses no point: whoever goes through the bars would lose a
    selection at every click. A click on the bar one is at, and so a double click on any bar,
    chooses the step's worst points; with Ctrl or Shift they join what is chosen.
    """

    step_clicked = Signal(int)
    worst_wanted = Signal(int, bool)
    """The worst points of this step are to be chosen, or added to what is chosen."""

    def __init__(self) -> None:
        super().__init__(
            "Disagreement by step",
            "What each backward step misses, in nats.",
            "Open a model or press Train to see at which steps forward and backward disagree.",
            help_=HELP,
        )

    def add_parts(self) -> None:
        """Add bars, the bar of the prior, zero line, chooser and legend."""
        self._bars_shown: StepBars = NO_BARS
        self._frame: Frame | None = None
        self._found: ExcessFrame | None = None
        self._reason: str | None = None
        self._request: SampleSettings | None = None
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
        self.legend.hide()
        self.chooser = BarsChooser(self)
        self.chooser.activated.connect(self._choose)
        self.add_beside_caption(self.chooser)
        self.header.insertWidget(1, self.legend)
        self.setTabOrder(self.plot, self.chooser)
        self.setTabOrder(self.chooser, self.legend.switch)
        self.legend.toggled.connect(self._split)
        self.double_clicked.connect(self._double_clicked)
        self.plot.viewport().installEventFilter(self)

    @property
    def limits(self) -> tuple[float, float] | None:
        """The range of the value axis, nats, or None while there is nothing to show."""
        return self._limits

    @property
    def shown(self) -> Shown:
        """What the bars stand for."""
        return self.chooser.shown

    def set_shown(self, shown: Shown) -> None:
        """Show the excess, or what each step contributes to the bound."""
        self.chooser.show_choice(shown)
        self._choose()

    def set_steps_known(self, known: bool) -> None:
        """Whether the model has a bound whose steps there is something to say of."""
        self.chooser.setVisible(known)
        self.legend.setVisible(known and self.shown == "contribution")

    def set_excess_known(self, known: bool) -> None:
        """Whether the excess of the model that is shown will be looked for; else there are only contributions."""
        if known != self.chooser.isEnabled():
            self.chooser.set_excess_known(known)
            self._choose()

    def set_reason(self, reason: str | None) -> None:
        """Say why there will be nothing to show."""
        self._reason = reason
        self._take()

    def set_frame(self, frame: Frame | None) -> None:
        """Show the steps of `frame`; None, or one of a model without a bound, empties the plot.

        Its excess comes later (`set_excess`). Until then that of the same settings with other weights stays.
        """
        self._frame = frame if frame is not None and len(frame.mean_contributions) else None
        if self._found is not None and not self._found.fits(self._frame):
            self._found = None
        self._take()

    def set_excess(self, found: ExcessFrame | None) -> None:
        """Show what is known so far of the excess; None where nothing can be."""
        self._found = found
        if self.shown == "excess":
            self._take()

    def _take(self) -> None:
        """The bars of what is chosen."""
        frame, found = self._frame, self._found
        waits = frame is not None and self.shown == "excess" and found is None
        self.set_hint(self._reason or (WAITING if waits else self._invitation))
        self.set_empty(frame is None or waits)
        self._zero.setVisible(frame is not None and not waits)
        if frame is None or waits:
            self._bars_shown, self._limits, self._request = NO_BARS, None, None
            self.caption_line.set_meaning("")
        else:
            from dnf_studio.gui.features.disagreement.meaning import bars_meaning

            bars = contribution_bars(frame) if found is None or self.shown == "contribution" else excess_bars(found)
            self.caption_line.set_meaning(bars_meaning(bars))
            self._bars_shown = bars
            known = self._limits if frame.request == self._request else None
            self._limits, self._request = next_limits(known, bars.extent(self._split_now)), frame.request
        self._show_bars()

    def set_cursor(self, position: float) -> None:
        """Set off the step that `position` (node units, 0 … N) lies in."""
        self._position = position
        if not len(self._bars_shown.values):
            self._bars.set_current(None)
            self.set_note("")
            return
        step = self._current()
        self._bars.set_current(step)
        self.set_note(*self._bars_shown.texts(step))

    def reset_view(self) -> None:
        """All steps within the smoothed limits, and the bar of the prior behind them."""
        low, high = self._limits or (0.0, 1.0)
        steps = max(1, len(self._bars_shown.values))
        end = tail_of(steps)[1] if self._bars_shown.tail else steps
        self.box.setRange(xRange=(-0.01 * steps, end + 0.02 * steps), yRange=(low, high), padding=0)
        self._write_steps()

    def _write_steps(self) -> None:
        """Label as many steps as fit side by side, where the bar of the prior takes Qt's own ones."""
        steps = max(1, len(self._bars_shown.values))
        each = 2 * self.fontMetrics().horizontalAdvance(str(steps))
        ticks = [step_ticks(steps, min(6, max(1, self.plot.width() // each)))]
        self.plot.getAxis("bottom").setTicks(ticks if self._bars_shown.tail else None)

    def pick(self, at: QPointF, adding: bool) -> bool:
        """A click on the step one is at chooses its worst points, one with a modifier adds those of any step."""
        step = self._step_at(self.box.mapSceneToView(at).x())
        self._clicked = step if step is not None and step < len(self._bars_shown.values) else None
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
        notes = self._bars_shown.notes
        return notes[step] if step < len(notes) else ""

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where the header is narrow, show the parts as letters."""
        super().resizeEvent(event)
        self._fit_legend()

    def refont(self) -> None:
        """Also the legend."""
        super().refont()
        self._fit_legend()

    def recolour(self) -> None:
        """Also bars and zero line."""
        super().recolour()
        theme = self.theme
        band = mix(theme.base, theme.accent, 0.16)
        self._bars.set_colours(theme.disagreement, band, theme.accent)
        self._bars.set_part_colours(theme.parts, theme.text)
        self._bars.set_error_colours(theme.muted, theme.text, theme.warning)
        self._end.set_colours(mix(theme.base, theme.data, 0.55), theme.base, theme.border, theme.text)
        self._zero.setPen(pg.mkPen(theme.muted))
        self.legend.set_theme(theme)

    @Slot(bool)
    def _split(self) -> None:
        """Other bars have other ends."""
        if self._limits is not None:
            self._limits = next_limits(None, self._bars_shown.extent(self._split_now))
        self._fit_legend()
        self._show_bars()

    @Slot()
    def _double_clicked(self) -> None:
        """Its first click went to the step."""
        if self._clicked is not None and self._clicked == self._current():
            self.worst_wanted.emit(self._clicked, False)

    @Slot()
    def _choose(self) -> None:
        """Other bars have other limits; only contributions have parts."""
        self.legend.setVisible(self._reason is None and self.shown == "contribution")
        self._request = None
        self._take()
        self._fit_legend()

    def _show_bars(self) -> None:
        self.title_axes("Excess, nats" if self.shown == "excess" else "Contribution to the bound, nats")
        bars = self._bars_shown
        self._bars.set_bars(bars.values, self._strengths())
        self._bars.set_errors(bars.errors, bars.other, bars.other_errors, bars.apart)
        self._bars.set_parts(bars.parts if self._split_now else None)
        self._end.set_value(len(bars.values), bars.prior, bars.prior_error)
        ranged = len(bars.values), bars.tail, self._limits
        if ranged != self._ranged:
            self._ranged = ranged
            self.reset_view()
        self.set_cursor(self._position)

    @property
    def _split_now(self) -> bool:
        return self.legend.on and self._bars_shown.parts.size > 0

    def _current(self) -> int:
        return int(np.clip(node_at(self._position), 0, len(self._bars_shown.values) - 1))

    def _step_at(self, x: float) -> int | None:
        """The step whose bar is at `x`, N for that of the prior."""
        steps = len(self._bars_shown.values)
        if 0 <= x < steps:
            return int(x)
        return steps if steps and self._bars_shown.prior is not None and steps < x <= tail_of(steps)[1] else None

    def _strip(self, step: int) -> QRect:
        """Where in the viewport the sentence on `step` holds."""
        steps = len(self._bars_shown.values)
        ends = (step, step + 1) if step < steps else (steps, tail_of(steps)[1])
        low, high = self.box.viewRange()[1]
        corners = QPointF(ends[0], high), QPointF(ends[1], low)
        first, last = (self.plot.mapFromScene(self.box.mapViewToScene(corner)) for corner in corners)
        return QRect(first, last)

    def _fit_legend(self) -> None:
        metrics = self.fontMetrics()
        width = self.width() / metrics.height()
        self.legend.set_width(width)
        # The title gives way to the numbers
        wide = width >= NAMED or (self.legend.on and self.shown == "contribution")
        self.note.set_least(metrics.horizontalAdvance("−0.0000") if wide else 0)
        self._write_steps()

    def _strengths(self) -> Array:
        """0.5 at zero, the ends of the map at the farthest value on either side."""
        values = self._bars_shown.values
        most = float(np.abs(values).max(initial=0))
        if self._limits and not self._split_now:
            most = max(most, self._limits[1], -self._limits[0])
        return 0.5 + 0.5 * np.clip(values / max(most, 1e-9), -1, 1)

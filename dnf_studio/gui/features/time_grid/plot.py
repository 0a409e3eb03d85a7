"""The time grid of the view and the diffusion coefficient on it."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QToolButton

from dnf_studio.gui.drawing.help import Help
from dnf_studio.gui.drawing.layers.trails import StepsLayer
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.theme import mix
from dnf_studio.gui.drawing.words import short_number
from dnf_studio.workers.frames import Frame

HELP = Help(
    "time grid and g",
    "Each bar is one step: as wide and as high as the time Δ<sub>i</sub> it takes. The line is the noise "
    "strength g with its scale at the right; where the noise of the steps back is fitted, that of the step at the "
    "cursor is r times as strong. Another N or grid of the view leaves the model's own grid as an "
    "outline. A click moves the time cursor.",
    (
        "reference grid:  t<sub>i</sub> = (t<sub>0</sub><sup>β</sup> + (i/N) (T<sup>β</sup> − "
        "t<sub>0</sub><sup>β</sup>))<sup>1/β</sup>",
        "paper’s grid L<sub>β</sub>:  t<sub>i</sub> = t<sub>0</sub> + (i/N)<sup>β</sup> (T − t<sub>0</sub>)",
        "Δ<sub>i</sub> = t<sub>i+1</sub> − t<sub>i</sub>",
    ),
    "g and Δ as in (11) and (12)",
)
HEADROOM, HEADROOM_OF_G = 1.5, 1.15
"""Height of each scale relative to its highest value; the line stays clear of the bars where both are even."""
CAPTION = "Step lengths Δt and noise g over time t."
WITHOUT = "Step lengths Δt over time t; g is 0."
Array = NDArray[np.float64]


class GridPlot(Plot):
    """Δt_i of every step over the time t as bars, g(t) as a line with its own scale at the right.

    Where the view has another grid than the model, the model's own is outlined. A click moves the
    time cursor.
    """

    cursor_moved = Signal(float)
    edit_wanted = Signal()

    def __init__(self) -> None:
        super().__init__(
            "Time grid",
            CAPTION,
            "Open a model or press Train, and its time steps are shown here.",
            help_=HELP,
        )

    def add_parts(self) -> None:
        """Add bars, line, cursor and the second scale."""
        self._t: Array = np.empty(0)
        self._g: Array = np.empty(0)
        self._own: Array = np.empty(0)
        self._ratio: Array = np.empty(0)
        self._position = 0.0
        self._steps = StepsLayer()
        self._curve = pg.PlotCurveItem()
        self._line = pg.InfiniteLine(angle=90)
        for item in (self._steps, self._curve, self._line):
            self.plot.addItem(item, ignoreBounds=True)
        self._line.hide()
        self.edit = self._make_edit()
        self._fit_edit()
        self.box.setMouseEnabled(x=False, y=False)
        self._scale = self._make_scale()

    def set_frame(self, frame: Frame | None) -> None:
        """Show the grid of `frame`; None empties the plot."""
        self.set_empty(frame is None)
        none = np.empty(0)
        t, g, own = (
            (none, none, none) if frame is None else (frame.t, frame.g, none if frame.own is None else frame.own)
        )
        if not (np.array_equal(t, self._t) and np.array_equal(g, self._g) and np.array_equal(own, self._own)):
            self._t, self._g, self._own = (values.astype(np.float64) for values in (t, g, own))
            self._steps.set_grid(self._t, self._own)
            self._show_noise(frame is None or bool(self._g.any()))
            self.reset_view()
        self._ratio = none if frame is None or frame.ratio is None else frame.ratio.astype(np.float64)
        self._line.setVisible(frame is not None)
        self.set_cursor(self._position)

    def set_cursor(self, position: float) -> None:
        """Set off the step that `position` (node units, 0 … N) lies in."""
        self._position = position
        if len(self._t) < 2:
            self._steps.set_current(None)
            self.set_note("")
            return
        nodes = np.arange(len(self._t))
        step = int(np.clip(position, 0, len(self._t) - 2))
        now, g = float(np.interp(position, nodes, self._t)), float(np.interp(position, nodes, self._g))
        self._steps.set_current(step)
        self._line.setValue(now)
        t, dt, g_now = (short_number(value) for value in (now, float(self._t[step + 1] - self._t[step]), g))
        if not self._g.any():
            self.set_note(f"t = {t}   Δt = {dt}", f"Δt = {dt}")
            return
        noise = f"g = {g_now}" + (f"   r = {short_number(float(self._ratio[step]))}" if len(self._ratio) > step else "")
        self.set_note(f"t = {t}   Δt = {dt}   {noise}", f"Δt = {dt}   {noise}", noise)

    def set_empty(self, empty: bool) -> None:
        """The second scale, too, comes and goes."""
        super().set_empty(empty)
        self.plot.showAxis("right", not empty and bool(self._g.any()))

    def reset_view(self) -> None:
        """All steps, and both scales from 0."""
        if len(self._t) < 2:
            return
        longest = max(float(np.diff(times).max()) for times in (self._t, self._own) if len(times) > 1)
        most = float(np.abs(self._g).max()) or 1.0
        height = HEADROOM * longest
        self.box.setRange(xRange=(self._t[0], self._t[-1]), yRange=(0, height), padding=0)
        self._curve.setData(self._t, self._g * (height / (HEADROOM_OF_G * most)))
        self._scale.setRange(0, HEADROOM_OF_G * most)

    def clicked_at(self, x: float, y: float) -> None:
        """Move the cursor to the time under the pointer."""
        if len(self._t) > 1:
            self.cursor_moved.emit(float(np.interp(x, self._t, np.arange(len(self._t)))))

    def recolour(self) -> None:
        """Also bars, line, cursor and the second scale."""
        super().recolour()
        theme = self.theme
        self._steps.set_colours(mix(theme.base, theme.data, 0.4), theme.base, theme.accent, theme.muted)
        self._curve.setPen(pg.mkPen(theme.text, width=2))
        self._line.setPen(pg.mkPen(theme.accent, width=1))
        self._scale.setPen(pg.mkPen(theme.border))
        self._scale.setTextPen(pg.mkPen(theme.text))

    def refont(self) -> None:
        """Also the button."""
        super().refont()
        self._fit_edit()

    def _fit_edit(self) -> None:
        self.edit.setMaximumWidth(self.edit.fontMetrics().horizontalAdvance("Edit…") + 12)

    def _show_noise(self, there: bool) -> None:
        """Line and scale of g, which a model without noise has not."""
        self._curve.setVisible(there)
        self.plot.showAxis("right", there and len(self._t) > 1)
        self.set_words("Time grid", CAPTION if there else WITHOUT)

    def _make_edit(self) -> QToolButton:
        """The way to the grid editor."""
        edit = QToolButton(self)
        edit.setText("Edit…")
        edit.setToolTip("Open the grid editor, where steps are dragged, or close it")
        edit.setAccessibleName("Edit the time grid")
        # As the "?" beside it
        edit.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        edit.clicked.connect(self.edit_wanted)
        self.header.insertWidget(self.header.count() - 1, edit)
        return edit

    def _make_scale(self) -> pg.AxisItem:
        """The scale of g, which does not follow the box."""
        left, scale = self.plot.getAxis("left"), self.plot.getAxis("right")
        scale.unlinkFromView()
        left.setLabel("Δt")
        scale.setLabel("g")
        return scale

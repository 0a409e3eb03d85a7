"""How far the forward cloud is from the backward cloud at every step."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal

from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.gui.drawing.axes import next_limits
from dnf_studio.gui.drawing.help import Help
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.theme import mix
from dnf_studio.gui.drawing.words import node_at
from dnf_studio.workers.frames import Frame
from dnf_studio.workers.marginals import Comparison

HELP = Help(
    "the marginals",
    "At each step the sliced Wasserstein distance between all forward and all backward points, in standardised units "
    "whatever places are written in, for a direction through several components has the unit of none. "
    "A well-trained model has it near the floor, the dashed line: what two sets of so many points of one "
    "distribution differ by on average; chance alone leaves the band at about one step in ten. A rise towards the "
    "data says where samples go astray. A click moves the time cursor.",
    (
        "SWD<sub>i</sub>² = mean over directions θ of W₂²(θ·x<sub>i</sub> forward, θ·x<sub>i</sub> backward)",
        "W₂² = mean of (a<sub>(k)</sub> − b<sub>(k)</sub>)² over the points, both sorted",
    ),
    "forward points by (11), backward points by (12), or by (17) for another λ",
)
Array = NDArray[np.float64]
NONE = np.empty(0)
CAPTION = "Distance of both clouds, sliced Wasserstein, standardised, and its floor."
PAIRED = (
    "Distance of both clouds, which share their noise end, and its floor. Pairs are nearer to each other than that: it "
    "is what chance leaves between clouds that have nothing in common."
)


class MarginalsPlot(Plot):
    """Sliced Wasserstein distance of both marginals over the steps, above what chance alone makes of it.

    Dashed is the floor, the mean of that; the band reaches as far as chance goes at nine steps in ten. Shows the
    last comparison, which follows the frames at some distance. A click goes to the step.
    """

    step_clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__(
            "Marginals",
            CAPTION,
            "Open a model or press Train, and the distance between both clouds is shown here for every step.",
            help_=HELP,
        )

    def add_parts(self) -> None:
        """Add curve, floor, band and cursor."""
        self._distance, self._floor, self._highest = NONE, NONE, NONE
        self._request: SampleSettings | None = None
        self._limits: tuple[float, float] | None = None
        self._position = 0.0
        self._band, self._dashed, self._curve = pg.PlotCurveItem(), pg.PlotCurveItem(), pg.PlotCurveItem()
        self._line, self._dot = pg.InfiniteLine(angle=90), pg.ScatterPlotItem(size=9)
        for item in (self._band, self._dashed, self._line, self._curve, self._dot):
            self.plot.addItem(item, ignoreBounds=True)
        self.box.setMouseEnabled(x=False, y=False)
        self._show()

    def set_frame(self, frame: Frame | None) -> None:
        """Another number of steps waits for its own comparison; None empties the plot."""
        if frame is None or len(frame.t) != len(self._distance):
            self._distance, self._floor, self._highest = NONE, NONE, NONE
            self._show()

    def set_comparison(self, found: Comparison) -> None:
        """Show these distances."""
        fresh = found.frame.request != self._request or not len(self._distance)
        self._request = found.frame.request
        self.set_words("Marginals", PAIRED if found.frame.paired else CAPTION)
        rows = found.marginals
        self._distance, self._floor, self._highest = rows.distance, rows.floor, rows.highest
        both = np.concatenate([self._distance, self._highest])
        self._limits = next_limits(None if fresh else self._limits, both[np.isfinite(both)])
        self._show()

    def set_cursor(self, position: float) -> None:
        """Set off the node next to `position` (node units, 0 … N)."""
        self._position = position
        if not len(self._distance):
            self.set_note("")
            return
        step = int(np.clip(node_at(position), 0, len(self._distance) - 1))
        distance, floor = float(self._distance[step]), float(self._floor[step])
        self._line.setValue(step)
        if not np.isfinite(distance):
            self._dot.setData([], [])
            self.warn(f"step {step}: no finite points", "no finite points")
            return
        self._dot.setData([step], [distance])
        here = f"distance {distance:.3f}"
        self.set_note(f"step {step}: {here}, floor {floor:.3f}", f"{here}, floor {floor:.3f}", here)

    def reset_view(self) -> None:
        """All steps within the smoothed limits."""
        low, high = self._limits or (0.0, 1.0)
        steps = max(1, len(self._distance) - 1)
        self.box.setRange(xRange=(-0.02 * steps, 1.02 * steps), yRange=(low, high), padding=0)

    def clicked_at(self, x: float, y: float) -> None:
        """Go to the step next to the pointer."""
        if len(self._distance):
            self.step_clicked.emit(int(np.clip(round(x), 0, len(self._distance) - 1)))

    def recolour(self) -> None:
        """Also curve, band and cursor."""
        super().recolour()
        theme = self.theme
        self._dashed.setPen(pg.mkPen(theme.floor, style=Qt.PenStyle.DashLine))
        self._band.setPen(pg.mkPen(None))
        self._band.setBrush(pg.mkBrush(mix(theme.base, theme.floor, 0.16)))
        self._curve.setPen(pg.mkPen(theme.text, width=2))
        self._line.setPen(pg.mkPen(theme.accent, width=1))
        self._dot.setPen(pg.mkPen(theme.base))
        self._dot.setBrush(pg.mkBrush(theme.accent))

    def _show(self) -> None:
        shown = bool(len(self._distance))
        self.set_empty(not shown)
        steps = np.arange(len(self._distance), dtype=np.float64)
        self._band.setData(steps, np.nan_to_num(self._highest, posinf=0.0), fillLevel=0.0)
        self._dashed.setData(steps, self._floor, connect="finite")
        self._curve.setData(steps, self._distance, connect="finite")
        self._line.setVisible(shown)
        self._dot.setVisible(shown)
        self.reset_view()
        self.set_cursor(self._position)

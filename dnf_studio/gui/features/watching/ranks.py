"""The loss of each process of a run that several train."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from dnf_studio.core.training.record import StepReport
from dnf_studio.gui.drawing.help import Help
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.telling import Numbers, Sign

MEMORY = 50
"""Lines of the record that the curves are averaged over, fewer at the beginning, as the loss is."""
MOST_POINTS = 2000
MOST_CURVES = 6
"""Curves with a colour of their own; those of further ranks are grey."""
MOST_NOTED = 4
"""Ranks whose numbers stand in the title."""
Array = NDArray[np.float64]
HELP = Help(
    "losses by rank",
    "Where several processes train one model, each has a part of every batch. The curves are the mean loss of each "
    "part, smoothed as the loss is. Parts are drawn alike, so the curves differ by chance alone: one that stays above "
    "the others has other rows, such as a file that differs on its machine.",
    (
        "loss = Σ<sub>r</sub> n<sub>r</sub> loss<sub>r</sub> / Σ<sub>r</sub> n<sub>r</sub>, "
        "n<sub>r</sub> the points of rank r",
    ),
    "formats.md, section 11, ranks; a loss is that of (13), or of its kind of model",
)
INVITATION = "Only a run that several processes train has losses by rank."


class RanksPlot(Plot):
    """A curve for each rank, smoothed; thinned out as the run goes on, so that it stays quick."""

    def __init__(self) -> None:
        super().__init__("Losses by rank", "The loss of each process, smoothed.", INVITATION, help_=HELP)

    def add_parts(self) -> None:
        """Begin without curves."""
        self._curves: list[pg.PlotCurveItem] = []
        self._means: Array = np.empty(0)
        self._points: list[tuple[int, Array]] = []
        self._seen = 0
        self._stride = 1
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setToolTip("The colour of each rank")
        self._caption_row.addWidget(self.legend)
        self.title_axis("bottom", "Iteration")

    @property
    def ranks(self) -> int:
        """How many processes there are."""
        return len(self._means)

    def clear(self) -> None:
        """Forget the curves, for another run."""
        for curve in self._curves:
            self.plot.removeItem(curve)
        self._curves, self._points, self._means = [], [], np.empty(0)
        self._seen, self._stride = 0, 1
        self.legend.clear()
        self._draw()

    def append(self, reports: Sequence[StepReport]) -> None:
        """Take up reports in order; those without ranks are passed over, and with another number it begins anew."""
        for report in reports:
            if not report.ranks:
                continue
            losses = np.array(report.ranks)
            if len(losses) != self.ranks:
                self._begin(losses)
            if self._points and report.iteration <= self._points[-1][0]:
                self._points = [point for point in self._points if point[0] < report.iteration]
            self._means = self._means + (losses - self._means) / min(MEMORY, 1 + self._seen / 8)
            self._seen += 1
            if self._seen % self._stride == 0:
                self._points.append((report.iteration, self._means))
        while len(self._points) > MOST_POINTS:
            self._points, self._stride = self._points[1::2], 2 * self._stride
        self._draw()

    def signs(self) -> Sequence[Sign]:
        """The colour of each rank, as far as each has its own."""
        named = [Sign(f"rank {rank}", self._colour(rank)) for rank in range(min(self.ranks, MOST_CURVES))]
        rest = [Sign(f"ranks {MOST_CURVES} to {self.ranks - 1}", self.theme.muted)] if self.ranks > MOST_CURVES else []
        return named + rest

    def numbers(self) -> Numbers | None:
        """The curves as they are drawn."""
        if not self._points:
            return None
        values = np.array([means for _, means in self._points])
        columns = {f"rank {rank}": values[:, rank] for rank in range(self.ranks)}
        return Numbers({"iteration": np.array([iteration for iteration, _ in self._points]), **columns})

    def recolour(self) -> None:
        """Also the curves."""
        super().recolour()
        for rank, curve in enumerate(self._curves):
            curve.setPen(pg.mkPen(self._colour(rank), width=2 if rank < MOST_CURVES else 1))
        named = {rank: self._colour(rank) for rank in range(self.ranks)[:MOST_CURVES]}
        marks = (f'<span style="color: {colour}">■</span> {rank}' for rank, colour in named.items())
        self.legend.setText("&nbsp; ".join(marks))

    def _colour(self, rank: int) -> str:
        return self.theme.curves[rank] if rank < min(MOST_CURVES, len(self.theme.curves)) else self.theme.muted

    def _begin(self, losses: Array) -> None:
        self.clear()
        self._means = losses
        self._curves = [pg.PlotCurveItem() for _ in losses]
        # The coloured ones lie over the grey ones
        for curve in reversed(self._curves):
            self.plot.addItem(curve, ignoreBounds=True)
        self.recolour()

    def _draw(self) -> None:
        self.set_empty(not self._points)
        if not self._points:
            self.set_note("")
            return
        x = np.array([iteration for iteration, _ in self._points], float)
        values = np.array([means for _, means in self._points])
        for curve, losses in zip(self._curves, values.T, strict=True):
            curve.setData(x, losses)
        later = values[len(values) // 6 :]
        low, high = float(later.min()), float(later.max())
        margin = max(0.08 * (high - low), 0.02)
        self.box.setRange(xRange=(0, max(x[-1], 50)), yRange=(low - margin, high + margin), padding=0)
        spread = float(np.ptp(values[-1]))
        told = " · ".join(f"{rank}: {value:.3f}" for rank, value in enumerate(values[-1])).replace("-", "−")
        self.set_note(told if self.ranks <= MOST_NOTED else f"{self.ranks} ranks, apart by {spread:.3f}")

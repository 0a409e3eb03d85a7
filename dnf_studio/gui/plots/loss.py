"""Loss over iterations and the floor under it."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from dnf_studio.core.training.report import StepReport
from dnf_studio.gui.plots.base import Plot
from dnf_studio.gui.plots.curve import LossCurve
from dnf_studio.gui.theme import mix

__all__ = ["LossPlot"]


class LossPlot(Plot):
    """The bound of every batch, faint, and smoothed; the entropy of the data as its floor, dashed.

    Follows the run until wheel or drag choose another range; a double click follows it again.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Loss: bound on the NLL",
            "The bound of every batch, and its floor.",
            "Press Train, and the loss falls here towards its floor.",
            parent,
            topic="loss",
        )
        self._curve = LossCurve()
        self._floor: float | None = None
        self._following = True
        self._raw, self._smooth = pg.PlotCurveItem(), pg.PlotCurveItem()
        self._line = pg.InfiniteLine(angle=0)
        self._label = pg.InfLineLabel(self._line, "", position=0.98, anchors=[(1, 1), (1, 1)])
        for item in (self._raw, self._smooth, self._line):
            self.plot.addItem(item, ignoreBounds=True)
        self._line.hide()
        self.box.sigRangeChangedManually.connect(self._range_chosen)
        self.recolour()

    @property
    def smoothed(self) -> float | None:
        """The last value of the smoothed curve, nats, or None while there is none."""
        return self._curve.smoothed

    def append(self, reports: Sequence[StepReport]) -> None:
        """Add iterations, in order."""
        if reports:
            self._curve.extend((report.iteration, report.loss) for report in reports)
            self._refresh()

    def set_floor(self, floor: float | None) -> None:
        """The exact entropy, nats, or None where unknown."""
        if floor != self._floor:
            self._floor = floor
            self._refresh()

    def clear(self) -> None:
        """Forget the curve, for a new run."""
        self._curve = LossCurve()
        self._following = True
        self._refresh()

    def reset_view(self) -> None:
        """Follow the run again."""
        self._following = True
        low, high = self._curve.limits(self._floor)
        last = float(self._curve.iterations[-1]) if len(self._curve.iterations) else 0.0
        first = float(self._curve.iterations[0]) if len(self._curve.iterations) else 0.0
        begin = 0.0 if first < 0.5 * last else first
        self.box.setRange(xRange=(begin, max(last, begin + 50)), yRange=(low, high), padding=0)

    def recolour(self) -> None:
        """Also curves and floor."""
        super().recolour()
        if hasattr(self, "_label"):
            theme = self.theme
            self._raw.setPen(pg.mkPen(mix(theme.data, theme.base, 0.62)))
            self._smooth.setPen(pg.mkPen(theme.text, width=2))
            self._line.setPen(pg.mkPen(theme.floor, style=pg.QtCore.Qt.PenStyle.DashLine))
            self._label.setColor(theme.floor)

    def _refresh(self) -> None:
        curve, floor = self._curve, self._floor
        self.set_empty(not len(curve.iterations))
        self._raw.setData(curve.iterations.copy(), curve.raw.copy())
        self._smooth.setData(curve.iterations.copy(), curve.smooth.copy())
        self._line.setVisible(floor is not None and bool(len(curve.iterations)))
        if floor is not None:
            self._line.setValue(floor)
            self._label.setFormat(f"floor {floor:.3f}".replace("-", "−"))
        if curve.smoothed is None:
            self.set_note("")
        else:
            self.set_note(f"{curve.smoothed:.3f} nats".replace("-", "−"))
        if self._following:
            self.reset_view()

    @Slot(object)
    def _range_chosen(self, _: object) -> None:
        self._following = False

"""Sliced Wasserstein distances of samples over N or over λ, above what chance alone makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.plots.base import Plot
from dnf_studio.gui.plots.log_axis import number_ticks

if TYPE_CHECKING:
    from dnf_studio.core.exploration.variants import Variant

__all__ = ["DistancePlot", "LevelsPlot", "QualityPlot"]


class DistancePlot(Plot):
    """Distance to data as a curve with its dashed floor, and to a reference where there is one."""

    picked = Signal(int)
    """Which of the rows is next to a click."""

    def __init__(self, title: str, caption: str, empty: str, parent: QWidget | None = None) -> None:
        super().__init__(title, caption, empty, parent, topic="quality")
        self._rows: Sequence[Variant] = ()
        self._chosen: int | None = None
        self._data, self._reference = (pg.PlotDataItem(symbol=symbol, symbolSize=7) for symbol in ("o", "s"))
        self._floor, self._line = pg.PlotCurveItem(), pg.InfiniteLine(angle=90)
        for item in (self._line, self._floor, self._reference, self._data):
            self.plot.addItem(item, ignoreBounds=True)
        self._line.hide()
        self.box.setMouseEnabled(x=False, y=False)
        self.recolour()

    def place(self, row: Variant) -> float:
        """Where `row` is along the axis."""
        raise NotImplementedError

    def name(self, row: Variant) -> str:
        """What `row` is called in the note."""
        raise NotImplementedError

    def show_rows(self, rows: Sequence[Variant], chosen: int | None) -> None:
        """Draw `rows` and set off number `chosen` of them."""
        self._rows, self._chosen = rows, chosen
        self.set_empty(not rows)
        x = np.array([self.place(row) for row in rows], np.float64)
        data = [row.to_data.value if row.to_data is not None else np.nan for row in rows]
        floor = [row.to_data.floor if row.to_data is not None else np.nan for row in rows]
        other = [row.to_reference.value if row.to_reference is not None else np.nan for row in rows]
        if not np.isfinite(floor).any():
            floor = [row.to_reference.floor if row.to_reference is not None else np.nan for row in rows]
        for item, y in ((self._data, data), (self._reference, other)):
            kept = np.isfinite(y)
            item.setData(x[kept], np.array(y, np.float64)[kept])
        self._floor.setData(*self._widened(x, floor), connect="finite")
        self._top = max([0.01, *(v for v in (*data, *floor, *other) if np.isfinite(v))])
        self._line.setVisible(chosen is not None and chosen < len(rows))
        if chosen is not None and chosen < len(rows):
            self._line.setValue(x[chosen])
        self._say()
        self.reset_view()

    def reset_view(self) -> None:
        """All points, from 0."""
        if self._rows:
            left, right = self.ends()
            self.box.setRange(xRange=(left, right), yRange=(-0.03 * self._top, 1.12 * self._top), padding=0)

    def ends(self) -> tuple[float, float]:
        """The range across; sets what is written there."""
        raise NotImplementedError

    def clicked_at(self, x: float, y: float) -> None:
        """Choose the row next to the pointer."""
        if self._rows:
            self.picked.emit(min(range(len(self._rows)), key=lambda k: abs(self.place(self._rows[k]) - x)))

    def recolour(self) -> None:
        """Also curves and floor."""
        super().recolour()
        if hasattr(self, "_line"):
            theme = self.theme
            for item, colour in ((self._data, theme.backward), (self._reference, theme.text)):
                item.setPen(pg.mkPen(colour, width=2))
                item.setSymbolBrush(pg.mkBrush(colour))
                item.setSymbolPen(pg.mkPen(theme.base))
            self._floor.setPen(pg.mkPen(theme.floor, style=Qt.PenStyle.DashLine))
            self._line.setPen(pg.mkPen(theme.accent, width=1))

    def _widened(self, x: object, floor: Sequence[float]) -> tuple[list[float], list[float]]:
        """The floor is seen with a single point, too."""
        places = list(np.asarray(x, np.float64))
        if not places:
            return [], []
        left, right = self.ends()
        return [left, *places, right], [floor[0], *floor, floor[-1]]

    def _say(self) -> None:
        if self._chosen is None or self._chosen >= len(self._rows):
            self.set_note("")
            return
        row = self._rows[self._chosen]
        if row.to_data is None:
            self.set_note("" if len(row.samples) else f"{self.name(row)}: samples left the finite numbers")
            return
        here = f"SWD {row.to_data.value:.3f}"
        outside = "" if row.outside is None else f", {100 * row.outside:.1f}% outside"
        whole = f"{self.name(row)}: {here}, floor {row.to_data.floor:.3f}"
        self.set_note(whole + outside, whole, f"{self.name(row)}: {here}", here)


class QualityPlot(DistancePlot):
    """Samples of each N against data."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Quality by N",
            "Debiased sliced Wasserstein distance of 2 × 20,000 samples to fresh data; dashed is the floor.",
            "Compute compares the samples of each N with data.",
            parent,
        )

    def place(self, row: Variant) -> float:
        return float(np.log10(row.settings.steps or 1))

    def name(self, row: Variant) -> str:
        return f"N = {row.settings.steps}"

    def ends(self) -> tuple[float, float]:
        numbers = [row.settings.steps or 1 for row in self._rows]
        left, right = float(np.log10(min(numbers))) - 0.06, float(np.log10(max(numbers))) + 0.06
        self.plot.getAxis("bottom").setTicks([number_ticks(numbers, left, right)])
        return left, right


class LevelsPlot(DistancePlot):
    """Samples of each λ against data and against those of λ = 1."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Distance by λ",
            "Debiased sliced Wasserstein distance to data (round) and to the samples of λ = 1 (square); dashed: floor.",
            "Compute compares the samples of each λ.",
            parent,
        )

    def place(self, row: Variant) -> float:
        return float(row.settings.lam)

    def name(self, row: Variant) -> str:
        return f"λ = {row.settings.lam:g}"

    def ends(self) -> tuple[float, float]:
        self.plot.getAxis("bottom").setTicks([[(v, f"{v:g}") for v in (0, 0.5, 1, 1.5, 2)]])
        return -0.06, 2.06

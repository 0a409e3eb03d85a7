"""The quality of samples over N or over what they cost, of one model and of others that were kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.drawing.axes import number_ticks
from dnf_studio.gui.drawing.distances import (
    AXES,
    MARKS,
    Axis,
    Cost,
    DistanceCurve,
    cost_of,
    padded,
    row_of,
    short_count,
    span_of,
)
from dnf_studio.gui.drawing.telling import Numbers, Sign, long_table
from dnf_studio.gui.features.lab.distance_plot import DistancePlot
from dnf_studio.gui.workspace.curves import KeptCurve

if TYPE_CHECKING:
    from dnf_studio.core.exploration.variants import Variant


class QualityPlot(DistancePlot):
    """Samples of each N against data."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Quality by N",
            "Debiased SWD of 40,000 samples to data, 95% intervals; hollow under the dashed line: not told apart.",
            "Compute compares the samples of each N with data.",
            parent,
        )

    def add_parts(self) -> None:
        """Begin without kept curves."""
        super().add_parts()
        self._curves: Sequence[KeptCurve] = ()
        self._axis: Axis = "steps"
        self._lines: dict[int, DistanceCurve] = {}

    def show_kept(self, curves: Sequence[KeptCurve], axis: Axis) -> None:
        """Draw these curves beside the rows of the next `show_rows`, over N or over what a sample costs."""
        self._curves, self._axis = curves, axis

    def show_rows(self, rows: Sequence[Variant], chosen: int | None) -> None:
        """Also the kept curves."""
        super().show_rows(rows, chosen)
        for curve in self._curves:
            if curve.slot not in self._lines:
                self._lines[curve.slot] = DistanceCurve(self.plot, MARKS[curve.slot][1], 8)
                self.recolour()
        known = {curve.slot: curve.rows for curve in self._curves}
        for slot, line in self._lines.items():
            kept = known.get(slot, ())
            line.show([self._at(cost) for cost, _ in kept], [found for _, found in kept])
        self.set_empty(not (rows or self._curves))
        self.plot.getAxis("bottom").setLabel(AXES[self._axis][1])
        self.title_axis("bottom", AXES[self._axis][1] or "Number of steps N")
        self.reset_view()

    def reset_view(self) -> None:
        """All points of all curves and their intervals."""
        if self._rows or self._curves:
            kept = span_of([found for curve in self._curves for _, found in curve.rows])
            span = min(kept[0], self._span[0]), max(kept[1], self._span[1])
            self.box.setRange(xRange=self.ends(), yRange=padded(span), padding=0)

    def signs(self) -> Sequence[Sign]:
        """Also the kept curves, by their names."""
        return [*super().signs(), *(Sign(curve.name, self.theme.curves[curve.slot]) for curve in self._curves)]

    def numbers(self) -> Numbers | None:
        """Also those of the kept curves, each with its name, and what a sample costs."""
        own = [("", cost_of(row), row.to_data) for row in self._rows]
        kept = [(curve.name, cost, found) for curve in self._curves for cost, found in curve.rows]
        named = [(name, cost, one) for name, cost, one in (*own, *kept) if one is not None]
        parts = [{"curve": name, **cost._asdict(), **row_of("data", one)} for name, cost, one in named]
        return long_table(parts) if parts else None

    def number(self, row: Variant) -> float:
        return float(row.settings.steps or 1)

    def recolour(self) -> None:
        """Also the kept curves."""
        super().recolour()
        for slot, line in getattr(self, "_lines", {}).items():
            line.recolour(self.theme.curves[slot], self.theme.base, 1.5)

    def place(self, row: Variant) -> float:
        return self._at(cost_of(row))

    def name(self, row: Variant) -> str:
        return f"N = {row.settings.steps}"

    def ends(self) -> tuple[float, float]:
        costs = [*map(cost_of, self._rows), *(cost for curve in self._curves for cost, _ in curve.rows)]
        numbers = sorted({getattr(cost, self._axis) for cost in costs})
        # Qt leaves out a label that does not lie within the axis
        room = 0.02 * max(3, len(short_count(numbers[-1])))
        left, right = float(np.log10(numbers[0])) - room, float(np.log10(numbers[-1])) + room
        self.plot.getAxis("bottom").setTicks([number_ticks(numbers, left, right, short_count)])
        return left, right

    def _at(self, cost: Cost) -> float:
        return float(np.log10(getattr(cost, self._axis)))

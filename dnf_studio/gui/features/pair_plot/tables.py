"""What the pair plot tells beside its picture: its legend, its table, and the cell under the pointer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dnf_studio.gui.drawing.point_plot import PointPlot
from dnf_studio.gui.drawing.telling import Numbers, Sign, column_name, in_units, long_table
from dnf_studio.gui.drawing.theme import SECOND
from dnf_studio.gui.drawing.units import Units
from dnf_studio.gui.features.pair_plot.cells import direction_of
from dnf_studio.gui.features.pair_plot.matrix import PairLayer


class PairTables(PointPlot):
    """A plot with a `PairLayer`, whose content it tells."""

    layer: PairLayer
    _units: Units

    def explain(self, x: float, y: float) -> str:
        """The cell at a place of the plot in one sentence; nothing beside the cells."""
        content, cell = self.layer.content, self.layer.cells.at(x, y)
        if cell is None or not content.components:
            return ""
        up, across = (self._units.title(content.components[k]) for k in cell)
        if cell[0] == cell[1]:
            per = "data unit" if self._units.of_data else "standardised unit"
            return f"The marginal density of {up}, per {per}: forward and backward points in 40 bins."
        if names := content.names_in(*cell):
            own = {name: f"{self._letter_of(name)}{direction_of(name)}" for name in names}
            return f"{up} up, {across} across: {' and '.join(own.values())} points."
        return f"Pearson’s correlation of {up} and {across}, of the points that are shown."

    def signs(self) -> Sequence[Sign]:
        """Both directions, as far as they are shown and have the one colour, and a second model that has its own."""
        content, two = self.layer.content, self._compared
        if content.split and not two:
            return []
        own = [name for name in content.points if not name.startswith(SECOND)]
        signs = [Sign(name, self.theme.direction(name), "dot") for name in own]
        return [*signs, Sign("B", self.theme.second, "dot")] if two and not content.halves else signs

    def numbers(self) -> Numbers | None:
        """The points at the time cursor with all components that are shown."""
        content, parts = self.layer.content, list[dict[str, object]]()
        for name, points in content.points.items():
            rows = np.flatnonzero(np.isfinite(points).all(axis=1))
            columns = {
                column_name(content.units.title(k)): in_units(points[rows, at], content.units.map_of(k))
                for at, k in enumerate(content.components)
            }
            model = {"model": self._letter_of(name).strip()} if self._compared else {}
            parts.append({**model, "direction": direction_of(name), "point": rows, **columns})
        return long_table(parts) if parts else None

    @property
    def _compared(self) -> bool:
        """Whether there are points of a second model."""
        return any(name.startswith(SECOND) for name in self.layer.content.points)

    def _letter_of(self, name: str) -> str:
        """A or B and a space, where there are both."""
        return ("B " if name.startswith(SECOND) else "A ") if self._compared else ""

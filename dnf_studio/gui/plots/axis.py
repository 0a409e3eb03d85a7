"""The axes of a plot."""

from __future__ import annotations

import pyqtgraph as pg

__all__ = ["Axis", "axes"]


class Axis(pg.AxisItem):  # type: ignore[misc]
    """An axis whose label is laid out only when it is another one.

    pyqtgraph does so with every range, pen and size, even of the empty label of an axis that is hidden, a few hundred
    times before the window is there.
    """

    _written = ""

    def _updateLabel(self) -> None:
        html = self.labelString()
        if self.labelText and html != self._written:
            self._written = html
            super()._updateLabel()
        else:
            self._adjustSize()
            self.picture = None
            self.update()


def axes() -> dict[str, Axis]:
    """For each side of a plot its axis."""
    return {side: Axis(side) for side in ("left", "bottom", "top", "right")}

"""A curve of debiased distances: intervals, hollow marks for what is not told apart, and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtGui import QBrush, QColor

if TYPE_CHECKING:
    from dnf_studio.core.evaluation.distances import Distance

__all__ = ["DistanceCurve", "ends_of", "in_brackets", "signed", "told", "told_of"]

Places = NDArray[np.float64]


class DistanceCurve:
    """Distances as points with their 95% intervals; those that are not told apart from 0 are hollow."""

    def __init__(self, plot: pg.PlotItem, symbol: str, size: int) -> None:
        self._line = pg.PlotDataItem(symbol=symbol, symbolSize=size)
        self._bars = pg.ErrorBarItem(x=np.zeros(0), y=np.zeros(0), top=np.zeros(0), bottom=np.zeros(0), beam=0)
        self._colours = QColor(), QColor()
        self.apart: list[bool] = []
        """Which of the points shown are not hollow."""
        for item in (self._bars, self._line):
            plot.addItem(item, ignoreBounds=True)

    def show(self, x: Sequence[float], found: Sequence[Distance | None]) -> None:
        """Distances at these places, None where there is none."""
        known = [(at, one) for at, one in zip(x, found, strict=True) if one is not None]
        self.apart = [one.told_apart is not False for _, one in known]
        places, values = np.array([at for at, _ in known], float), np.array([one.value for _, one in known], float)
        low, high = (np.array([ends_of(one)[k] for _, one in known], float) for k in (0, 1))
        self._line.setData(places, values, symbolBrush=self._brushes())
        self._bars.setData(x=places, y=values, top=high - values, bottom=values - low)

    def getData(self) -> tuple[Places | None, Places | None]:
        """Places and values, as of a `PlotDataItem`."""
        found: tuple[Places | None, Places | None] = self._line.getData()
        return found

    def recolour(self, colour: str, base: str, width: float) -> None:
        """Line and marks in `colour`, hollow ones filled with `base`."""
        self._colours = QColor(colour), QColor(base)
        self._line.setPen(pg.mkPen(colour, width=width))
        self._line.setSymbolPen(pg.mkPen(colour))
        self._bars.setData(pen=pg.mkPen(colour, width=1))
        if self.apart:
            self._line.setData(*self._line.getData(), symbolBrush=self._brushes())

    def _brushes(self) -> list[QBrush]:
        full, hollow = (pg.mkBrush(colour) for colour in self._colours)
        return [full if apart else hollow for apart in self.apart]


def ends_of(one: Distance) -> tuple[float, float]:
    """The ends of its interval, itself where there is none."""
    return (one.value if one.low is None else one.low), (one.value if one.high is None else one.high)


def told(one: Distance) -> str:
    """The distance to data with its error, and whether it is one, in words."""
    if one.error is None:
        return f"SWD {signed(one.value)}, error unknown"
    return f"SWD {signed(one.value)} ± {one.error:.3f}, {told_of(one)}"


def told_of(one: Distance) -> str:
    """What is said of a distance to data with an interval, in words."""
    return {"equal": "equal to the data", "told apart": "told apart from the data"}.get(one.word or "", "unresolved")


def in_brackets(found: Distance | None) -> str:
    """The distance with its error, in brackets where it is not told apart from what it is measured to."""
    if found is None:
        return "–"
    text = signed(found.value) if found.error is None else f"{signed(found.value)} ± {found.error:.3f}"
    return f"({text})" if found.told_apart is False else text


def signed(value: float, digits: int = 3) -> str:
    """The number with a minus sign where it is negative, not a hyphen."""
    return f"{value:.{digits}f}".replace("-", "−")

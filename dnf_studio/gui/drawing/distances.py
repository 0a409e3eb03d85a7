"""Distances of samples to data as curves: their intervals, what is told apart from 0, what they are drawn over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtGui import QBrush, QColor

if TYPE_CHECKING:
    from dnf_studio.core.evaluation.distances import Distance
    from dnf_studio.core.exploration.variants import Variant

MARKS = (("▲", "t1"), ("■", "s"), ("◆", "d"), ("▼", "t"), ("✚", "+"), ("★", "star"))
"""How kept curves are marked, in words and in the plot, besides their colours."""


Axis = Literal["steps", "evaluations", "multiply_adds"]
AXES: dict[Axis, tuple[str, str | None]] = {
    "steps": ("N", None),
    "evaluations": ("evaluations", "network evaluations"),
    "multiply_adds": ("multiply-adds", "multiply-adds a sample"),
}
"""What quality is drawn over: in a word, and as it stands under the plot."""


class Cost(NamedTuple):
    """What a sample costs, one number for each of `AXES`."""

    steps: int
    evaluations: int
    multiply_adds: int


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
    word = {"equal": "equal to the data", "told apart": "told apart from the data"}.get(one.word or "", "unresolved")
    return f"SWD {signed(one.value)} ± {one.error:.3f}, {word}"


def in_brackets(found: Distance | None) -> str:
    """The distance with its error, in brackets where it is not told apart from what it is measured to."""
    if found is None:
        return "–"
    text = signed(found.value) if found.error is None else f"{signed(found.value)} ± {found.error:.3f}"
    return f"({text})" if found.told_apart is False else text


def signed(value: float, digits: int = 3) -> str:
    """The number with a minus sign where it is negative, not a hyphen."""
    return f"{value:.{digits}f}".replace("-", "−")


def span_of(found: Sequence[Distance | None]) -> tuple[float, float]:
    """From the least to the greatest end of their intervals and resolutions, around 0."""
    known = [one for one in found if one is not None]
    ends = [end for one in known for end in (*ends_of(one), one.resolution or 0.0)]
    return min([-0.001, *ends]), max([0.01, *ends])


def padded(span: tuple[float, float]) -> tuple[float, float]:
    low, high = span
    return low - 0.04 * (high - low), high + 0.1 * (high - low)


def cost_of(row: Variant) -> Cost:
    return Cost(row.settings.steps or 1, row.evaluations, row.multiply_adds)


def short_count(number: int) -> str:
    """A count as it is, in millions (M) or in thousand millions (G)."""
    for unit, letter in ((10**9, "G"), (10**6, "M")):
        if 10 * number >= unit:
            return f"{number / unit:.3g} {letter}"
    return str(number)


def row_of(to: str, one: Distance) -> dict[str, object]:
    """A distance as a row of a table; what is not known of it is empty."""
    low, high = ends_of(one)
    values = {"distance": one.value, "error": one.error, "low": low, "high": high, "resolution": one.resolution}
    numbers = {f"{name} [model units]": "" if value is None else float(value) for name, value in values.items()}
    return {"to": to, **numbers, "verdict": one.word or ""}

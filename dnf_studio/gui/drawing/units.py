"""How places are written: standardised, as everything is drawn, or in the units of the data; and axes that do it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Slot

from dnf_studio.gui.drawing.words import component_name

Array = NDArray[np.float64]
MOST_DIGITS = 11
"""Numbers of more digits are written with a power of ten."""


@dataclass(frozen=True)
class Units:
    """The data units of component k are mean[k] + scale[k] × standardised ones; where both are empty, these stay.

    What is drawn is never converted, only what is written beside it: densities, distances and angles on the screen
    are those of the model, and a change of units moves nothing.
    """

    columns: tuple[str, ...] = ()
    """What the data calls its components, perhaps with their units."""
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    @property
    def of_data(self) -> bool:
        """Whether places are written in the units of the data."""
        return bool(self.scale)

    def map_of(self, component: int) -> tuple[float, float]:
        """What is added to a number of this component, and what it is multiplied by before that."""
        if component < len(self.scale):
            return self.mean[component], self.scale[component]
        return 0.0, 1.0

    def title(self, component: int) -> str:
        """The component at an axis: ``x₂  girth [cm]``, or that and ``, standardised``."""
        name = component_name(component, self.columns)
        return name if component < len(self.scale) else f"{name}, standardised"

    def written(self, component: int, places: Sequence[float], finer: float = 1.0) -> tuple[str, ...]:
        """Standardised `places` of one component as numbers with true minus signs.

        Their decimals tell two neighbours from each other, or what is so many times `finer`.
        """
        mean, scale = self.map_of(component)
        values = [mean + scale * place for place in places]
        apart = min((abs(b - a) for a, b in pairwise(values)), default=abs(scale))
        return tuple(_number(value, apart / finer).replace("-", "−") for value in values)

    def log_volume(self, components: Sequence[int]) -> float:
        """ln of the data units' volume of a unit of standardised volume: what a log-density is lower by in them."""
        return math.fsum(math.log(self.map_of(component)[1]) for component in components)


STANDARDISED = Units()


class UnitAxis(pg.AxisItem):  # type: ignore[misc]
    """An axis whose numbers are mean + scale × the place along it, at places where they are round."""

    def __init__(self, side: str) -> None:
        super().__init__(side)
        self._mean, self._scale = 0.0, 1.0
        self.geometryChanged.connect(self._draw_anew)

    @Slot()
    def _draw_anew(self) -> None:
        """In another place: Qt would go on with the picture that it has, the numbers cut off at its old edge."""
        self.picture, mode = None, self.cacheMode()
        self.setCacheMode(self.CacheMode.NoCache)
        self.setCacheMode(mode)

    def set_unit(self, mean: float, scale: float) -> None:
        """Write these numbers from now on."""
        if (mean, scale) != (self._mean, self._scale):
            self._mean, self._scale = mean, scale
            self.picture = None
            self.update()

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        """Round numbers of the unit, as places along the axis; called by pyqtgraph."""
        if (self._mean, self._scale) == (0.0, 1.0):
            found: list[tuple[float, list[float]]] = super().tickValues(minVal, maxVal, size)
            return found
        ends = (self._mean + self._scale * end for end in (minVal, maxVal))
        return [
            (spacing / self._scale, [(value - self._mean) / self._scale for value in values])
            for spacing, values in super().tickValues(*ends, size)
        ]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """The numbers at `values`; called by pyqtgraph."""
        if (self._mean, self._scale) == (0.0, 1.0):
            found: list[str] = super().tickStrings(values, scale, spacing)
            return found
        return [_number(self._mean + self._scale * value, self._scale * spacing) for value in values]


def round_places(low: float, high: float, unit: tuple[float, float], most: int) -> tuple[float, ...]:
    """At most `most` places from `low` to `high` where mean + scale × place is round; `unit` is mean and scale."""
    mean, scale = unit
    first, last = mean + scale * low, mean + scale * high
    power = 10.0 ** math.floor(math.log10((last - first) / most))
    found: tuple[float, ...] = ()
    for step in (power * part for part in (1, 2, 5, 10, 20, 50)):
        numbers = range(math.ceil(first / step), math.floor(last / step) + 1)
        if len(numbers) > most:
            # Every other one, where the next step would leave one alone or none
            numbers = range(2 * math.ceil(first / step / 2), math.floor(last / step) + 1, 2)
        if len(found) < len(numbers) <= most:
            found = tuple((number * step - mean) / scale for number in numbers)
    return found


def _number(value: float, apart: float) -> str:
    """`value` in as many decimals as tell it from another one `apart`."""
    decimals = max(0, math.ceil(-math.log10(max(abs(apart), 1e-300)) - 1e-9))
    digits = decimals + len(str(int(abs(value)))) if abs(value) < 1e15 else MOST_DIGITS + 1
    if digits > MOST_DIGITS:
        return f"{value:.6g}"
    # What is 0 but for rounding
    return f"{value if abs(value) > abs(apart) / 1000 else 0.0:.{decimals}f}"

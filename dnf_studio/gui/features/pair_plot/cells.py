"""Where the cells of a pair plot are, and what they show: points of both directions, one component over another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QTransform

from dnf_studio.gui.drawing.theme import DIRECTIONS, SECOND
from dnf_studio.gui.drawing.units import STANDARDISED, Units

BINS = 40
GAP, EDGE = 3.0, 6.0
FEWEST = 20
"""Fewer points have no correlation that would say anything."""
Array = NDArray[np.float32]
Cell = tuple[int, int]
"""Row and column, from the upper left."""


@dataclass(frozen=True)
class Cells:
    """Where the cells are: `count` rows and columns within an area, pixels, with room for numbers beside them."""

    area: QRectF = field(default_factory=QRectF)
    count: int = 0
    left: float = 0.0
    below: float = 0.0
    above: float = 0.0

    def rect(self, row: int, column: int) -> QRectF:
        """The place of one cell."""
        wide, high = self.size
        x = self.area.left() + self.left + column * (wide + GAP)
        return QRectF(x, self.area.top() + self.above + row * (high + GAP), wide, high)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of a cell."""
        gaps = GAP * (self.count - 1)
        wide = (self.area.width() - self.left - EDGE - gaps) / max(1, self.count)
        high = (self.area.height() - self.below - self.above - gaps) / max(1, self.count)
        return max(1.0, wide), max(1.0, high)

    def at(self, x: float, y: float) -> Cell | None:
        """Row and column of the cell at a place; None beside all."""
        for row in range(self.count):
            for column in range(self.count):
                if self.rect(row, column).contains(x, y):
                    return row, column
        return None


@dataclass(frozen=True, eq=False)
class Content:
    """What the cells show: points of both directions at the time cursor, and what there is to write beside them."""

    components: tuple[int, ...] = ()
    points: Mapping[str, Array] = field(default_factory=dict)
    """By direction that is shown, with `SECOND` before it those of the second model, (P, n), standardised; NaN for
    those that are left out."""
    chosen: Mapping[str, NDArray[np.intp]] = field(default_factory=dict)
    half: tuple[float, ...] = ()
    """Component k reaches from −half[k] to half[k]."""
    units: Units = STANDARDISED
    split: bool = False
    """Whether forward points are below the diagonal and backward ones above it: colours of labels are those of both,
    and so is that of the second model."""
    halves: bool = False
    """Whether the second model is above the diagonal and the first one below it."""

    def names_in(self, row: int, column: int) -> tuple[str, ...]:
        """Whose points are in one cell: on the diagonal they are counted, not drawn."""
        if row == column:
            return ()
        below, names = row > column, tuple(self.points)
        if self.halves:
            return tuple(name for name in names if name.startswith(SECOND) != below)
        if self.split and len({direction_of(name) for name in names}) == len(DIRECTIONS):
            return tuple(name for name in names if direction_of(name) == DIRECTIONS[0 if below else 1])
        return names if below else ()

    def transform(self, rect: QRectF, row: int, column: int) -> QTransform:
        """From standardised places, the column's across and the row's up, to pixels."""
        across, up = rect.width() / (2 * self.half[column]), -rect.height() / (2 * self.half[row])
        return QTransform(across, 0, 0, up, rect.center().x(), rect.center().y())

    def plane(self, direction: str, row: int, column: int) -> Array:
        """The points (P, 2) of one cell."""
        return np.ascontiguousarray(self.points[direction][:, [column, row]])


def direction_of(name: str) -> str:
    """The process that points of this name are of."""
    return name.removeprefix(SECOND)


def histogram(values: Array, half: float, bins: int = BINS) -> NDArray[np.float64]:
    """The density of `values` per standardised unit in `bins` parts from −half to half.

    What is no number counts nowhere; what lies farther out counts in the whole.
    """
    known = values[np.isfinite(values)]
    counts, _ = np.histogram(known, bins, (-half, half))
    density: NDArray[np.float64] = counts / max(1, len(known)) * (bins / (2 * half))
    return density


def correlation(plane: Array) -> str:
    """Pearson's r of points (P, 2) in two decimals; nothing where there are few or one does not vary."""
    known = plane[np.isfinite(plane).all(axis=1)].astype(np.float64)
    if len(known) < FEWEST:
        return ""
    across, up = (known - known.mean(axis=0)).T
    spread = float(np.sqrt((across @ across) * (up @ up)))
    return f"{float(across @ up) / spread:.2f}".replace("-", "−") if spread > 0 else ""

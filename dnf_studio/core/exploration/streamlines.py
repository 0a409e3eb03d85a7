"""Streamlines of a field on a regular grid: lines along it, about as far apart everywhere.

Lines from evenly spread seeds are integrated all at once and both ways, at unit speed, through the
bilinear interpolation of the field. Then one after the other, always in the same order, they are laid
down: each ends where an earlier one is near, and a seed too near to one is left out. Long lines come
first, from few seeds, and shorter ones fill what is left (after Jobard and Lefer, "Creating
Evenly-Spaced Streamlines of Arbitrary Density", 1997, who place one seed at a time). Seeds and order do
not depend on the field, so lines change only where it does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnf_studio.errors import SettingError

ROUNDS = ((3.0, 0.8), (1.0, 0.4))
"""Distance of the seeds in those of the lines, and how long half a line may be in sides of the rectangle."""
STEP = 0.5
"""Length of a step in distances of the lines; a line has a point at the middle of each too."""
CELL = 0.25
"""Side of a cell that knows whether a line is near to it."""
NEAR, FAR = 2, 4
"""Cells around a line that no other one enters, and in which none begins."""
FEWEST_POINTS = 11
"""A shorter line says nothing."""
LAG = 10
"""Points after which a line that is back where it was, within a step, has gone round."""
MOST_CELLS = 1 << 18
NOTHING = 1e-9
"""Share of the longest vector's length; a shorter vector has no direction."""
GOLDEN = 0.6180339887498949
Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Streamlines:
    """Polylines in coordinates of the plane, each along the field."""

    points: Array
    """(K, 2), line after line."""
    starts: NDArray[np.intp]
    """(L+1,): line l is ``points[starts[l]:starts[l + 1]]``."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    def line(self, place: int) -> Array:
        """The points of one line, (M, 2)."""
        return self.points[self.starts[place] : self.starts[place + 1]]

    def reversed(self) -> Streamlines:
        """The same lines run through the other way, those of the negative field."""
        return Streamlines(self.points[::-1], len(self.points) - self.starts[::-1])


def streamlines(
    x: Array, y: Array, vectors: Array, extent: tuple[float, float, float, float], apart: float
) -> Streamlines:
    """Lines of `vectors` (R, C, 2), at the evenly spaced x (C,) and y (R,), within `extent`, `apart` from each other.

    `extent` is left, bottom, right and top. Between two lines there are at least half of `apart` but where they
    come together. A line ends where the field is nothing or not finite. Raises `SettingError` for a
    field of fewer than two places a side or a distance that cannot be.
    """
    left, bottom, right, top = extent
    size = complex(right - left, top - bottom)
    if min(len(x), len(y)) < 2 or vectors.shape != (len(y), len(x), 2):
        raise SettingError("Streamlines need a field of at least two places a side.")
    if not (apart > 0 and size.real > 0 and size.imag > 0) or size.real * size.imag > MOST_CELLS * (CELL * apart) ** 2:
        raise SettingError("Streamlines need a rectangle with an area and a distance that fits it.")
    field, origin, occupied = _Bilinear(x, y, vectors), complex(left, bottom), _OccupiedCells(size, CELL * apart)
    lines: list[Complex] = []
    for spread, reach in ROUNDS:
        seeds = _seeds(size, spread * apart)
        seeds = seeds[occupied.free(seeds)]
        if len(seeds):
            steps = int(np.ceil(reach * max(size.real, size.imag) / (STEP * apart)))
            lines += occupied.add(*_traced(field, origin, seeds, STEP * apart, steps))
    lengths = [len(line) for line in lines]
    points = np.concatenate([*lines, np.empty(0, np.complex128)]) + origin
    return Streamlines(np.stack([points.real, points.imag], axis=1), np.cumsum([0, *lengths], dtype=np.intp))


class _Bilinear:
    """The direction of a field anywhere, as complex numbers of length 1; 0 where it has none."""

    def __init__(self, x: Array, y: Array, vectors: Array) -> None:
        values: Complex = vectors[..., 0] + 1j * vectors[..., 1]
        a, b, c, d = values[:-1, :-1], values[:-1, 1:], values[1:, :-1], values[1:, 1:]
        with np.errstate(invalid="ignore"):
            cells = np.stack([a, b - a, c - a, a - b - c + d]).reshape(4, -1)
        self._cells = np.where(np.isfinite(cells).all(axis=0), cells, 0)
        self._corner, self._scale = (float(x[0]), float(y[0])), (1 / float(x[1] - x[0]), 1 / float(y[1] - y[0]))
        self._columns, self._rows = len(x) - 1, len(y) - 1
        self._least = NOTHING * float(np.abs(self._cells[0]).max()) + np.finfo(float).tiny

    def at(self, z: Complex) -> Complex:
        """Directions at the places z; beyond the outermost places the outermost cells go on."""
        u, v = (z.real - self._corner[0]) * self._scale[0], (z.imag - self._corner[1]) * self._scale[1]
        i = np.minimum(np.maximum(u, 0), self._columns - 1).astype(np.intp)
        j = np.minimum(np.maximum(v, 0), self._rows - 1).astype(np.intp)
        u -= i
        v -= j
        j *= self._columns
        a, b, c, d = self._cells.take(i + j, axis=1)
        value: Complex = a + b * u + (c + d * u) * v
        length = np.abs(value)
        value *= (length > self._least) / np.maximum(length, self._least)
        return value


class _OccupiedCells:
    """The cells of a rectangle that have a line near them."""

    def __init__(self, size: complex, cell: float) -> None:
        self._size, self._cell = size, cell
        # A margin, so that what is near to the edge needs no question
        self._width = int(np.ceil(size.real / cell)) + 2 * FAR + 1
        count = self._width * (int(np.ceil(size.imag / cell)) + 2 * FAR + 1)
        # Python reads them one by one; views of the same memory mark and read many at once
        self._near, self._far = bytearray(count), bytearray(count)
        self._views = [np.frombuffer(taken, np.uint8) for taken in (self._near, self._far)]
        self._discs = [_disc(radius, self._width) for radius in (NEAR, FAR)]

    def free(self, seeds: Complex) -> NDArray[np.bool_]:
        """Whether each of `seeds` has a whole distance to every line."""
        taken: NDArray[np.bool_] = self._views[1][self._cells_of(seeds)].astype(np.bool_)
        return ~taken

    def add(self, ahead: Complex, behind: Complex) -> list[Complex]:
        """The lines whose halves are `ahead` and `behind` (S+1, n), both from the seeds on, cut where they meet others;
        their cells become occupied."""
        lines = []
        halves = [(self._cells_of(half), self._blocks_of(half), self._inside(half)) for half in (ahead, behind)]
        for k in range(ahead.shape[1]):
            if self._far[halves[0][0][0, k]]:
                continue
            own: dict[complex, int] = {}
            sides = [(cells[: end[k], k].tolist(), blocks[: end[k], k].tolist()) for cells, blocks, end in halves]
            there, back = (self._free_length(*side, own, way) for side, way in zip(sides, (1, -1), strict=True))
            if there + back - 1 < FEWEST_POINTS:
                continue
            self._take(np.concatenate([halves[0][0][:there, k], halves[1][0][:back, k]]))
            lines.append(np.concatenate([behind[1:back, k][::-1], ahead[:there, k]]))
        return lines

    def _free_length(self, cells: list[int], blocks: list[complex], own: dict[complex, int], way: int) -> int:
        """How many of `cells` a line may go through before it meets another; `own` holds the point at which it came to
        each block, and grows."""
        for step, (cell, block) in enumerate(zip(cells, blocks, strict=True)):
            if self._near[cell] or abs(own.setdefault(block, way * step) - way * step) > LAG:
                return max(1, step)
        return max(1, len(cells))

    def _take(self, cells: NDArray[np.intp]) -> None:
        for taken, disc in zip(self._views, self._discs, strict=True):
            taken[cells[:, None] + disc] = 1

    def _cells_of(self, z: Complex) -> NDArray[np.intp]:
        """The number of the cell of each place; any of them for one outside."""
        column, row = np.clip(z.real, 0, self._size.real) / self._cell, np.clip(z.imag, 0, self._size.imag) / self._cell
        cells: NDArray[np.intp] = (row.astype(np.intp) + FAR) * self._width + column.astype(np.intp) + FAR
        return cells

    def _blocks_of(self, z: Complex) -> Complex:
        """The square of each place whose side is a step."""
        side = self._cell * STEP / CELL
        blocks: Complex = np.floor(z.real / side) + 1j * np.floor(z.imag / side)
        return blocks

    def _inside(self, half: Complex) -> NDArray[np.intp]:
        """For how many steps each line (S+1, n) stays in the rectangle."""
        inside = (half.real >= 0) & (half.real <= self._size.real) & (half.imag >= 0) & (half.imag <= self._size.imag)
        # A line that stands still has come to an end
        inside[1:] &= half[1:] != half[:-1]
        counts: NDArray[np.intp] = np.where(inside.all(axis=0), len(half), inside.argmin(axis=0))
        return counts


def _disc(radius: int, width: int) -> NDArray[np.intp]:
    """What to add to the number of a cell, of rows `width` long, for every cell around it."""
    row, column = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    steps: NDArray[np.intp] = (row * width + column)[row**2 + column**2 <= radius * (radius + 2)]
    return steps


def _seeds(size: complex, apart: float) -> Complex:
    """Middles of cells about `apart` wide, in an order that jumps about, always the same."""
    across, up = (max(1, round(length / apart)) for length in (size.real, size.imag))
    x, y = (np.arange(across) + 0.5) * (size.real / across), (np.arange(up) + 0.5) * (size.imag / up)
    seeds: Complex = (x + 1j * y[:, None]).ravel()
    return seeds[np.argsort(np.arange(len(seeds)) * GOLDEN % 1, kind="stable")]


def _traced(field: _Bilinear, origin: complex, seeds: Complex, step: float, count: int) -> tuple[Complex, Complex]:
    """`count` steps of Runge and Kutta's method of fourth order from `seeds` (n,), on and back: (2 count + 1, n) each.

    The middles are those of the cubic with the places and directions at both ends.
    """
    n = len(seeds)
    path = np.empty((2 * count + 1, 2 * n), np.complex128)
    path[0] = np.tile(seeds, 2)
    h, z = np.repeat([step, -step], n), path[0] + origin
    a = field.at(z)
    for k in range(count):
        b = field.at(z + 0.5 * h * a)
        c = field.at(z + 0.5 * h * b)
        there = z + h / 6 * (a + 2 * (b + c) + field.at(z + h * c))
        ahead = field.at(there)
        path[2 * k + 1] = 0.5 * (z + there) + 0.125 * h * (a - ahead) - origin
        path[2 * k + 2] = there - origin
        z, a = there, ahead
    return path[:, :n], path[:, n:]

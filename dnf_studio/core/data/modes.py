"""Which part of a built-in set a point belongs to: its ring, Gaussian, moon, arm, square or class."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.dataset import Dataset, LabelledDataset
from dnf_studio.core.data.solids import GaussianMixture, LinkedRings
from dnf_studio.core.data.toy2d import Checkerboard, EightGaussians, Moons, Rings, TwoSpirals

Points = NDArray[np.float64]
ARM_NODES = 160
"""Points that stand for the curve of a spiral's arm, about 0.1 apart: a tenth of the distance between the arms."""
CHUNK = 4096
"""Points compared with those nodes at once."""


def mode_count(dataset: Dataset | None) -> int:
    """How many parts the set has; 0 of one part, of a file without labels or of unknown data."""
    if isinstance(dataset, Rings):
        return len(dataset.centres) if len(dataset.centres) > 1 else 0
    if isinstance(dataset, GaussianMixture | LinkedRings):
        return len(dataset.centres)
    if isinstance(dataset, LabelledDataset):
        return len(dataset.class_names)
    return next((count for kind, (count, _) in _SETS.items() if isinstance(dataset, kind)), 0)


def mode_names(dataset: Dataset | None) -> tuple[str, ...]:
    """What the parts are called: classes by their names, others by their numbers from 1."""
    if isinstance(dataset, LabelledDataset):
        return dataset.class_names
    return tuple(str(k + 1) for k in range(mode_count(dataset)))


def modes_of(dataset: Dataset, x: NDArray[np.floating]) -> NDArray[np.intp] | None:
    """The number of the nearest part (n,) of points `x` (n, D) in data units, or None where there are no parts.

    Nearest by the distance to the part itself, for points on and beside the data; of recorded rows the
    part is the class of the nearest one. A point that is not finite has −1.
    """
    if not mode_count(dataset):
        return None
    points = np.asarray(x, np.float64)
    known = np.isfinite(points).all(axis=1)
    found = np.full(len(points), -1, np.intp)
    if isinstance(dataset, Rings):
        found[known] = np.abs(_apart(points[known], dataset.centres.numpy()) - 1).argmin(axis=1)
    elif isinstance(dataset, GaussianMixture):
        found[known] = _apart(points[known], dataset.centres).argmin(axis=1)
    elif isinstance(dataset, LinkedRings):
        found[known] = dataset.distances(points[known]).argmin(axis=1)
    elif isinstance(dataset, LabelledDataset):
        found[known] = dataset.nearest_class(points[known])
    else:
        nearest = next(way for kind, (_, way) in _SETS.items() if isinstance(dataset, kind))
        found[known] = nearest(points[known])
    return found


def _apart(x: Points, centres: Points) -> Points:
    """Distances (n, K)."""
    distance: Points = np.linalg.norm(x[:, None] - centres, axis=-1)
    return distance


def _gaussian(x: Points) -> NDArray[np.intp]:
    angle = np.arctan2(x[:, 1], x[:, 0])
    turned: NDArray[np.intp] = np.rint(angle / (math.pi / 4)).astype(np.intp) % 8
    return turned


def _square(x: Points) -> NDArray[np.intp]:
    centres = np.array(Checkerboard.SQUARES) + 1
    nearest: NDArray[np.intp] = np.abs(x[:, None] - centres).max(axis=-1).argmin(axis=1)
    return nearest


def _moon(x: Points) -> NDArray[np.intp]:
    """The half circles of radius 2: the upper one about (−1, −0.2), the lower one about (1, 0.8)."""
    upper, lower = x - (-1.0, -0.2), (x - (1.0, 0.8)) * (1, -1)
    nearest: NDArray[np.intp] = np.stack([_half_circle(half) for half in (upper, lower)], axis=1).argmin(axis=1)
    return nearest


def _half_circle(x: Points) -> Points:
    """Distance (n,) to the upper half of the circle of radius 2 about 0."""
    to_ends = np.hypot(np.abs(x[:, 0]) - 2, x[:, 1])
    distance: Points = np.where(x[:, 1] >= 0, np.abs(np.hypot(x[:, 0], x[:, 1]) - 2), to_ends)
    return distance


def _arm(x: Points) -> NDArray[np.intp]:
    n = np.sqrt(np.linspace(0, 1, ARM_NODES)) * 3 * math.pi
    arm = (np.stack([-n * np.cos(n), n * np.sin(n)], axis=1) + 0.25) / 3
    squares, found = (arm**2).sum(axis=1), np.zeros(len(x), np.intp)
    for start in range(0, len(x), CHUNK):
        # ‖x − a‖² without ‖x‖², which both arms share; the other arm is −a
        part = 2 * x[start : start + CHUNK]
        product = part[:, :1] * arm[:, 0] + part[:, 1:] * arm[:, 1]
        found[start : start + CHUNK] = (squares - product).min(axis=1) > (squares + product).min(axis=1)
    return found


_SETS: dict[type[Dataset], tuple[int, Callable[[Points], NDArray[np.intp]]]] = {
    EightGaussians: (8, _gaussian),
    Moons: (2, _moon),
    TwoSpirals: (2, _arm),
    Checkerboard: (len(Checkerboard.SQUARES), _square),
}

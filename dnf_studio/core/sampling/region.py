"""A region of a view: which samples end in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dnf_studio.core.data.dataset import Standardisation

Array = NDArray[np.float32]
MOST_CORNERS = 100_000


@dataclass(frozen=True)
class Region:
    """The samples whose two coordinates in a view, of model units, lie in a polygon; raises `SettingError`."""

    corners: tuple[tuple[float, float], ...]
    """The corners of the polygon, closed by the even-odd rule."""
    axes: tuple[tuple[float, ...], tuple[float, ...]]
    """The directions of the view's axes, (2, D): a coordinate is the product with a sample, in model units, …"""
    offset: tuple[float, float] = (0.0, 0.0)
    """… plus this."""
    names: tuple[str, str] = ("", "")
    """What the view calls its axes."""

    def __post_init__(self) -> None:
        numbers = [*(x for pair in self.corners for x in pair), *self.axes[0], *self.axes[1], *self.offset]
        if not 3 <= len(self.corners) <= MOST_CORNERS or not np.isfinite(numbers).all():
            raise SettingError("A region is a polygon of at least three corners; encircle one in a view.")

    @classmethod
    def encircled(
        cls,
        corners: NDArray[np.float64],
        dim: int,
        axes: tuple[int, int],
        names: Sequence[str],
        principal: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None,
    ) -> Region:
        """The polygon (K, 2) as it is drawn on two of `dim` components, or on the first of the `principal` axes (K, D),
        beside which stands what is their origin (D,).
        """
        directions: NDArray[np.floating] = np.eye(dim)[list(axes)]
        offset: NDArray[np.floating] = np.zeros(2)
        if principal is not None and len(principal[1]) == dim:
            directions = principal[0][:2]
            offset = -(directions @ principal[1])
            names = ("principal component 1", "principal component 2")
        (across, up), (x, y) = (tuple(map(tuple, directions.tolist())), offset.tolist())
        return cls(tuple(map(tuple, corners.tolist())), (across, up), (x, y), (names[0], names[1]))

    def contains(self, samples: Array, units: Standardisation) -> NDArray[np.bool_]:
        """Which of `samples` (n, D), data units, end in it."""
        import torch

        axes = np.array(self.axes)
        if axes.shape[1] != samples.shape[1]:
            raise SettingError(
                f"The region is one of {axes.shape[1]} components, and the samples have {samples.shape[1]}; encircle "
                "another."
            )
        x = units.to_model(torch.from_numpy(samples).double()).numpy()
        with np.errstate(over="ignore", invalid="ignore"):
            return inside_polygon(x @ axes.T + np.array(self.offset), np.array(self.corners))


def inside_polygon(points: NDArray[Any], polygon: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which of `points` (P, 2) lie inside the closed `polygon` (K, 2), by the even-odd rule.

    A point is inside where a ray to its left crosses an odd number of edges. Points are sorted by
    height, so that each edge looks only at those between its ends: the cost is about that of the
    sort, whatever K is. Points that are not finite are outside.
    """
    inside = np.zeros(len(points), bool)
    corners = np.asarray(polygon, np.float64)
    if len(corners) < 3:
        return inside
    (left, low), (right, high) = corners.min(axis=0), corners.max(axis=0)
    across, up = (np.ascontiguousarray(points[:, k], np.float64) for k in (0, 1))
    near = np.flatnonzero((across >= left) & (across <= right) & (up >= low) & (up <= high))
    order = near[np.argsort(up[near])]
    x, y = across[order], up[order]
    odd = np.zeros(len(order), bool)
    ends = np.roll(corners, -1, axis=0)
    # An edge holds its lower end and not its upper one, so that a corner counts once
    first, last = np.sort(np.searchsorted(y, [corners[:, 1], ends[:, 1]], side="left"), axis=0)
    for (x1, y1), (x2, y2), a, b in zip(corners, ends, first, last, strict=True):
        if a < b:
            odd[a:b] ^= x[a:b] > x1 + (y[a:b] - y1) * ((x2 - x1) / (y2 - y1))
    inside[order[odd]] = True
    return inside

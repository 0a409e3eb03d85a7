"""Which two coordinates of the points a view shows, what they are called, and what was encircled in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.exploration.projection import PrincipalComponents
from dnf_studio.core.sampling.region import Region
from dnf_studio.gui.drawing import words
from dnf_studio.gui.drawing.units import STANDARDISED, Units

__all__ = ["ShownPlane"]

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ShownPlane:
    """A pair of components, or the first two principal ones; two of them are the same only if they are one object."""

    axes: tuple[int, int] = (0, 1)
    """Components across and up."""
    principal: PrincipalComponents | None = None
    """Shown in their place."""

    def of(self, points: Array) -> Array:
        """The two coordinates of `points` (…, D), (…, 2)."""
        if self.principal is not None and len(self.principal.mean) == points.shape[-1]:
            return self.principal.project(points)
        # A copy of 50,000 paths would take 12 ms a frame
        both = self.axes == (0, 1) and points.shape[-1] == 2
        return points if both else np.ascontiguousarray(points[..., list(self.axes)])

    def titles(self, units: Units) -> list[tuple[str, tuple[float, float]]]:
        """What is across and what is up, and how its numbers are written."""
        if self.principal is None:
            return [(units.title(k), units.map_of(k)) for k in self.axes]
        # A direction through all components has the unit of none
        shares = enumerate(self.principal.explained)
        plain = STANDARDISED.map_of(0)
        return [(f"{words.principal_name(k, float(share))}, standardised", plain) for k, share in shares][:2]

    def encircled(self, corners: NDArray[np.float64], dim: int, columns: tuple[str, ...]) -> Region:
        """What lies within `corners` (K, 2), of data of `dim` components with these names."""
        names = [words.component_name(k, columns) for k in self.axes]
        principal = None if self.principal is None else (self.principal.axes, self.principal.mean)
        return Region.encircled(corners, dim, self.axes, names, principal)

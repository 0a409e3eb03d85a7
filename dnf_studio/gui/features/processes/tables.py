"""What the views of both processes show as tables, and the names and units of a plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.exploration.projection import PrincipalComponents
from dnf_studio.gui.drawing.layers.trails import at_position
from dnf_studio.gui.drawing.telling import Numbers, column_name, in_units, long_table
from dnf_studio.gui.drawing.units import STANDARDISED, Units
from dnf_studio.gui.drawing.words import principal_name

__all__ = ["NamedAxes", "named_axes", "path_table", "point_table"]

Array = NDArray[np.float32]
NamedAxes = Sequence[tuple[str, tuple[float, float]]]
"""What is across and up, each with its unit (`Units.map_of`)."""


def named_axes(axes: tuple[int, int], units: Units, principal: PrincipalComponents | None) -> NamedAxes:
    """The names of the two components `axes` in `units`, or of the first two `principal` ones."""
    if principal is None:
        return [(units.title(k), units.map_of(k)) for k in axes]
    # A direction through all components has the unit of none
    names = (principal_name(k, float(share)) for k, share in enumerate(principal.explained[:2]))
    return [(f"{name}, standardised", STANDARDISED.map_of(0)) for name in names]


def point_table(planes: Array, position: float, t: Array, axes: NamedAxes) -> Numbers:
    """The points of `planes` (N+1, P, 2) at `position`, in node units, without those that are not finite there."""
    points = at_position(planes, position)
    rows = np.flatnonzero(np.isfinite(points).all(axis=1))
    now = float(np.interp(position, np.arange(len(t)), t))
    named = {column_name(name): in_units(points[rows, k], unit) for k, (name, unit) in enumerate(axes)}
    return Numbers({"point": rows, "t": np.full(len(rows), now), **named})


def path_table(values: Mapping[str, Array], t: Array, name: str, unit: tuple[float, float]) -> Numbers:
    """Paths (N+1, P) of each direction node by node, a row each, without those that are not finite; `t` is (N+1,).

    `name` is the title of the axis that they are drawn along, `unit` its unit.
    """
    parts: list[dict[str, object]] = []
    for direction, rows in values.items():
        kept = np.flatnonzero(np.isfinite(rows).all(axis=0))
        parts.append(
            {
                "direction": direction,
                "path": np.repeat(kept, len(t)),
                "node": np.tile(np.arange(len(t)), len(kept)),
                "t": np.tile(t, len(kept)),
                column_name(name): in_units(rows[:, kept].T.ravel(), unit),
            }
        )
    return long_table(parts)

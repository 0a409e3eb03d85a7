"""What the views of both processes show, as tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dnf_studio.gui.drawing.layers.trails import at_position
from dnf_studio.gui.drawing.telling import Numbers, column_name, in_units, long_table
from dnf_studio.gui.features.processes.time_header import NamedAxes

__all__ = ["path_table", "point_table"]

Array = NDArray[np.float32]


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

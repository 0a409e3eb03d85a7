"""Tables of a path made by hand."""

from __future__ import annotations

import numpy as np

from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.exploration.inspect import PointTable
from dnf_studio.core.sde.sample_settings import Direction
from dnf_studio.workers.frames import Inspection, InspectRequest
from tests.views import viewed


def table_of(steps: int = 10, dim: int = 2, seed: int = 0, direction: Direction = "forward") -> PointTable:
    """Random numbers in the right shapes."""
    random = np.random.default_rng(seed)
    nodes, rows = (random.standard_normal((3, steps + 1, dim)), random.standard_normal((2, steps, dim)))
    t, g = np.linspace(0.001, 0.05, steps + 1), np.full(steps + 1, 0.2)
    return PointTable(direction, t, g, *nodes, *rows, random.standard_normal(steps))


def inspection_of(point: int, table: PointTable | None = None) -> Inspection:
    """The answer for `point`; data units are ten times model units."""
    found = table or table_of()
    units = Standardisation((0.0,) * found.x.shape[1], (10.0,) * found.x.shape[1])
    return Inspection(InspectRequest(point, found.direction), 1, viewed(), found, units)

"""Grids given by their nodes: fractions 0 = u_0 < … < u_N = 1 of the way from t_0 to T. Needs no torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dnf_studio.config.grids import LEAST_STEP, Nodes
from dnf_studio.errors import SettingError

Array = NDArray[np.float64]
S_CURVE = ((0, 1e-4), (0.1, 0.05), (0.2, 0.10), (0.4, 0.6), (0.7, 0.93), (0.9, 0.98), (1, 1))
"""What the spline y(u) goes through."""
AWAY = 1 + 1e-9
"""Factor on the least step, so that sums of steps, rounded, stay at `LEAST_STEP` or above."""


def interpolate(nodes: ArrayLike, steps: int, least: float = LEAST_STEP) -> Array:
    """The nodes (N+1,) of a grid with N = `steps`: u as a function of i/N, linear between the given nodes.

    No step becomes shorter than `least`, a fraction of the whole. Raises `SettingError` where N
    such steps are longer than the whole.
    """
    given = np.asarray(nodes, np.float64)
    if steps == len(given) - 1:
        return _apart(given, least)
    places = np.linspace(0, 1, len(given))
    return _apart(np.interp(np.linspace(0, 1, steps + 1), places, given), least)


def nodes_of(times: ArrayLike) -> Nodes:
    """Rising times (N+1,) as nodes; steps too short for nodes become as short as they can be."""
    t = np.asarray(times, np.float64)
    return tuple(_apart((t - t[0]) / (t[-1] - t[0]), LEAST_STEP).tolist())


def s_curve(steps: int) -> Array:
    """(N+1,) the reference program's S-curve, its times (Σ_{j≤i} y_j + t_start) T / (Σ y + t_start) as fractions.

    y is the not-a-knot cubic spline of method.md, section 5 at u = linspace(1e-4, 1, N+1). Between its own ends
    the formula is exactly that; its own first time is (y_0 + t_start) T / (Σ y + t_start), not t_start.
    """
    u, y = np.array(S_CURVE, np.float64).T
    total = np.cumsum(_basis(np.linspace(1e-4, 1, steps + 1)) @ np.linalg.solve(_basis(u), y))
    fractions: Array = (total - total[0]) / (total[-1] - total[0])
    return fractions


def change_step(nodes: Nodes, step: int, length: float, everywhere: bool = False) -> Nodes:
    """The nodes with u_{i+1} − u_i = `length` for i = `step`, as near as can be; the whole stays 1.

    Its neighbours give or take in proportion to their lengths, those further away only once the
    nearer ones are as short as they can be; `everywhere` all other steps do.
    """
    lengths = np.diff(np.asarray(nodes, np.float64))
    count = len(lengths)
    if count == 1:
        return nodes
    least = LEAST_STEP * AWAY
    wanted = float(np.clip(length, least, max(least, 1 - (count - 1) * least)))
    more = wanted - lengths[step]
    reach = count if everywhere else 1
    while True:
        near = np.zeros(count, np.bool_)
        near[max(0, step - reach) : step + reach + 1] = True
        near[step] = False
        spare = np.maximum(lengths[near] - least, 0)
        if more <= spare.sum() or reach >= count:
            break
        reach += 1
    share = spare if more > 0 or spare.sum() > 0 else np.ones_like(spare)
    lengths[near] -= min(more, float(spare.sum())) * share / (share.sum() or 1.0)
    lengths[step] = wanted
    return _nodes(lengths)


def move_node(nodes: Nodes, node: int, place: float) -> Nodes:
    """The nodes with u_i = `place` for i = `node`; raises `SettingError` where it does not fit there."""
    if not 0 < node < len(nodes) - 1:
        raise SettingError("The first and the last node stay where they are.")
    low, high = nodes[node - 1] + LEAST_STEP, nodes[node + 1] - LEAST_STEP
    if not low <= place <= high:
        raise SettingError(f"Node {node} must lie between its neighbours.")
    return (*nodes[:node], place, *nodes[node + 1 :])


def _basis(u: Array) -> Array:
    """(len(u), 7): the cubic splines whose only knots are those that not-a-knot leaves of `S_CURVE`."""
    # Rather than scipy's, whose import would hold up the window
    columns: Array = np.stack(
        [*(u**k for k in range(4)), *(np.maximum(u - knot, 0) ** 3 for knot in (0.2, 0.4, 0.7))], 1
    )
    return columns


def _nodes(lengths: Array) -> Nodes:
    """Steps as nodes, the ends exact."""
    return tuple(_apart(np.concatenate([[0.0], np.cumsum(lengths) / lengths.sum()]), LEAST_STEP).tolist())


def _apart(nodes: Array, least: float) -> Array:
    """`nodes` from 0 to 1 with steps of `least` at least: the longer ones give what the shorter need."""
    nodes = nodes.copy()
    nodes[0], nodes[-1] = 0.0, 1.0
    lengths, count = np.diff(nodes), len(nodes) - 1
    if (lengths >= least).all():
        return nodes
    floor = least * AWAY
    if count * floor >= 1:
        raise SettingError(f"{count:,} steps are too many for times that lie so close together.")
    spare = np.maximum(lengths - floor, 0)
    lengths = floor + spare * ((1 - count * floor) / spare.sum())
    apart = np.concatenate([[0.0], np.cumsum(lengths)])
    apart /= apart[-1]
    return apart

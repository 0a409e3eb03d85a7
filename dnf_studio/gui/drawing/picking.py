"""Which point or path of a view lies under the pointer, in pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QTransform

from dnf_studio.gui.drawing.layers.device import to_device

__all__ = [
    "adds",
    "existing",
    "nearest",
    "nearest_path",
    "nearest_point",
    "sampled",
    "to_pixels",
]

POINT_REACH = 8.0
PATH_REACH = 4.0
Array = NDArray[np.float32]
Rows = NDArray[np.intp]


def adds(modifiers: Qt.KeyboardModifier) -> bool:
    """Whether a click with `modifiers` adds to what is chosen, or takes away from it."""
    return bool(modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier))


def to_pixels(box: pg.ViewBox) -> QTransform:
    """From plot units to the scene's pixels, in which clicks come."""
    return QTransform(box.childGroup.sceneTransform())


def nearest_point(points: Array, transform: QTransform, at: QPointF, reach: float = POINT_REACH) -> int | None:
    """The point of `points` (P, 2), plot units, nearest to `at`; None where all are farther than `reach` pixels."""
    if not len(points):
        return None
    away = to_device(points, transform) - np.array([at.x(), at.y()], np.float32)
    return _least(np.hypot(away[:, 0], away[:, 1]), reach)


def nearest_path(paths: Array, transform: QTransform, at: QPointF) -> int | None:
    """The path of `paths` (N+1, P, 2), plot units, that passes nearest to `at`; None beyond `PATH_REACH` pixels."""
    if len(paths) < 2 or not paths.shape[1]:
        return None
    xy = to_device(paths, transform) - np.array([at.x(), at.y()], np.float32)
    start, step = xy[:-1], np.diff(xy, axis=0)
    with np.errstate(invalid="ignore"):
        way = -(start * step).sum(-1) / np.maximum((step * step).sum(-1), 1e-9)
        away = start + step * np.clip(way, 0, 1)[..., None]
        distances = np.hypot(away[..., 0], away[..., 1])
    return _least(np.where(np.isfinite(distances), distances, np.inf).min(axis=0), PATH_REACH)


def nearest(points: Array | None, paths: Array | None, box: pg.ViewBox, at: QPointF) -> int | None:
    """The point under `at`, scene pixels, or where there is none the path; either may be out of sight, None."""
    found = None if points is None else nearest_point(points, to_pixels(box), at)
    return nearest_path(paths, to_pixels(box), at) if found is None and paths is not None else found


def existing(selection: Sequence[int] | Rows, count: int) -> Rows:
    """The chosen points that a display set of `count` has, in their order."""
    rows = np.asarray(selection, np.intp)
    return rows[rows < count]


def sampled(rows: Rows, most: int) -> Rows:
    """At most `most` of `rows`, evenly spread, with the first and the last."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).round().astype(np.intp)]


def _least(distances: Array, reach: float) -> int | None:
    finite = np.where(np.isfinite(distances), distances, np.inf)
    nearest = int(np.argmin(finite))
    return nearest if finite[nearest] <= reach else None

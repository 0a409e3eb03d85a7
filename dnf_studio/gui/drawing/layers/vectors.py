"""A vector field as arrows, all of them one batch of lines: 1 ms for 32 × 32, or as streamlines.

A length goes with the root of the vector's, so that weak parts of a field are seen beside strong ones. The
longest arrows just do not touch; arrows that would lie too close are thinned out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QTransform

from dnf_studio.gui.drawing.layers.device import StrokesLayer, to_device

if TYPE_CHECKING:
    from dnf_studio.core.exploration.streamlines import Streamlines

TOP = 0.98
"""Quantile of the values that gets the longest arrow or the strongest colour."""
FOLLOW = 0.12
CLOSEST = 15.0
"""Pixels between two arrows."""
LONGEST = 0.95
"""Length of the longest arrow as a share of the distance between two arrows."""
SHORTEST = 1.2
"""Pixels; what is shorter is a dot."""
HEAD = 0.34
MAX_HEAD = 5.0
Array = NDArray[np.float64]
_TURN = np.deg2rad(152.0)
_TURNS = np.array([[np.cos(_TURN), np.sin(_TURN)], [np.cos(_TURN), -np.sin(_TURN)]])
"""Cosine and sine of the two strokes of a head."""
STREAM_HEAD = 5.5
"""Pixels of the head of a streamline."""
HEADS_APART = 40
"""Points of a line from head to head."""
Places = NDArray[np.intp]


class ArrowsLayer(StrokesLayer):
    """Arrows on a regular grid."""

    def __init__(self) -> None:
        super().__init__()
        self._x, self._y, self._vectors = np.empty(0), np.empty(0), np.empty((0, 0, 2))
        self._limit = 0.0

    def set_field(self, x: Array, y: Array, vectors: Array, limit: float) -> None:
        """Show `vectors` (R, C, 2) at the places x (C,) and y (R,); those of the length `limit` are the longest."""
        self._x, self._y, self._vectors, self._limit = x, y, vectors, limit
        self.update()

    def strokes(self, transform: QTransform) -> Array:
        """Shafts and heads."""
        if not self._vectors.size or self._limit <= 0:
            return np.empty((0, 4))
        return arrow_lines(self._x, self._y, self._vectors, self._limit, transform)


def arrow_lines(x: Array, y: Array, vectors: Array, limit: float, transform: QTransform) -> Array:
    """Shafts and heads, (K, 4) device pixels, of the arrows that are neither too close nor not finite.

    Each arrow has its middle at its place; one too short to have a direction is left out.
    """
    apart = _apart(x, transform.m11()), _apart(y, transform.m22())
    strides = [max(1, int(np.ceil(CLOSEST / max(each, 1e-9)))) for each in apart]
    spacing = min(stride * each for stride, each in zip(strides, apart, strict=True))
    starts = [(len(axis) - 1) % stride // 2 for axis, stride in zip((x, y), strides, strict=True)]
    x, y = x[starts[0] :: strides[0]], y[starts[1] :: strides[1]]
    some = vectors[starts[1] :: strides[1], starts[0] :: strides[0]].reshape(-1, 2)
    places = to_device(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32), transform)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        length = np.hypot(some[:, 0], some[:, 1])
        pixels = np.minimum(1.0, np.sqrt(length / limit)) * LONGEST * spacing
        shown = np.isfinite(length) & (pixels >= SHORTEST)
    places, pixels = places[shown].astype(np.float64), pixels[shown, None]
    ways = some[shown] / length[shown, None] * [np.sign(transform.m11()), np.sign(transform.m22())]
    tips = places + 0.5 * pixels * ways
    heads = np.minimum(MAX_HEAD, HEAD * pixels)
    shafts = np.concatenate([tips, places - 0.5 * pixels * ways], axis=1)
    return np.concatenate([shafts, *head_strokes(tips, ways, heads)])


def head_strokes(tips: Array, ways: Array, sizes: Array) -> list[Array]:
    """The two strokes of heads at `tips` (K, 2) that point along the unit vectors `ways`, (K, 4) each."""
    turned = [np.stack([c * ways[:, 0] - s * ways[:, 1], s * ways[:, 0] + c * ways[:, 1]], axis=1) for c, s in _TURNS]
    return [np.concatenate([tips, tips + sizes * stroke], axis=1) for stroke in turned]


def upper_limit(values: Array) -> float:
    """The size that all but a few of `values` stay below; 0 where none is finite."""
    sizes = np.abs(values[np.isfinite(values)])
    return float(np.quantile(sizes, TOP)) if sizes.size else 0.0


def next_limit(limit: float | None, wanted: float) -> float:
    """`limit` on its way to `wanted`: at once where there is none, then an eighth of the way a frame."""
    if limit is None or limit <= 0 or wanted <= 0:
        return wanted
    return float(limit * (wanted / limit) ** FOLLOW)


def _apart(axis: Array, scale: float) -> float:
    """Pixels between two neighbours; far apart where there is one place only."""
    return float(abs(axis[1] - axis[0]) * abs(scale)) if len(axis) > 1 else 1e3


class StreamsLayer(StrokesLayer):
    """Lines with heads."""

    def __init__(self) -> None:
        super().__init__()
        self._points = np.empty((0, 2), np.float32)
        self._steps, self._heads = np.empty(0, np.intp), np.empty(0, np.intp)

    def set_lines(self, lines: Streamlines) -> None:
        """Show `lines`, plot units."""
        self._points = lines.points.astype(np.float32)
        begins = np.ones(len(self._points), np.bool_)
        begins[lines.starts[1:] - 1] = False
        self._steps, self._heads = np.flatnonzero(begins), head_places(lines.starts)
        self.update()

    def strokes(self, transform: QTransform) -> Array:
        """Steps and heads."""
        if not len(self._steps):
            return np.empty((0, 4))
        return stream_lines(self._points, self._steps, self._heads, transform)


def head_places(starts: Places) -> Places:
    """Which points have a head: the middles of equal stretches of each line, one at least."""
    found = []
    for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        count = max(1, round((end - start) / HEADS_APART))
        found += [start + int((k + 0.5) * (end - start) / count) for k in range(count)]
    return np.array(found, np.intp)


def stream_lines(points: NDArray[np.float32], steps: Places, heads: Places, transform: QTransform) -> Array:
    """Steps and strokes of heads, (K, 4) device pixels: a step leads from each of `steps` to the next point."""
    places = to_device(points, transform).astype(np.float64)
    ways = places[np.minimum(heads + 1, len(places) - 1)] - places[heads - 1]
    length = np.hypot(ways[:, 0], ways[:, 1])
    some = length > 0
    tips, ways = places[heads[some]], ways[some] / length[some, None]
    strokes = head_strokes(tips, ways, np.full((len(tips), 1), STREAM_HEAD))
    return np.concatenate([np.concatenate([places[steps], places[steps + 1]], axis=1), *strokes])

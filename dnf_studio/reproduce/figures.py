"""Pictures that stand inside an HTML file: points as PNG, curves as SVG."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLOURS", "MODE_COLOURS", "curves", "points_picture"]

SIDE = 220
REACH = 3.0
"""Half of the range that is shown, standardised units."""
COLOURS = {"diffflow": "#0072b2", "diffusion": "#d55e00", "flow": "#009e73", "data": "#666666"}
"""Of Okabe and Ito, told apart with every kind of colour vision."""
MODE_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999933", "#882255")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 360, 230, 52, 34, 10
MOST_TICKS = 6
Array = NDArray[np.float32]


def points_picture(points: Array, colours: Sequence[str] | str, parts: NDArray[np.intp] | None = None) -> str:
    """Points (n, 2), standardised, as a data URL: in one colour, or each in that of its part (n,)."""
    from PIL import Image, ImageColor

    canvas = np.full((SIDE, SIDE, 3), 255.0)
    scale = SIDE / (2 * REACH)
    place = np.nan_to_num((points.astype(np.float64) + REACH) * scale, nan=-1.0, posinf=-1.0, neginf=-1.0)
    cell = np.floor(np.clip(place, -1, SIDE)).astype(int)
    inside = ((cell >= 0) & (cell < SIDE)).all(axis=1)
    named = [colours] if isinstance(colours, str) else list(colours)
    kinds = np.zeros(len(points), int) if parts is None else np.asarray(parts, int)
    for kind, colour in enumerate(named):
        chosen = cell[inside & (kinds == kind)]
        counts = np.bincount(chosen[:, 1] * SIDE + chosen[:, 0], minlength=SIDE * SIDE).reshape(SIDE, SIDE)
        share = (1 - np.exp(-1.2 * counts))[::-1, :, None]
        canvas = canvas * (1 - share) + np.array(ImageColor.getrgb(colour)) * share
    written = io.BytesIO()
    Image.fromarray(np.rint(canvas).astype(np.uint8)).quantize(64).save(written, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode('ascii')}"


def curves(lines: Mapping[str, Sequence[tuple[float, float]]], across: str, up: str, colours: Mapping[str, str]) -> str:
    """Lines with their points over two logarithmic axes, as SVG; a value of 0 lies on the lower edge."""
    shown = {name: [(x, y) for x, y in line if x > 0] for name, line in lines.items()}
    xs = [x for line in shown.values() for x, _ in line]
    ys = [y for line in shown.values() for _, y in line if y > 0]
    if not xs or not ys:
        return ""
    low, high = _decades(ys)
    ends = min(xs), max(max(xs), 1.01 * min(xs))

    def place(x: float, y: float) -> tuple[float, float]:
        along = math.log(x / ends[0]) / math.log(ends[1] / ends[0])
        height = math.log(max(y, low) / low) / math.log(high / low)
        return LEFT + along * (WIDTH - LEFT - 12), TOP + (1 - height) * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">']
    parts.append(f"<title>{escape(up)} over {escape(across)}</title>")
    for tick in _ticks(low, high):
        _, y = place(ends[0], tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 12}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y + 3:.1f}" text-anchor="end">{tick:g}</text>')
    whole = sorted(set(xs))
    for tick in whole if len(whole) <= MOST_TICKS else _ticks(*ends):
        x, _ = place(tick, low)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(across)}</text>')
    for name, line in shown.items():
        places = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in sorted(line))
        colour = colours[name]
        parts.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for at in places.split():
            across_at, up_at = at.split(",")
            title = f"<title>{escape(name)}</title>"
            parts.append(f'<circle cx="{across_at}" cy="{up_at}" r="3" fill="{colour}">{title}</circle>')
    return "".join([*parts, "</svg>"])


def _decades(values: Sequence[float]) -> tuple[float, float]:
    """Round ends around them, at least a factor of two apart."""
    low, high = min(values), max(values)
    return 10 ** (math.floor(math.log10(low) * 3) / 3), 10 ** (math.ceil(math.log10(high) * 3 + 1e-9) / 3 + 0.1)


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade between them."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [v for k in decades for m in (1, 2, 5) if low <= (v := m * 10.0**k) <= high]

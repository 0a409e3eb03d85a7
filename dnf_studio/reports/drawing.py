"""Curves, bars and clouds as text of SVG; colours may be those of a style sheet, of which dark pages have others."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 360, 230, 52, 34, 10
MOST_TICKS = 6
LINEAR = 0.005
TICKS = (-0.1, -0.05, -0.02, -0.01, -0.005, 0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
WIDE = 560
"""Width of a picture with an axis of iterations or steps."""
SIDE = 132
"""Width and height of a cloud."""
BESIDE = 4
Array = NDArray[np.floating]


class Mark(NamedTuple):
    """A point of a curve, the ends of its interval where there is one, and whether it is told apart from 0."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    apart: bool = True


def curves(lines: Mapping[str, Sequence[Mark]], across: str, up: str, colours: Mapping[str, str]) -> str:
    """Lines with their points and intervals, as SVG; hollow ones are not told apart from 0.

    Across is a logarithm, up is one beyond `LINEAR` and linear about 0, so that negative values lie where they are.
    """
    shown = {name: [one for one in line if one.x > 0] for name, line in lines.items()}
    xs = [one.x for line in shown.values() for one in line]
    ys = [y for line in shown.values() for one in line for y in (one.y, one.low, one.high) if y is not None]
    if not xs:
        return ""
    low, high = min(0.0, *ys), max(LINEAR, *ys)
    ends = min(xs), max(max(xs), 1.01 * min(xs))

    def place(x: float, y: float) -> tuple[float, float]:
        along = math.log(x / ends[0]) / math.log(ends[1] / ends[0])
        height = (_height(y) - _height(low)) / (_height(high) - _height(low))
        return LEFT + along * (WIDTH - LEFT - 12), TOP + (1 - height) * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">']
    parts.append(f"<title>{escape(up)} over {escape(across)}</title>")
    for tick in (tick for tick in TICKS if low <= tick <= high):
        _, y = place(ends[0], tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 12}" y1="{y:.1f}" y2="{y:.1f}"/>')
        label = f"{tick:g}".replace("-", "−")
        parts.append(f'<text x="{LEFT - 5}" y="{y + 3:.1f}" text-anchor="end">{label}</text>')
    whole = sorted(set(xs))
    for tick in whole if len(whole) <= MOST_TICKS else _ticks(*ends):
        x, _ = place(tick, low)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(across)}</text>')
    for name, line in shown.items():
        parts += _line(name, sorted(line), colours[name], place)
    return "".join([*parts, "</svg>"])


def _line(
    name: str, line: Sequence[Mark], colour: str, place: Callable[[float, float], tuple[float, float]]
) -> list[str]:
    places = " ".join("{:.1f},{:.1f}".format(*place(one.x, one.y)) for one in line)
    parts = [f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for one in line:
        (x, y), fill = place(one.x, one.y), colour if one.apart else "var(--base, white)"
        if one.low is not None and one.high is not None:
            ends = [place(one.x, end)[1] for end in (one.low, one.high)]
            parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{ends[0]:.1f}" y2="{ends[1]:.1f}" stroke="{colour}"/>')
        title = f"<title>{escape(name)}</title>"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{fill}" stroke="{colour}">{title}</circle>')
    return parts


def _height(value: float) -> float:
    return math.asinh(value / LINEAR)


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade between them."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [v for k in decades for m in (1, 2, 5) if low <= (v := m * 10.0**k) <= high]


class Line(NamedTuple):
    """A curve of `chart`: its name, its colour and its points."""

    name: str
    colour: str
    xs: Sequence[float]
    ys: Sequence[float]
    dots: bool = False


class Bar(NamedTuple):
    """The value of a step and its standard error, None where it is not known."""

    value: float
    error: float | None


def chart(
    lines: Sequence[Line],
    across: str,
    up: str,
    levels: Mapping[str, float] = {},
    marks: Mapping[float, str] = {},
) -> str:
    """Lines over linear axes; `levels` are dashed with their names, `marks` upright lines with theirs as tooltips.

    What is not finite is left out, and where nothing is left there is no picture. Of values that lie far apart those
    of the ninety-eight in a hundred in the middle decide what is seen.
    """
    shown = [(line, [(x, y) for x, y in zip(line.xs, line.ys, strict=True) if math.isfinite(y)]) for line in lines]
    points = [point for _, line in shown for point in line]
    if not points:
        return ""
    ys = np.array([y for _, y in points] + [level for level in levels.values() if math.isfinite(level)])
    low, high = (float(v) for v in np.quantile(ys, (0.0, 1.0) if len(ys) < 50 else (0.0, 0.99)))
    frame = _Frame(min(x for x, _ in points), max(x for x, _ in points), low, max(high, low + 1e-9), WIDE)
    parts = [*frame.opened(f"{up} over {across}"), *frame.axes(across, up)]
    for at, words in marks.items():
        x = frame.x(at)
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<circle class="mark" cx="{x:.1f}" cy="{TOP + 3}" r="3"><title>{escape(words)}</title></circle>')
    for name, level in levels.items():
        y = frame.y(level)
        parts.append(f'<line class="level" x1="{LEFT}" x2="{WIDE - 12}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{WIDE - 14}" y="{y - 3:.1f}" text-anchor="end">{escape(name)}</text>')
    for line, places in shown:
        text = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in places)
        title = f"<title>{escape(line.name)}</title>"
        parts.append(
            f'<polyline points="{text}" fill="none" stroke="{line.colour}" stroke-width="1.4">{title}</polyline>'
        )
        if line.dots:
            dot = '<circle cx="{:.1f}" cy="{:.1f}" r="2.5" fill="{}"/>'
            parts += [dot.format(frame.x(x), frame.y(y), line.colour) for x, y in places]
    return "".join([*parts, "</svg>"])


def bars(groups: Mapping[str, Sequence[Bar]], colours: Mapping[str, str], across: str, up: str) -> str:
    """A bar for each step, with ± one standard error; of several `groups` side by side."""
    count = max((len(group) for group in groups.values()), default=0)
    ends = [
        one.value + sign * (one.error or 0.0)
        for group in groups.values()
        for one in group
        for sign in (-1, 1)
        if math.isfinite(one.value)
    ]
    if not ends:
        return ""
    frame = _Frame(-0.5, count - 0.5, min(0.0, *ends), max(1e-9, *ends), WIDE)
    parts = [*frame.opened(f"{up} by {across}"), *frame.axes(across, up)]
    width = (frame.x(1) - frame.x(0)) * 0.8 / len(groups)
    for k, (name, group) in enumerate(groups.items()):
        for i, one in enumerate(group):
            if not math.isfinite(one.value):
                continue
            left = frame.x(i) - 0.5 * width * len(groups) + k * width
            top, bottom = sorted((frame.y(one.value), frame.y(0.0)))
            error = "" if one.error is None else f" ± {one.error:.3f}"
            title = f"<title>{escape(name)}, step {i}: {one.value:.4f}{error}</title>"
            parts.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(0.6, width - 0.6):.1f}" '
                f'height="{max(0.4, bottom - top):.1f}" fill="{colours[name]}">{title}</rect>'
            )
            if one.error is not None:
                middle, far, near = left + width / 2, frame.y(one.value + one.error), frame.y(one.value - one.error)
                parts.append(
                    f'<line class="error" x1="{middle:.1f}" x2="{middle:.1f}" y1="{far:.1f}" y2="{near:.1f}"/>'
                )
    return "".join([*parts, "</svg>"])


def cloud(points: Array, colour: str, reach: tuple[Array, Array], title: str) -> str:
    """Points (n, 2) within the corners `reach`, each a dot; what lies beyond, or is not finite, is left out."""
    low, high = reach
    span = float((high - low).max()) or 1.0
    middle = (low + high) / 2
    place = (points - middle) / span * (SIDE - 8) + SIDE / 2
    place[:, 1] = SIDE - place[:, 1]
    kept = place[np.isfinite(place).all(axis=1) & ((place >= 0) & (place <= SIDE)).all(axis=1)]
    dots = "".join(f"M{x:.0f} {y:.0f}h0" for x, y in np.rint(kept * 2))
    # Half pixels as whole numbers, which are fewer letters
    return (
        f'<svg viewBox="0 0 {2 * SIDE} {2 * SIDE}" width="{SIDE}" height="{SIDE}" role="img" class="cloud">'
        f'<title>{escape(title)}</title><path d="{dots}" stroke="{colour}" stroke-width="3" stroke-linecap="round" '
        'stroke-opacity="0.55" fill="none"/></svg>'
    )


def strands(times: Array, paths: Array, colour: str, across: str, up: str) -> str:
    """Paths (N+1, B) of one component over the times (N+1,)."""
    kept = paths[:, np.isfinite(paths).all(axis=0)]
    if not kept.size:
        return ""
    low, high = (float(v) for v in np.quantile(kept, (0.001, 0.999)))
    frame = _Frame(float(times.min()), float(times.max()), low, max(high, low + 1e-9), WIDTH)
    parts = [*frame.opened(f"{up} over {across}"), *frame.axes(across, up)]
    for path in kept.T:
        text = " ".join(f"{frame.x(t):.1f},{frame.y(v):.1f}" for t, v in zip(times, path, strict=True))
        parts.append(f'<polyline points="{text}" fill="none" stroke="{colour}" stroke-width="0.7" opacity="0.4"/>')
    return "".join([*parts, "</svg>"])


def mosaic(pixels: NDArray[np.uint8]) -> str:
    """Images (n, height, width, channels), `BESIDE` in a row, as a data URL of a PNG that is about `SIDE` wide."""
    from PIL import Image

    rows = [np.concatenate(list(pixels[k : k + BESIDE]), axis=1) for k in range(0, len(pixels), BESIDE)]
    whole = np.concatenate([row for row in rows if row.shape == rows[0].shape], axis=0)
    picture = Image.fromarray(whole[..., 0] if whole.shape[-1] == 1 else whole)
    scale = max(1, SIDE // picture.width)
    picture = picture.resize((scale * picture.width, scale * picture.height), Image.Resampling.NEAREST)
    written = io.BytesIO()
    picture.save(written, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode('ascii')}"


class _Frame:
    """The axes of a picture: where a value lies, and the round ones among them with lines and numbers."""

    def __init__(self, left: float, right: float, low: float, high: float, width: int) -> None:
        self._left, self._right = left, right if right > left else left + 1
        room = 0.04 * (high - low)
        self._low, self._high, self._width = low - room, high + room, width

    def x(self, value: float) -> float:
        return LEFT + (value - self._left) / (self._right - self._left) * (self._width - LEFT - 12)

    def y(self, value: float) -> float:
        part = (min(max(value, self._low), self._high) - self._low) / (self._high - self._low)
        return TOP + (1 - part) * (HEIGHT - TOP - BOTTOM)

    def opened(self, title: str) -> list[str]:
        size = f'viewBox="0 0 {self._width} {HEIGHT}" width="{self._width}" height="{HEIGHT}"'
        return [f'<svg {size} role="img"><title>{escape(title)}</title>']

    def axes(self, across: str, up: str) -> list[str]:
        parts = []
        for tick in _round_values(self._low, self._high):
            y = self.y(tick)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{self._width - 12}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{LEFT - 5}" y="{y + 3:.1f}" text-anchor="end">{_number(tick)}</text>')
        for tick in _round_values(self._left, self._right):
            x = self.x(tick)
            # The last number would be cut off
            side = "end" if x > self._width - 24 else "middle"
            parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="{side}">{_number(tick)}</text>')
        middle = (LEFT + self._width) / 2
        parts.append(f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{escape(across)}</text>')
        turn = f'transform="rotate(-90 10 {HEIGHT / 2 - 12})"'
        parts.append(f'<text x="10" y="{HEIGHT / 2 - 12}" text-anchor="middle" {turn}>{escape(up)}</text>')
        return parts


def _round_values(low: float, high: float) -> list[float]:
    """At most about six round values between both."""
    rough = (high - low) / MOST_TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * k for k in (1, 2, 5, 10) if unit * k >= rough)
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _number(value: float) -> str:
    return f"{round(value, 10):g}".replace("-", "−")

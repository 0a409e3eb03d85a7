"""Which colour each point keeps on its whole way: by the part of the data, by its latent, or by its log-ratio."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QTransform

from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.layers.device import DeviceLayer
from dnf_studio.gui.drawing.layers.paths import PathsLayer
from dnf_studio.gui.drawing.layers.points import PointsLayer
from dnf_studio.gui.drawing.layers.scale import BUCKETS, SteadyLimits, bucket_of, extremes_of
from dnf_studio.gui.drawing.layers.trails import TrailsLayer
from dnf_studio.gui.drawing.theme import LIGHT, Theme

PARTS = {"forward": "mode", "backward": "mode of the sample"}
SPREAD = 1.8
"""How far from its mean a radius of standard normal points has a colour of its own: all but about 1%."""
Array = NDArray[np.float32]
Buckets = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PointColours:
    """The colours of one process; the bucket after the last is that of points without one."""

    kind: str
    """``mode``, ``angle``, ``radius`` or ``log-ratio``."""
    buckets: Buckets
    """(P,)"""
    count: int
    """How many colours there are."""
    ends: tuple[str, str] = ("", "")
    """What the first and the last colour stand for."""
    names: tuple[str, ...] = ()
    """What each colour of modes stands for; numbers from 1 where there are none."""

    def colours(self, theme: Theme) -> tuple[str, ...]:
        """(count + 1) of them in `theme`."""
        if self.kind == "mode":
            named = theme.modes[: self.count]
        elif self.kind == "angle":
            # Each in the middle of its part of the circle
            named = colour_ramp(theme.cycle, 2 * self.count + 1)[1::2]
        else:
            named = colour_ramp(theme.disagreement if self.kind == "log-ratio" else theme.amount, self.count)
        return (*named, theme.muted)


def mode_colours(modes: NDArray[np.intp], count: int, names: tuple[str, ...] = ()) -> PointColours:
    """By the numbers of the parts (P,), −1 where there is none."""
    return PointColours("mode", np.where(modes < 0, count, modes).astype(np.uint8), count, names=names)


def angle_colours(plane: Array) -> PointColours:
    """By the angle of latents (P, 2) in the plane that is shown, −π … π in sixteen parts."""
    with np.errstate(invalid="ignore"):
        parts = np.floor((np.arctan2(plane[:, 1], plane[:, 0]) / (2 * math.pi) + 0.5) * BUCKETS)
    known = np.isfinite(plane).all(axis=1)
    return PointColours("angle", np.where(known, parts % BUCKETS, BUCKETS).astype(np.uint8), BUCKETS)


def radius_colours(latents: Array) -> PointColours:
    """By the distance from 0 of latents (P, D), against that of standard normal points."""
    with np.errstate(over="ignore", invalid="ignore"):
        radius = np.linalg.norm(latents, axis=1)
    mean = math.sqrt(latents.shape[1] - 0.5)
    low, high = max(0.0, mean - SPREAD), mean + SPREAD
    buckets = np.where(np.isfinite(radius), bucket_of(radius, (low, high)), BUCKETS).astype(np.uint8)
    return PointColours("radius", buckets, BUCKETS, (f"{low:.1f}", f"{high:.1f}"))


def ratio_colours(totals: Array, limits: SteadyLimits, subject: object) -> PointColours:
    """By the log-ratio of whole paths (P,), nats, around 0; what is not known yet has no colour.

    The colours reach to all but the outermost fiftieth, the legend says how far the others go.
    """
    low, high = limits.follow(totals, subject)
    known = np.isfinite(totals)
    buckets = np.where(known, bucket_of(totals, (low, high)), BUCKETS).astype(np.uint8)
    least, most = extremes_of(totals) or (low, high)
    ends = (f"{v:.1f} ({x:.1f})".replace("-", "−") for v, x in ((low, least), (high, most)))
    return PointColours("log-ratio", buckets, BUCKETS, (next(ends), next(ends)))


class ColouredByPoint:
    """Gives points, paths and trails of one process the same colours, and the view their legend."""

    def __init__(self, direction: str, *layers: PointsLayer | PathsLayer | TrailsLayer) -> None:
        self._direction, self._layers = direction, layers
        self._colours: PointColours | None = None
        self._theme = LIGHT
        self.legend = LegendLayer()

    @property
    def shown(self) -> PointColours | None:
        """The colours; None where all is in the colour of the direction."""
        return self._colours

    def show(self, colours: PointColours | None) -> None:
        """Colour by point, or in the one colour again."""
        if colours is not self._colours:
            self._colours = colours
            self._paint()

    def set_theme(self, theme: Theme, font: QFont) -> None:
        """The same colours in another theme."""
        self._theme = theme
        self.legend.set_look(theme.text, theme.base, font)
        self._paint()

    def set_dots(self, diameter: float, alpha: float) -> None:
        """Draw points of so many times their usual diameter and opacity."""
        for layer in self._layers:
            if isinstance(layer, PointsLayer):
                layer.set_dots(diameter, alpha)

    def sentence(self) -> str:
        """What the colours say, for a screen reader."""
        return f"Coloured by the {self._title()}." if self._colours is not None else ""

    def _title(self) -> str:
        kind = self._colours.kind if self._colours is not None else ""
        if kind == "log-ratio":
            return "log-ratio of the path, nats (extremes)"
        return PARTS[self._direction] if kind == "mode" else f"{kind} of the latent"

    def _paint(self) -> None:
        found, theme = self._colours, self._theme
        colours = found.colours(theme) if found is not None else ()
        for layer in self._layers:
            layer.set_buckets(found.buckets if found is not None else None, colours)
        if found is None:
            self.legend.set_content("", "", ())
        else:
            shape = {"mode": "dot", "angle": "wheel"}.get(found.kind, "bar")
            self.legend.set_content(shape, self._title(), colours[:-1], found.ends, found.names)


MARGIN, GAP, DOT = 6.0, 5.0, 7.0
WHEEL, HOLE = 34.0, 18.0
"""Outer and inner diameter of the wheel of an angle."""
BAR = 64.0
LEAST = "MM…"
"""The least of a name."""


class LegendLayer(DeviceLayer):
    """One of three: dots with names or numbers for modes, a wheel for an angle, a bar with its ends for a radius.

    `dot`, `wheel` and `bar` say which. Where the title does not fit it is left out, and where there is
    none without it nothing is drawn.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shape, self._title = "", ""
        self._colours: tuple[str, ...] = ()
        self._ends = ("", "")
        self._names: tuple[str, ...] = ()
        self._font = QFont()
        self._ink = self._ground = QColor()

    def set_content(
        self,
        shape: str,
        title: str,
        colours: tuple[str, ...],
        ends: tuple[str, str] = ("", ""),
        names: tuple[str, ...] = (),
    ) -> None:
        """Show this; no shape shows nothing."""
        self._names = names
        self._shape, self._title, self._colours, self._ends = shape, title, colours, ends
        self.update()

    def set_look(self, ink: str, ground: str, font: QFont) -> None:
        """Letters, what is behind them, and their font, one size smaller."""
        self._ink, self._ground, self._font = QColor(ink), QColor(ground), QFont(font)
        self._font.setPointSizeF(max(7.0, font.pointSizeF() - 1.5))
        self._ground.setAlphaF(0.8)
        self.update()

    def draw(self, painter: QPainter, transform: QTransform, area: QRectF) -> None:
        """A ground, and the legend on it from left to right."""
        if not self._shape:
            return
        painter.setFont(self._font)
        metrics = painter.fontMetrics()
        width = area.width() - 2 * MARGIN - GAP
        title, numbers = self._title, self._numbers(metrics, width)
        inside = {
            "dot": sum(metrics.horizontalAdvance(word) + DOT + 2 * GAP for word in numbers),
            "wheel": WHEEL + GAP,
            "bar": BAR + sum(metrics.horizontalAdvance(end) + GAP for end in self._ends) + GAP,
        }[self._shape]
        height = max(float(metrics.height()), WHEEL if self._shape == "wheel" else 0.0) + 4
        named = metrics.horizontalAdvance(title) + GAP
        if inside > width or height + 2 * MARGIN > area.height():
            return
        if named + inside > width:
            title, named = "", 0.0
        width = named + inside
        box = QRectF(area.left() + MARGIN, area.top() + MARGIN, width + GAP, height)
        painter.fillRect(box, self._ground)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x = self._write(painter, box.left() + GAP, box.center().y(), title) + (GAP if title else 0)
        if self._shape == "dot":
            self._draw_dots(painter, x, box.center().y(), numbers)
        elif self._shape == "wheel":
            self._draw_wheel(painter, QPointF(x + WHEEL / 2, box.center().y()))
        else:
            self._draw_bar(painter, x, box.center().y())

    def _numbers(self, metrics: QFontMetrics, width: float) -> tuple[str, ...]:
        """The names beside the dots, long ones cut to the width that fits for all."""
        if self._shape != "dot":
            return ()
        named = self._names or tuple(str(k + 1) for k in range(len(self._colours)))
        each = int(width / max(1, len(named)) - DOT - 2 * GAP)
        if each < metrics.horizontalAdvance(LEAST) or sum(map(metrics.horizontalAdvance, named)) <= each * len(named):
            return named
        return tuple(metrics.elidedText(name, Qt.TextElideMode.ElideRight, each) for name in named)

    def _write(self, painter: QPainter, x: float, middle: float, text: str) -> float:
        """Draw the text; returns the x at which it ends, pixels."""
        metrics = painter.fontMetrics()
        painter.setPen(self._ink)
        painter.drawText(QPointF(x, middle + (metrics.ascent() - metrics.descent()) / 2), text)
        return x + metrics.horizontalAdvance(text)

    def _draw_dots(self, painter: QPainter, x: float, middle: float, numbers: tuple[str, ...]) -> None:
        for colour, number in zip(self._colours, numbers, strict=True):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colour))
            painter.drawEllipse(QRectF(x, middle - DOT / 2, DOT, DOT))
            x = self._write(painter, x + DOT + GAP / 2, middle, number) + 1.5 * GAP

    def _draw_wheel(self, painter: QPainter, centre: QPointF) -> None:
        """Each colour where its angle is, counted from the right against the clock, as in the plane."""
        radius, thick = (WHEEL + HOLE) / 4, (WHEEL - HOLE) / 2
        ring = QRectF(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius)
        span = 360 / len(self._colours)
        for place, colour in enumerate(self._colours):
            pen = QPen(QColor(colour), thick)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            painter.drawArc(ring, round(16 * (place * span - 180)), round(16 * span) + 8)

    def _draw_bar(self, painter: QPainter, x: float, middle: float) -> None:
        x = self._write(painter, x, middle, self._ends[0]) + GAP
        step = BAR / len(self._colours)
        for place, colour in enumerate(self._colours):
            painter.fillRect(QRectF(x + place * step, middle - DOT / 2, step + 0.5, DOT), QColor(colour))
        self._write(painter, x + BAR + GAP, middle, self._ends[1])

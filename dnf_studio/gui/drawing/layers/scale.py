"""Sixteen colours for values such as log-ratios: steady limits, the key, and which of them each step of a path has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFont, QPainter

from dnf_studio.core.sde.sample_settings import Direction
from dnf_studio.gui.drawing.layers.bars import colour_ramp
from dnf_studio.gui.drawing.layers.figure_painter import letters
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.drawing.words import nats
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.workers.excess import ExcessFrame

BUCKETS = 16
SHARE = 0.02
"""Share of the values at either end that have the first or the last colour."""
SHRINK = 0.15
LOOKED_AT = 20_000
MAX_PATHS = 500
"""Paths of a process that are drawn, the first ones."""
WIDTH, HEIGHT, MARGIN = 64, 6, 6
"""Size of the colour key and the margin around it, pixels."""
Array = NDArray[np.float32]


class SteadyLimits:
    """Limits that hold all but the outermost values: they grow at once and shrink slowly.

    `around_zero` has them as far below zero as above it, for a map that diverges there.
    """

    def __init__(self, around_zero: bool = False) -> None:
        self._around_zero = around_zero
        self.limits: tuple[float, float] | None = None
        self._subject: object = None

    def follow(self, values: Array, subject: object) -> tuple[float, float]:
        """The limits for new `values`; those of another `subject` begin anew."""
        flat = values.ravel()
        flat = flat[:: max(1, len(flat) // LOOKED_AT)]
        flat = flat[np.isfinite(flat)]
        low, high = (float(v) for v in np.quantile(flat, (SHARE, 1 - SHARE))) if len(flat) else (0.0, 0.0)
        if self._around_zero:
            most = float(np.quantile(np.abs(flat), 1 - SHARE)) if len(flat) else 0.0
            high = max(most, 1e-6)
            low = -high
        high = max(high, low + 1e-6)
        if self.limits is not None and subject == self._subject:
            before, after = self.limits
            low = low if low < before else before + SHRINK * (low - before)
            high = high if high > after else after + SHRINK * (high - after)
        self.limits, self._subject = (low, high), subject
        return low, high


def bucket_of(values: Array, limits: tuple[float, float]) -> NDArray[np.uint8]:
    """Which of the sixteen colours each value has; what left the finite numbers has the last."""
    low, high = limits
    known = np.nan_to_num(values, nan=high, posinf=high, neginf=low)
    buckets: NDArray[np.uint8] = np.clip((known - low) * (BUCKETS / (high - low)), 0, BUCKETS - 1).astype(np.uint8)
    return buckets


def nats_at(low: float, high: float) -> tuple[str, str]:
    """How the key of a disagreement writes its ends."""
    return nats(low), f"{nats(high)} nats"


def extremes_of(values: Array) -> tuple[float, float] | None:
    """The least and the greatest finite value, None where there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else None


class ColourKey:
    """A bar of the colours with the numbers at its ends, in the lower right corner of a view.

    `ramp` is the map of the theme, `words` writes the two ends.
    """

    def __init__(self, ramp: str = "disagreement", words: Callable[[float, float], tuple[str, str]] = nats_at) -> None:
        self._ramp, self._words = ramp, words
        self._colours: list[QColor] = []
        self._ink = self._ground = QColor()

    def set_theme(self, theme: Theme) -> None:
        """The map of `theme`."""
        self._colours = [QColor(colour) for colour in colour_ramp(getattr(theme, self._ramp), BUCKETS)]
        self._ink, self._ground = QColor(theme.muted), QColor(theme.base)

    def draw(
        self,
        painter: QPainter,
        area: QRectF,
        limits: tuple[float, float],
        font: QFont,
        lines: int = 0,
        extremes: tuple[float, float] | None = None,
    ) -> None:
        """Draw the key into the corner of `area`, device pixels, or `lines` above it; nothing where it does not fit.

        `extremes` are the least and the greatest value of all, shown where they fit.
        """
        painter.setFont(letters(painter, font, smaller=True))
        metrics = painter.fontMetrics()
        texts = self._words(*limits)
        if extremes is not None:
            least, most = self._words(*extremes)
            told = texts[0], f"{texts[1]} (all: {least} to {most.removesuffix(' nats')})"
            if sum(map(metrics.horizontalAdvance, told)) + WIDTH + 4 * MARGIN <= area.width():
                texts = told
        before, after = (metrics.horizontalAdvance(text) for text in texts)
        whole = before + after + WIDTH + 2 * MARGIN
        if whole + 2 * MARGIN > area.width():
            return
        left, middle = area.right() - whole - MARGIN, area.bottom() - MARGIN - (lines + 0.5) * metrics.height()
        back = QColor(self._ground)
        back.setAlphaF(0.8)
        painter.fillRect(QRectF(left - 3, middle - metrics.height() / 2, whole + 6, metrics.height()), back)
        painter.setPen(self._ink)
        base = middle + metrics.ascent() / 2 - 1
        painter.drawText(QPointF(left, base), texts[0])
        painter.drawText(QPointF(left + before + WIDTH + 2 * MARGIN, base), texts[1])
        for k, colour in enumerate(self._colours):
            place = left + before + MARGIN + k * WIDTH / BUCKETS
            painter.fillRect(QRectF(place, middle - HEIGHT / 2, WIDTH / BUCKETS, HEIGHT), colour)


@dataclass(frozen=True, eq=False)
class StepColours:
    """The colours of the paths of one process that are drawn."""

    buckets: NDArray[np.uint8]
    """(N, P), 0 … 15; steps whose log-ratio is not known yet have the colour of 0."""
    limits: tuple[float, float]
    """What the first and the last colour stand for, nats: all but the outermost fiftieth of the values are between."""
    extremes: tuple[float, float] | None
    """The least and the greatest value."""


class StepColouring:
    """Finds the colours of one process for one frame after the other; their limits do not flicker."""

    def __init__(self, direction: Direction) -> None:
        self._direction = direction
        self._limits = SteadyLimits(around_zero=True)

    def colours(self, frame: Frame | None, found: ExcessFrame | None) -> StepColours | None:
        """The colours of the first 500 paths of `frame`; None where nothing is known of their log-ratios."""
        if frame is None or found is None or not found.fits(frame):
            return None
        known = found.forward if self._direction == "forward" else found.backward
        if not known.shape[1]:
            return None
        rows = found.rows(self._direction, min(MAX_PATHS, frame.forward.shape[1]))
        limits = self._limits.follow(known, frame.request)
        buckets = np.where(np.isnan(rows), BUCKETS // 2, bucket_of(rows, limits)).astype(np.uint8)
        return StepColours(buckets, limits, extremes_of(known))

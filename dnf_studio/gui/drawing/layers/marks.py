"""Thin upright lines with short labels where something changed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

import pyqtgraph as pg
from PySide6.QtCore import Qt

from dnf_studio.gui.drawing.theme import Theme

__all__ = ["MarksLayer"]

MOST_LINES = 60
GAP = 4.0
"""Pixels between a label and what is beside it."""


class MarksLayer:
    """At most 60 lines, the newest; a label that does not fit is left to the line's tooltip."""

    def __init__(self, plot: pg.PlotWidget, theme: Theme) -> None:
        self._plot = plot
        self._theme = theme
        self._marks: dict[float, tuple[pg.InfiniteLine, pg.TextItem]] = {}
        plot.getViewBox().sigRangeChanged.connect(self._ranged)
        plot.getViewBox().sigResized.connect(self._ranged)

    @property
    def labels(self) -> list[str]:
        """The labels at the lines now, from left to right; only those that fit."""
        return [self._marks[x][1].toPlainText() for x in sorted(self._marks) if self._marks[x][1].isVisible()]

    @property
    def places(self) -> list[float]:
        """Where the lines are, from left to right."""
        return sorted(self._marks)

    def set_marks(self, marks: Mapping[float, tuple[str, str]]) -> None:
        """Show these: place across to label and tooltip."""
        shown = {x: marks[x] for x in sorted(marks)[-MOST_LINES:]}
        for x in self._marks.keys() - shown.keys():
            for item in self._marks.pop(x):
                self._plot.removeItem(item)
        for x, (label, tip) in shown.items():
            line, text = self._marks.get(x) or self._add(x)
            text.setText(label)
            for item in (line, text):
                item.setToolTip(tip)
        self._colour()
        self._arrange()

    def recolour(self, theme: Theme) -> None:
        """Lines and labels in the colours of `theme`."""
        self._theme = theme
        self._colour()

    def refit(self) -> None:
        """The font has changed."""
        for _, text in self._marks.values():
            text.setFont(self._plot.getAxis("bottom").style["tickFont"])
        self._arrange()

    def _add(self, x: float) -> tuple[pg.InfiniteLine, pg.TextItem]:
        line, text = pg.InfiniteLine(x, angle=90), pg.TextItem()
        line.setZValue(-5)
        text.setFont(self._plot.getAxis("bottom").style["tickFont"])
        for item in (line, text):
            self._plot.addItem(item, ignoreBounds=True)
        self._marks[x] = line, text
        return line, text

    def _colour(self) -> None:
        pen = pg.mkPen(self._theme.muted, style=Qt.PenStyle.DotLine)
        for line, text in self._marks.values():
            line.setPen(pen)
            text.setColor(self._theme.muted)

    def _ranged(self, *_: object) -> None:
        if self._marks:
            self._arrange()

    def _arrange(self) -> None:
        """Labels at the top, the newest first: right of their line, else left of it, else not at all."""
        box = self._plot.getViewBox()
        (left, right), (_, top) = box.viewRange()
        scale = box.width() / max(right - left, 1e-9)
        places = sorted(self._marks, reverse=True)
        limit = box.width()
        for place, older in zip_longest(places, places[1:]):
            text = self._marks[place][1]
            x, width = (place - left) * scale, text.boundingRect().width() + GAP
            free = 0.0 if older is None else max(0.0, (older - left) * scale)
            to_right = x + width <= limit
            fits = 0 <= x <= box.width() and (to_right or x - width >= free)
            text.setVisible(fits)
            if fits:
                text.setAnchor((0, 0) if to_right else (1, 0))
                text.setPos(place, top)
            limit = min(limit, x if to_right or not fits else x - width)

"""What the loss plot draws, the loss of a run of any length in few points and marks of changes, and says of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt

from dnf_studio.config.model_kinds import Objective
from dnf_studio.gui.drawing.help import Help
from dnf_studio.gui.drawing.telling import Numbers, Sign
from dnf_studio.gui.drawing.theme import Theme, mix

HELP = Help(
    "the loss",
    "What training lowers: a bound on the negative log-likelihood of the standardised data at the N of training, "
    "in nats. The thin line is the mean of each batch, the strong one is smoothed. It cannot fall below the "
    "entropy of the data, the dashed line, where that is known; nor below the dotted one, since the last step adds "
    "noise g<sub>1</sub>√Δ<sub>0</sub> and can show nothing thinner. A continuous normalizing flow has no bound: "
    "it trains on an unbiased estimate of the exact likelihood. A validation split has a second curve, the same of "
    "rows that training never sees; the loss of a diffusion model or of flow "
    "matching is no likelihood, so there it has its own scale; a click shows the model as it was then, a double click "
    "as it is now.",
    (
        "−log p<sub>B</sub>(x<sub>0</sub>) ≤ E[ −log N(x<sub>N</sub>; 0, I) + "
        "Σ<sub>i</sub> ½ (‖δB<sub>i</sub>‖² − ‖δF<sub>i</sub>‖²) ] + D log(g<sub>N</sub> / g<sub>0</sub>)",
        "of a flow:  −log p(x<sub>0</sub>) = −log N(x<sub>T</sub>; 0, I) − ∫ ∇·f dt",
    ),
    "from (13); (16) is the same without the terms that have no gradient",
)
WORDS: dict[Objective, tuple[str, str]] = {
    "bound": ("Loss: bound on the NLL", "The bound of every batch{}."),
    "noise": (
        "Loss: error of the noise",
        "Mean squared error of the predicted noise. It is 1 a component where a network says 0, and not a likelihood.",
    ),
    "velocity": (
        "Loss: error of the velocity",
        "Mean squared error of the velocity of single paths. It is 2 a component where a network says 0, stays above "
        "0 for the best one, since paths cross, and is not a likelihood.",
    ),
    "likelihood": ("Loss: NLL", "An estimate of the exact NLL, not a bound{}."),
}
"""Title and caption by what a model is trained on, with a place for `FLOOR` where it is known."""
FLOOR = ", and its floor"
MAX_POINTS = 4000
MEMORY = 50
FAR = 6.0
Array = NDArray[np.float64]


class LossCurve:
    """Losses over iterations, and their running mean over the last 50, over fewer at the beginning.

    A single loss far above the rest moves the mean no more than one six times its usual distance away.

    When 4,000 points are reached, pairs are averaged and from then on every point stands for twice
    as many iterations. Losses that are not finite are left out.
    """

    def __init__(self) -> None:
        self._points = np.empty((MAX_POINTS, 3))
        self._count = 0
        self._stride = 1
        self._pending: list[tuple[float, float, float]] = []
        self._seen = 0
        self._mean = 0.0
        self._spread = 0.0

    @property
    def iterations(self) -> Array:
        """(K,)"""
        return self._points[: self._count, 0]

    @property
    def raw(self) -> Array:
        """Mean loss of each point, (K,), nats."""
        return self._points[: self._count, 1]

    @property
    def smooth(self) -> Array:
        """The running mean at each point, (K,), nats."""
        return self._points[: self._count, 2]

    @property
    def smoothed(self) -> float | None:
        """The running mean now, nats, or None while there is no loss."""
        return self._mean if self._seen else None

    def extend(self, losses: Iterable[tuple[int, float]], each: int = 1) -> None:
        """Add (iteration, loss) in order, where a loss is the mean of `each` iterations.

        One that is there already says that the run went back to a state before it: what was after that goes.
        """
        for iteration, loss in losses:
            if iteration <= self._last:
                self._go_back(iteration)
            if not np.isfinite(loss):
                continue
            self._average(loss, each)
            self._pending.append((float(iteration), loss, self._mean))
            if len(self._pending) >= self._stride:
                self._put()

    def limits(self, floor: float | None) -> tuple[float, float]:
        """A range of values that shows the later part of the curve well and the floor with it.

        The steep beginning may leave it at the top, single spikes too.
        """
        if not self._count:
            return (floor or 0.0) - 1, (floor or 0.0) + 1
        later = slice(self._count // 6, None)
        low = float(min(np.quantile(self.raw[later], 0.01), self.smooth[later].min()))
        high = float(max(np.quantile(self.raw[later], 0.98), self.smooth[later].max()))
        low = low if floor is None else min(low, floor)
        margin = max(0.08 * (high - low), 0.02)
        return low - margin, high + margin

    @property
    def _last(self) -> float:
        """The last iteration there is, 0 before the first."""
        return self._pending[-1][0] if self._pending else self.iterations[-1] if self._count else 0.0

    def _go_back(self, iteration: int) -> None:
        """Leave out `iteration` and what follows."""
        self._count = int(np.searchsorted(self.iterations, iteration))
        self._pending = [point for point in self._pending if point[0] < iteration]
        before = [*self.smooth[-1:], *(mean for _, _, mean in self._pending)]
        if before:
            self._mean = float(before[-1])
        else:
            self._mean, self._spread, self._seen = 0.0, 0.0, 0

    def _average(self, loss: float, each: int) -> None:
        memory = max(1.0, min(MEMORY / each, 1 + self._seen / 8))
        distance = loss - self._mean
        if self._seen > MEMORY:
            distance = min(distance, FAR * self._spread)
        self._mean += distance / memory
        self._spread += (abs(distance) - self._spread) / memory
        self._seen += 1

    def _put(self) -> None:
        if self._count == MAX_POINTS:
            pairs = self._points.reshape(-1, 2, 3)
            halved = pairs.mean(axis=1)
            halved[:, [0, 2]] = pairs[:, 1, [0, 2]]
            self._count, self._stride = MAX_POINTS // 2, 2 * self._stride
            self._points[: self._count] = halved
            if len(self._pending) < self._stride:
                return
        point = np.array(self._pending)
        self._points[self._count] = point[-1, 0], point[:, 1].mean(), point[-1, 2]
        self._count += 1
        self._pending.clear()

    def table(self, measured: Mapping[int, float], unit: str) -> Numbers | None:
        """All points, and beside them what was `measured` on the validation split, in nats; None while there are none.

        `unit` is that of the losses, where they have one.
        """
        if not len(self.iterations):
            return None
        unit = f" [{unit}]" if unit else ""
        columns = {"iteration": self.iterations.astype(int), f"loss{unit}": self.raw, f"smoothed{unit}": self.smooth}
        if measured:
            columns |= {"iteration of the validation": np.array(list(measured))}
            columns |= {"validation [nats]": np.array(list(measured.values()))}
        return Numbers({name: values.copy() for name, values in columns.items()})


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

    def show_alike(self, other: MarksLayer) -> None:
        """Show the marks of `other`."""
        self.set_marks({x: (text.toPlainText(), line.toolTip()) for x, (line, text) in other._marks.items()})

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


class PlaceLine:
    """The upright line where in its training a model is shown; none where that is now."""

    def __init__(self, plot: pg.PlotWidget) -> None:
        self.line = pg.InfiniteLine(angle=90)
        self.line.setZValue(20)
        self.line.hide()
        plot.addItem(self.line, ignoreBounds=True)

    def set_iteration(self, iteration: int | None) -> None:
        """Stand at `iteration`, or nowhere."""
        self.line.setVisible(iteration is not None)
        if iteration is not None:
            self.line.setValue(iteration)

    def recolour(self, theme: Theme) -> None:
        """In the colour of the cursor."""
        self.line.setPen(pg.mkPen(theme.accent, width=2))


def words_of(objective: Objective, floor: bool) -> tuple[str, str]:
    """Title and caption of the plot of what is trained on, whose floor is known or not."""
    title, caption = WORDS[objective]
    return title, caption.format(FLOOR if floor else "")


def curve_signs(theme: Theme, validation: bool) -> Sequence[Sign]:
    """Both forms of the curve, and that of the validation split where there is one."""
    found = [Sign("a batch", mix(theme.data, theme.base, 0.62)), Sign("smoothed", theme.text)]
    return [*found, Sign("validation", theme.accent)] if validation else found

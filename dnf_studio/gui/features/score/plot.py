"""How much of the backward drift is the score at every step, and where it is idle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGraphicsItem

from dnf_studio.core.exploration.by_step import IDLE, ScoreShare
from dnf_studio.core.sde.sample_settings import AS_VIEWED
from dnf_studio.gui.drawing.help import Help
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.telling import Numbers
from dnf_studio.gui.drawing.words import node_at, percent, steps_named
from dnf_studio.workers.frames import Frame

HELP = Help(
    "the score",
    "At each step the score’s share of the backward drift: the mean length of its term beside that of f, at the "
    "forward points. A sound model has a curve without edges; between two edges the score, or the drift, is too "
    "strong or too weak, and the lengths at the cursor tell which. Dots are steps whose score is idle, below the "
    "dashed line: there λ changes next to nothing. A click moves the time cursor.",
    (
        "share<sub>i</sub> = mean ‖½(1 + λ²) g² s‖ / (mean ‖f‖ + mean ‖½(1 + λ²) g² s‖) "
        "at (x<sub>i</sub>, t<sub>i</sub>), i = 1 … N",
        "with λ = 1:  dx = [f − g² s] dt + g dw̄",
    ),
    "(9), and (17) for another λ",
)
TOPS = (3.0, 10.0, 30.0, 100.0)
"""Ends of the axis, %: few, so that it stands still, and one of them for scores that are nearly idle."""
SPARE = 0.8
"""The axis becomes shorter once so much of the shorter one would do."""


class ScorePlot(Plot):
    """The score's share of the backward drift over the steps that use it, node i for the step t_i → t_{i−1}.

    Dashed is the share below which the score counts as idle; steps below it have dots and a warning at the
    cursor. A click goes to the step.
    """

    step_clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__(
            "Score",
            "Its share of the backward drift. It is idle where that is below the dashed line.",
            "Open a model or press Train, and the score's share of the backward drift is shown here for every step.",
            help_=HELP,
        )

    def add_parts(self) -> None:
        """Add curve, dots, threshold and cursor."""
        self._score: ScoreShare | None = None
        self._request = AS_VIEWED
        self._top = TOPS[-1]
        self._position = 0.0
        self._node: int | None = None
        self._curve, self._line, self._dot = pg.PlotCurveItem(), pg.InfiniteLine(angle=90), pg.ScatterPlotItem(size=9)
        self._idle = pg.ScatterPlotItem(size=5, pen=None)
        self._limit = pg.InfiniteLine(100 * IDLE, angle=0)
        self._word = pg.InfLineLabel(
            self._limit, f"idle below {percent(IDLE)}", position=0.02, anchors=[(0, 1), (0, 1)]
        )
        for item in (self._limit, self._line, self._curve, self._idle, self._dot):
            self.plot.addItem(item, ignoreBounds=True)
        self.box.setMouseEnabled(x=False, y=False)
        self.title_axis("bottom", "Node of the time grid")
        self.name_axis("left", "Share of the backward drift, %", written=False)
        self.plot.getAxis("left").setLabel("%")
        self._word.setFont(self.plot.getAxis("bottom").style["tickFont"])
        self._show()

    def set_frame(self, frame: Frame | None) -> None:
        """Show the shares of `frame`; None, or a frame without them, empties the plot."""
        self._score = None if frame is None else frame.score
        self._request = AS_VIEWED if frame is None else frame.request
        self._show()

    def set_cursor(self, position: float) -> None:
        """Set off the node next to `position` (node units, 0 … N)."""
        self._position = position
        if self._score is None:
            self.set_note("")
            return
        node = int(np.clip(node_at(position), 0, len(self._score.share)))
        # Between two nodes nothing changes
        if node != self._node:
            self._node = node
            self._set_off(self._score, node)

    def _set_off(self, score: ScoreShare, node: int) -> None:
        """Put line, dot and note at `node`."""
        share = score.share
        self._line.setValue(node)
        if node == 0 or not np.isfinite(share[node - 1]):
            self._dot.setData([], [])
            self._say_nothing(node)
            return
        self._dot.setData([node], [100 * share[node - 1]])
        here = f"share {percent(float(share[node - 1]))}"
        # A part that is left out of what is shown is still in the drift that the share is of
        whole = "" if self._request.parts == "both" else " of the whole"
        if score.idle[node - 1]:
            self.warn(f"step {node}: {here}{whole}: idle", f"{here}: idle", "idle")
        else:
            long = f"step {node}: {here}{whole}"
            self.set_note(f"{long},  {self._lengths(node - 1)}", long, here)

    def reset_view(self) -> None:
        """All steps, and from nothing to the end of the axis."""
        steps = 1 if self._score is None else len(self._score.share)
        self.box.setRange(xRange=(-0.02 * steps, 1.02 * steps), yRange=(-0.03 * self._top, 1.04 * self._top), padding=0)

    def clicked_at(self, x: float, y: float) -> None:
        """Go to the step next to the pointer."""
        if self._score is not None:
            self.step_clicked.emit(int(np.clip(round(x), 1, len(self._score.share))))

    def numbers(self) -> Numbers | None:
        """The share and both mean lengths at each step that uses the score."""
        score = self._score
        if score is None:
            return None
        columns = {"share of the score [1]": score.share, "length of its term": score.score, "length of f": score.drift}
        return Numbers({"step": np.arange(1, len(score.share) + 1), **columns, "idle": score.idle.astype(int)})

    def cursor_items(self) -> Sequence[QGraphicsItem]:
        """Line and dot at the cursor."""
        return self._line, self._dot

    def recolour(self) -> None:
        """Also curve, threshold and cursor."""
        super().recolour()
        theme = self.theme
        self._curve.setPen(pg.mkPen(theme.text, width=2))
        self._limit.setPen(pg.mkPen(theme.warning, style=Qt.PenStyle.DashLine))
        self._word.setColor(theme.warning)
        self._idle.setBrush(pg.mkBrush(theme.warning))
        self._line.setPen(pg.mkPen(theme.accent, width=1))
        self._dot.setPen(pg.mkPen(theme.base))
        self._dot.setBrush(pg.mkBrush(theme.accent))

    def refont(self) -> None:
        """Also the word at the threshold."""
        super().refont()
        self._word.setFont(self.plot.getAxis("bottom").style["tickFont"])

    def _lengths(self, step: int) -> str:
        """Draw both mean lengths."""
        score, lam = self._score, self._request.level
        assert score is not None
        weight = "" if lam == 1 else f"{0.5 * (1 + lam * lam):.2g} "
        return f"‖{weight}g²s‖ {score.score[step]:.3g}, ‖f‖ {score.drift[step]:.3g}"

    def _say_nothing(self, node: int) -> None:
        if node == 0:
            self.set_note("step 0: no step uses the score here", "step 0: no score")
        else:
            self.warn(f"step {node}: no finite points", "no finite points")

    def _show(self) -> None:
        shown = self._score is not None
        self.set_empty(not shown)
        self.caption_line.set_meaning("" if self._score is None else _meaning(self._score))
        for item in (self._limit, self._line, self._dot, self._curve, self._idle):
            item.setVisible(shown)
        if self._score is not None:
            share, idle = 100 * self._score.share, self._score.idle
            nodes = np.arange(1, len(share) + 1, dtype=np.float64)
            self._curve.setData(nodes, share, connect="finite")
            self._idle.setData(nodes[idle], share[idle])
            self._top = _next_top(self._top, float(share[np.isfinite(share)].max(initial=0)))
        self.reset_view()
        self._node = None
        self.set_cursor(self._position)


def _meaning(score: ScoreShare) -> str:
    """At which steps λ changes anything, and where the score matters most."""
    idle = np.flatnonzero(score.idle)
    if len(idle) == len(score.share):
        return "The score is idle at every step. λ changes next to nothing, and samples come by the drift alone."
    most = int(np.nanargmax(score.share))
    where = f"It matters most at step {most + 1}, {percent(float(score.share[most]))} of the backward drift."
    return f"The score is idle at {steps_named((idle + 1).tolist())}. {where}" if len(idle) else where


def _next_top(top: float, most: float) -> float:
    """The end of the axis that holds `most`; a shorter one than `top` only where `most` lies well below it."""
    fitting = next((end for end in TOPS if most <= end), TOPS[-1])
    if fitting < top:
        fitting = min(top, next((end for end in TOPS if most <= SPARE * end), TOPS[-1]))
    return fitting

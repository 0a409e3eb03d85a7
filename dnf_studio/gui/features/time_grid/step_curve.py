"""The lengths of the steps as a curve whose nodes are dragged, and the noise that each step adds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QGraphicsItem, QWidget

from dnf_studio.gui.drawing.axes import as_logs, log_limits, log_ticks
from dnf_studio.gui.drawing.help import Help
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.telling import Numbers
from dnf_studio.gui.drawing.theme import letter_scale, mix

HELP = Help(
    "the steps of the grid",
    "Each node is one step of the grid; drag it up for a longer step, down for a shorter one. Its neighbours give "
    "way, or with Shift all other steps do: together they always take the time T − t<sub>0</sub>. Left and Right "
    "choose a step, Up and Down change it. Dashed are the steps of the model’s own grid. Short steps follow the "
    "SDEs closer, and each adds less noise, which is drawn below.",
    (
        "Δ<sub>i</sub> = t<sub>i+1</sub> − t<sub>i</sub>,  Σ<sub>i</sub> Δ<sub>i</sub> = T − t<sub>0</sub>",
        "noise of a step = g<sub>i</sub> √Δ<sub>i</sub>",
    ),
    "g and Δ as in (11) and (12)",
)
Array = NDArray[np.float64]
NONE = np.empty(0)
FRAME_MS = 16
GRASP = 14
"""Pixels from a node within which it is taken hold of."""
NUDGE = 1.05
"""What one press of an arrow key makes of a step."""
HEADROOM = 1.3
"""Height of the axis over the longest step."""
MARGIN = 58
"""Pixels of the left axis in letters of the desktop's size, the same in both plots: steps stand above each other."""
EMPTY = "Open a model or press Train, and its steps are shown here."
CHOOSES = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Home: -(10**6), Qt.Key.Key_End: 10**6}
NUDGES = {Qt.Key.Key_Up: NUDGE, Qt.Key.Key_Down: 1 / NUDGE}


class _StepPlot(Plot):
    """Values over the steps 0 … N − 1, one of them chosen."""

    step_chosen = Signal(int)

    def __init__(self, title: str, caption: str, label: str, parent: QWidget | None = None) -> None:
        super().__init__(title, caption, EMPTY, parent, HELP)
        self._label = label
        self.title_axis("bottom", "Step")
        self.title_axis("left", label)

    def add_parts(self) -> None:
        """Add the curve and its nodes."""
        self.values: Array = NONE
        self.chosen = 0
        self.log = False
        self._curve, self._dots, self._dot = pg.PlotCurveItem(), pg.ScatterPlotItem(size=7), pg.ScatterPlotItem(size=11)
        for item in (self._curve, self._dots, self._dot):
            self.plot.addItem(item, ignoreBounds=True)
        self.box.setMouseEnabled(x=False, y=False)
        self._fit_axis()

    def set_log(self, log: bool) -> None:
        """Powers of ten up the axis, or an even scale from 0."""
        self.log = log
        self.show_values(self.values)
        self.reset_view()

    def show_values(self, values: Array) -> None:
        """Show these (N,), none negative, of which powers of ten leave out those that are 0; none empty the plot."""
        self.values = values
        self.set_empty(not len(values))
        x, y = self._places(np.arange(len(values)))
        self._curve.setData(x, y)
        self._dots.setSize(7 if len(values) <= 60 else 4)
        self._dots.setData(x, y)
        self.choose(self.chosen)

    def choose(self, step: int) -> None:
        """Set off this step, or the nearest there is."""
        self.chosen = int(np.clip(step, 0, max(0, len(self.values) - 1)))
        self._dot.setData(*self._places(np.arange(len(self.values))[self.chosen : self.chosen + 1]))
        self.set_note(*([f"{self._label} = {self.values[self.chosen]:.3g}"] if len(self.values) else [""]))

    def _places(self, steps: NDArray[np.int64]) -> tuple[Array, Array]:
        """Where the nodes of `steps` are drawn, without those that have no logarithm where one is drawn."""
        heights = self.heights(self.values[steps])
        drawn = np.isfinite(heights)
        return steps[drawn].astype(np.float64), heights[drawn]

    def heights(self, values: Array) -> Array:
        """Values as they are drawn."""
        return as_logs(values) if self.log else values

    def reset_view(self) -> None:
        """Show all steps, with a margin above the longest."""
        if not len(self.values):
            return
        heights = self.heights(self.values)
        heights = heights[np.isfinite(heights)]
        if not self.log:
            y = 0.0, HEADROOM * (heights.max() or 1.0)
        else:
            y = (heights.min() - 0.15, heights.max() + 0.15) if len(heights) else log_limits(heights)
        self.plot.getAxis("left").setTicks([log_ticks(*y)] if self.log else None)
        self.box.setRange(xRange=(-0.7, len(self.values) - 0.3), yRange=y, padding=0)

    def clicked_at(self, x: float, y: float) -> None:
        """Choose the step under the pointer."""
        if len(self.values):
            self.step_chosen.emit(int(np.clip(round(x), 0, len(self.values) - 1)))

    def recolour(self) -> None:
        """Also the curve and its nodes."""
        super().recolour()
        theme = self.theme
        self._curve.setPen(pg.mkPen(mix(theme.base, theme.text, 0.55), width=1.5))
        self._dots.setPen(pg.mkPen(theme.base))
        self._dots.setBrush(pg.mkBrush(theme.text))
        self._dot.setPen(pg.mkPen(theme.base))
        self._dot.setBrush(pg.mkBrush(theme.accent))

    def numbers(self) -> Numbers | None:
        """The value of every step."""
        return Numbers({"step": np.arange(len(self.values)), self._label: self.values}) if len(self.values) else None

    def cursor_items(self) -> Sequence[QGraphicsItem]:
        """The mark of the step that is chosen."""
        return (self._dot,)

    def refont(self) -> None:
        """Also the place of the left axis."""
        super().refont()
        self._fit_axis()

    def _fit_axis(self) -> None:
        self.plot.getAxis("left").setWidth(round(MARGIN * letter_scale()))


class NoiseCurve(_StepPlot):
    """g_i √Δ_i: how far a step scatters points."""

    def __init__(self) -> None:
        super().__init__("Noise of a step", "What each step adds, g√Δt.", "g√Δt")


class StepCurve(_StepPlot):
    """Δt_i of every step as a node to drag up and down; dashed the model's own grid.

    With Shift held all other steps give way, else its neighbours. Arrow keys choose a node and change it.
    """

    length_wanted = Signal(int, float, bool, object)
    """A step, its length in time, whether all others give way, and the gesture this belongs to."""

    def __init__(self) -> None:
        super().__init__("Steps", "Δt of every step: drag a node.", "Δt")

    def add_parts(self) -> None:
        """Add the outline, and what follows the mouse."""
        super().add_parts()
        self._own: Array = NONE
        self._outline = pg.PlotCurveItem()
        self._outline.setZValue(-1)
        self.plot.addItem(self._outline, ignoreBounds=True)
        self._gesture: object = None
        self._held: tuple[int, float] | None = None
        self._wanted: tuple[int, float, bool] | None = None
        self._frame = QTimer(self, singleShot=True, interval=FRAME_MS)
        self._frame.timeout.connect(self._tell)
        self.plot.setAccessibleDescription(
            "Left and Right choose a step, Up and Down make it longer and shorter; with Shift all others give way"
        )
        self.plot.viewport().installEventFilter(self)

    def set_steps(self, lengths: Array, own: Array) -> None:
        """Show the lengths (N,) of the steps and the model's own (M,)."""
        self._own = own
        self.show_values(lengths)
        if self._held is None:
            self.reset_view()

    def show_values(self, values: Array) -> None:
        """Also the model's own steps, as N steps would share them."""
        super().show_values(values)
        count, own = len(values), len(self._own)
        if count and own:
            x = (np.arange(own) + 0.5) * count / own - 0.5
            self._outline.setData(x, self.heights(self._own * own / count))
        else:
            self._outline.setData([], [])

    def recolour(self) -> None:
        """Also the outline."""
        super().recolour()
        self._outline.setPen(pg.mkPen(self.theme.muted, style=Qt.PenStyle.DashLine))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Nodes are dragged, and keys belong to them while the plot has the focus."""
        kind = event.type()
        if watched is self.plot and isinstance(event, QKeyEvent):
            if kind == QEvent.Type.ShortcutOverride and _is_ours(event):
                event.accept()
                return True
            if kind == QEvent.Type.KeyPress and _is_ours(event):
                self._press(event)
                return True
        if watched is self.plot.viewport() and isinstance(event, QMouseEvent) and len(self.values):
            if kind == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
                return self._grasp(event.position())
            if kind == QEvent.Type.MouseMove:
                return self._move(event)
            if kind == QEvent.Type.MouseButtonRelease and self._held is not None:
                self._let_go()
                return True
        return super().eventFilter(watched, event)

    def _grasp(self, at: QPointF) -> bool:
        node, away = self._nearest(at)
        if away > GRASP:
            return False
        self.plot.setFocus(Qt.FocusReason.MouseFocusReason)
        self._held, self._gesture = (node, self._place(node).y() - at.y()), object()
        self.step_chosen.emit(node)
        return True

    def _move(self, event: QMouseEvent) -> bool:
        if self._held is None:
            near = self._nearest(event.position())[1] <= GRASP
            self.plot.viewport().setCursor(Qt.CursorShape.SizeVerCursor if near else Qt.CursorShape.ArrowCursor)
            return False
        node, offset = self._held
        y = float(self.box.mapSceneToView(event.position() + QPointF(0, offset)).y())
        length = 10 ** min(y, 300.0) if self.log else y
        self._wanted = node, length, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if not self._frame.isActive():
            self._tell()
            self._frame.start()
        return True

    def _let_go(self) -> None:
        self._frame.stop()
        self._tell()
        self._held = None
        self.reset_view()

    @Slot()
    def _tell(self) -> None:
        """The newest wish, at most once in every frame of the screen."""
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self.length_wanted.emit(*wanted, self._gesture)
            if self._held is not None:
                self._frame.start()

    def _press(self, event: QKeyEvent) -> None:
        if not len(self.values):
            return
        if (by := CHOOSES.get(Qt.Key(event.key()))) is not None:
            self.step_chosen.emit(int(np.clip(self.chosen + by, 0, len(self.values) - 1)))
            return
        if not event.isAutoRepeat():
            self._gesture = object()
        length = float(self.values[self.chosen]) * NUDGES[Qt.Key(event.key())]
        everywhere = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self.length_wanted.emit(self.chosen, length, everywhere, self._gesture)

    def _place(self, node: int) -> QPointF:
        """Where a node is in the viewport."""
        height = float(self.heights(self.values[node : node + 1])[0])
        place: QPointF = self.box.mapViewToScene(QPointF(node, height))
        return place

    def _nearest(self, at: QPointF) -> tuple[int, float]:
        """The node nearest to a place of the viewport, and how far it is, pixels."""
        heights = self.heights(self.values)
        zero, one = self.box.mapViewToScene(QPointF(0, 0)), self.box.mapViewToScene(QPointF(1, 1))
        x = zero.x() + np.arange(len(heights)) * (one.x() - zero.x())
        y = zero.y() + heights * (one.y() - zero.y())
        away = np.hypot(x - at.x(), y - at.y())
        node = int(away.argmin())
        return node, float(away[node])


def _is_ours(event: QKeyEvent) -> bool:
    plain = not event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
    return plain and (event.key() in CHOOSES or event.key() in NUDGES)

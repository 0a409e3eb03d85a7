"""Loss over iterations and the floor under it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QTimer, Signal, Slot

from dnf_studio.config.model_kinds import IN_NATS, MODEL_KINDS, Objective
from dnf_studio.core.training.record import History, Mark, StepReport
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.telling import Numbers, Sign
from dnf_studio.gui.drawing.theme import mix
from dnf_studio.gui.features.loss.curve import HELP, LossCurve, MarksLayer, PlaceLine, curve_signs, words_of
from dnf_studio.gui.workspace.run_changes import mark_words

PRESS = "Press Train, and the loss falls here."
SAME = 0.01
"""Nats between two floors that are drawn as one."""
WAIT = "The run begins; its first loss comes in a moment."
LATE = "The first iteration lasts: fewer steps N, points or channels make it shorter. Stop ends it at once."
LATE_MS = 6000


class LossPlot(Plot):
    """The loss of every batch, faint, and smoothed; where it is a likelihood the entropy as its floor, dashed, and
    what a chain of such a last step can attain at best, dotted.

    Where the data has a validation split, the bound on that, of a flow its NLL, has a curve of its own, named
    at the right; beside a loss that is no likelihood it has a scale of its own there, nats.
    Where a setting or the N of progressive training changed there is a thin upright line with its label, and a strong
    one where the views look back to, after a click. Wheel or drag choose another range; a double click follows the
    run again.
    """

    iteration_clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__(*words_of("bound", False), PRESS, help_=HELP)

    def add_parts(self) -> None:
        """Add curves, floors, marks and the scale of the validation split."""
        self._objective: Objective = "bound"
        self._late = QTimer(self, singleShot=True, interval=LATE_MS)
        self._late.timeout.connect(lambda: self.set_hint(LATE))
        self._curve = LossCurve()
        self._floor: float | None = None
        self._attainable: float | None = None
        self._nats = True
        self._following = True
        self._raw, self._smooth = pg.PlotCurveItem(), pg.PlotCurveItem()
        self._line = pg.InfiniteLine(angle=0)
        self._label = pg.InfLineLabel(self._line, "", position=0.98, anchors=[(1, 1), (1, 1)])
        self._least = pg.InfiniteLine(angle=0)
        self._least_label = pg.InfLineLabel(self._least, "", position=0.98, anchors=[(1, 1), (1, 1)])
        self._measured: dict[int, float] = {}
        self._validation = pg.PlotDataItem(symbol="o", symbolSize=5)
        self._unit, self._zero = 1.0, 0.0
        self._scale = self.plot.getAxis("right")
        # It does not follow the box by itself
        self._scale.unlinkFromView()
        self._name_scale()
        self.title_axis("bottom", "Iteration")
        for item in (self._raw, self._smooth, self._line, self._least, self._validation):
            self.plot.addItem(item, ignoreBounds=True)
        self._line.hide()
        self._least.hide()
        self.box.sigRangeChangedManually.connect(self._range_chosen)
        self.box.sigYRangeChanged.connect(self._follow_range)
        self._marks: dict[tuple[int, str], Mark] = {}
        self._back_at: int | None = None
        self.marks, self.place = MarksLayer(self.plot, self.theme), PlaceLine(self.plot)
        for label in (self._label, self._least_label):
            label.setFont(self.plot.getAxis("bottom").style["tickFont"])

    @property
    def smoothed(self) -> float | None:
        """The last value of the smoothed curve, nats, or None while there is none or it is no likelihood."""
        return self._curve.smoothed if self._nats else None

    @property
    def _shown_floor(self) -> float | None:
        return self._floor if self._nats else None

    def look_back(self, iteration: int | None) -> None:
        """Mark the iteration that the views look back to, and say the loss there; None comes back to now."""
        self._back_at = iteration
        self.place.set_iteration(iteration)
        self._refresh()

    def append(self, reports: Sequence[StepReport]) -> None:
        """Add iterations, in order."""
        if reports:
            # A run that went back measures again
            self._measured = {i: nll for i, nll in self._measured.items() if i < reports[0].iteration}
            self._curve.extend((report.iteration, report.loss) for report in reports)
            self._measured |= {r.iteration: r.validation for r in reports if r.validation is not None}
            self.add_marks([mark for report in reports for mark in report.marks])
            self._refresh()

    def add_marks(self, marks: Iterable[Mark]) -> None:
        """Show what changed; marks that are there already are not shown twice."""
        fresh = {(mark.iteration, mark.name): mark for mark in marks}
        if fresh.items() <= self._marks.items():
            return
        self._marks |= fresh
        places: dict[float, list[Mark]] = {}
        for mark in sorted(self._marks.values(), key=lambda mark: mark.iteration):
            places.setdefault(float(mark.iteration), []).append(mark)
        words = {place: mark_words(here) for place, here in places.items()}
        self.marks.set_marks(words)
        self.plot.setAccessibleDescription(" ".join([self.caption, *(tip for _, tip in words.values())]))

    def show_history(self, history: History, marks: Iterable[Mark], validation: History | None = None) -> None:
        """Begin with the curves of a run that was saved."""
        self.clear()
        if validation is not None:
            self._measured = dict(zip(validation.iterations, validation.losses, strict=True))
        self._curve.extend(zip(history.iterations, history.losses, strict=True), history.stride)
        self.add_marks(marks)
        self._refresh()

    def set_floor(self, floor: float | None, attainable: float | None = None) -> None:
        """The exact entropy and the least bound of a chain with the last step of this one, nats; None where unknown."""
        if (floor, attainable) != (self._floor, self._attainable):
            self._floor, self._attainable = floor, attainable
            self.set_words(*words_of(self._objective, floor is not None))
            self._refresh()

    def set_model(self, model: str) -> None:
        """What the losses to come are: of a diffusion model or flow matching they are not nats and have no floor."""
        self._objective = MODEL_KINDS[model].objective
        self.set_words(*words_of(self._objective, self._floor is not None))
        self._nats = self._objective in IN_NATS
        self._name_scale()
        self._refresh()

    def set_other(self) -> None:
        """What the losses to come are is not known: a script gives them."""
        self.set_words("Loss, as the script gives it", "The loss that the script gives to watch.update, and smoothed.")
        self.set_hint("Losses that the script gives to watch.update fall here.")
        self._nats = False
        self._name_scale()
        self._refresh()

    def set_training(self, active: bool) -> None:
        """Whether a run is under way whose first loss may still be to come."""
        self.set_hint(WAIT if active else PRESS)
        (self._late.start if active else self._late.stop)()

    def clear(self) -> None:
        """Forget the curve, for a new run."""
        self._curve = LossCurve()
        self._following = True
        self._marks.clear()
        self._measured.clear()
        self.marks.set_marks({})
        self.plot.setAccessibleDescription(self.caption)
        self._refresh()

    def reset_view(self) -> None:
        """Follow the run again."""
        self._following = True
        low, high = self._curve.limits(self._shown_floor)
        if self._measured and self._nats:
            least, most = self._validation_limits()
            low, high = min(low, least), max(high, most)
        last = float(self._curve.iterations[-1]) if len(self._curve.iterations) else 0.0
        first = float(self._curve.iterations[0]) if len(self._curve.iterations) else 0.0
        begin = 0.0 if first < 0.5 * last else first
        self.box.setRange(xRange=(begin, max(last, begin + 50)), yRange=(low, high), padding=0)

    def clicked_at(self, x: float, _y: float) -> None:
        """Say which iteration was clicked."""
        self.iteration_clicked.emit(max(0, round(x)))

    def recolour(self) -> None:
        """Also curves and floor."""
        super().recolour()
        theme = self.theme
        self._raw.setPen(pg.mkPen(mix(theme.data, theme.base, 0.62)))
        self._smooth.setPen(pg.mkPen(theme.text, width=2))
        self._validation.setPen(pg.mkPen(theme.accent))
        self._validation.setSymbolPen(None)
        self._validation.setSymbolBrush(theme.accent)
        self._scale.setPen(pg.mkPen(theme.border))
        self._scale.setTextPen(pg.mkPen(theme.accent))
        self._line.setPen(pg.mkPen(theme.floor, style=pg.QtCore.Qt.PenStyle.DashLine))
        self._least.setPen(pg.mkPen(theme.floor, style=pg.QtCore.Qt.PenStyle.DotLine))
        for label in (self._label, self._least_label):
            label.setColor(theme.floor)
        self.marks.recolour(theme)
        self.place.recolour(theme)

    def signs(self) -> Sequence[Sign]:
        """Both forms of the curve, and that of the validation split where there is one."""
        return curve_signs(self.theme, bool(self._measured))

    def numbers(self) -> Numbers | None:
        """The curves as they are drawn: of a long run a row is the mean of several iterations."""
        return self._curve.table(self._measured, "nats" if self._nats else "")

    def refont(self) -> None:
        """Also the labels."""
        super().refont()
        for label in (self._label, self._least_label):
            label.setFont(self.plot.getAxis("bottom").style["tickFont"])
        self.marks.refit()

    def _refresh(self) -> None:
        curve, floor = self._curve, self._shown_floor
        self.set_empty(not len(curve.iterations))
        self._raw.setData(curve.iterations.copy(), curve.raw.copy())
        self._smooth.setData(curve.iterations.copy(), curve.smooth.copy())
        self._show_validation()
        least = self._show_floors(floor)
        if curve.smoothed is None:
            self.set_note("")
            self.caption_line.set_meaning("")
        else:
            from dnf_studio.gui.features.loss.meaning import run_meaning

            self.caption_line.set_meaning(run_meaning(curve, floor, least, self._measured, self._nats))
            shown = self._smoothed_there()
            value = "untrained" if shown is None else f"{shown:.3f}".replace("-", "−")
            self.set_note(f"{value} nats" if self._nats and shown is not None else value, value)
        if self._following:
            self.reset_view()

    def _smoothed_there(self) -> float | None:
        """The smoothed curve now, or where the views look back to; None before the first iteration."""
        if self._back_at is None:
            return self._curve.smoothed
        place = int(np.searchsorted(self._curve.iterations, self._back_at, side="right"))
        return float(self._curve.smooth[place - 1]) if place else None

    def _show_floors(self, floor: float | None) -> float | None:
        """The entropy, and above it what the chain can attain where that is another, which is returned."""
        some = bool(len(self._curve.iterations))
        least = self._attainable if self._objective == "bound" else None
        if least is not None and floor is not None and least < floor + SAME:
            least = None
        for line, label, value, name in (
            (self._line, self._label, floor, "floor"),
            (self._least, self._least_label, least, "attainable"),
        ):
            line.setVisible(value is not None and some)
            if value is not None:
                line.setValue(value)
                label.setFormat(f"{name} {value:.3f}".replace("-", "−"))
        return least

    def _show_validation(self) -> None:
        """The curve of the validation split and what names it."""
        self._unit, self._zero = 1.0, 0.0
        if self._measured and not self._nats:
            (low, high), (least, most) = self._curve.limits(None), self._validation_limits()
            self._unit = (high - low) / (most - least)
            self._zero = low - self._unit * least
        values = np.array(list(self._measured.values()))
        self._validation.setData(list(self._measured), self._unit * values + self._zero)
        self.plot.showAxis("right", bool(self._measured and len(self._curve.iterations)))
        self._follow_range()

    def _validation_limits(self) -> tuple[float, float]:
        """A range that shows what was measured well; the beginning and a rise at the end may leave it."""
        values = np.array(list(self._measured.values()))[len(self._measured) // 6 :]
        low, high = float(values.min()), float(np.quantile(values, 0.9))
        margin = max(0.08 * (high - low), 0.02)
        return low - margin, high + margin

    def _name_scale(self) -> None:
        """Numbers at the right only where they are other than those at the left."""
        self._scale.setStyle(showValues=not self._nats)
        self._scale.setLabel("validation" if self._nats else "validation, nats")
        self.title_axis("left", "Loss, nats" if self._nats else "Loss")

    @Slot()
    def _follow_range(self, *_: object) -> None:
        if self._measured:
            low, high = self.box.viewRange()[1]
            self._scale.setRange((low - self._zero) / self._unit, (high - self._zero) / self._unit)

    @Slot(object)
    def _range_chosen(self, _: object) -> None:
        self._following = False

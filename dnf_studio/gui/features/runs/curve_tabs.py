"""The plots of the models that are compared, a tab each, with what each can be drawn over."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QTabWidget, QVBoxLayout, QWidget

from dnf_studio.gui.drawing.distances import AXES
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.theme import LIGHT, Theme
from dnf_studio.gui.features.runs import meaning
from dnf_studio.gui.features.runs.measuring import Measuring
from dnf_studio.gui.features.runs.plots import ALONG, ExcessCurves, LossCurves
from dnf_studio.gui.features.runs.quality_plots import LikelihoodMarks, Named, QualityCurves
from dnf_studio.gui.widgets.controls import ChoiceBox, label_of
from dnf_studio.gui.workspace.curves import Curves

STEPS = "5, 10, 20"
UNITS = {
    "bound": ("nats: bound or likelihood", "NLL, nats"),
    "noise": ("error of the noise", "mean square"),
    "velocity": ("error of the velocity", "mean square"),
    "validation": ("validation NLL", "NLL, nats"),
}
"""Kinds of curve of a run: as they are chosen, and what stands at the left."""
P = TypeVar("P", bound=Plot)


class CurveTabs(QTabWidget):
    """Quality, disagreement, likelihood and loss; a plot is made when its tab is first in front, and drawn there only:
    with all four at once the page would come late."""

    def __init__(self, curves: Curves, measuring: Measuring) -> None:
        super().__init__()
        self._curves, self.measuring = curves, measuring
        self._theme = LIGHT
        self._columns: dict[str, QVBoxLayout] = {}
        self._make_controls()
        self._arrange()

    @cached_property
    def quality(self) -> QualityCurves:
        """Distances of samples to the data over steps or cost."""
        return self._placed("Quality", QualityCurves())

    @cached_property
    def excess(self) -> ExcessCurves:
        """What each step of each model misses."""
        return self._placed("Disagreement", ExcessCurves())

    @cached_property
    def likelihood(self) -> LikelihoodMarks:
        """Bound and likelihood of each model."""
        return self._placed("Likelihood", LikelihoodMarks())

    @cached_property
    def loss(self) -> LossCurves:
        """Losses or validation over training."""
        return self._placed("Loss", LossCurves())

    @property
    def title(self) -> str:
        """The text of the tab in front."""
        return self.tabText(self.currentIndex())

    def set_theme(self, theme: Theme) -> None:
        """Recolour all plots, also those that are made later."""
        self._theme = theme
        for plot in self.findChildren(Plot):
            plot.set_theme(theme)

    def _make_controls(self) -> None:
        self.steps = QLineEdit(STEPS)
        self.steps_label = label_of(self.steps, "&N", "Step numbers that samples are compared at, such as 5, 10, 20")
        self.axis = ChoiceBox({f"over {short}": axis for axis, (short, _) in AXES.items()})
        self.kind = ChoiceBox({})
        self.along = ChoiceBox({f"over {name.replace('_', '-')}": name for name in ALONG})
        for box, tip in (
            (self.axis, "Draw quality over steps, or over what a sample costs"),
            (self.kind, "Losses of one kind can be compared; others are drawn by themselves"),
            (self.along, "Draw losses over iterations, training time or multiply-adds of training"),
        ):
            box.setToolTip(tip)
            box.setAccessibleName(tip)
            box.chosen.connect(lambda _value: self.draw())

    def _arrange(self) -> None:
        self.setDocumentMode(True)
        rows: dict[str, tuple[QWidget, ...]] = {
            "Quality": (self.steps_label, self.steps, self.axis),
            "Disagreement": (),
            "Likelihood": (),
            "Loss": (self.kind, self.along),
        }
        for title, controls in rows.items():
            page, row = QWidget(), QHBoxLayout()
            for control in controls:
                row.addWidget(control, 0 if control is self.steps_label else 1)
            column = QVBoxLayout(page)
            column.setContentsMargins(0, 4, 0, 0)
            column.addLayout(row)
            self._columns[title] = column
            self.addTab(page, title)

    def _placed(self, title: str, plot: P) -> P:
        """The `plot` under the controls of its tab, in the colours of the others."""
        self._columns[title].addWidget(plot, 1)
        plot.set_theme(self._theme)
        return plot

    def draw(self) -> None:
        """Draw the tab in front as things are known now."""
        draw: dict[str, Callable[[], None]] = {
            "Quality": self._draw_quality,
            "Disagreement": self._draw_excess,
            "Likelihood": self._draw_likelihood,
            "Loss": self._draw_loss,
        }
        draw[self.title]()

    def _draw_quality(self) -> None:
        first = next((one.data for one in self._curves.kept if one.rows), None)
        rows = {one.slot: one.rows for one in self._curves.kept if one.data == first}
        others = [one.name for one in self._curves.kept if one.rows and one.data != first]
        self.quality.set_note(f"not drawn, other data: {', '.join(others)}" if others else "")
        self.quality.show_rows(rows, self.axis.currentData())
        means = meaning.of_quality({one.name: one.rows for one in self._curves.kept if one.data == first})
        self.quality.caption_line.set_meaning(means)

    def _draw_excess(self) -> None:
        models = self._curves.models
        known = {one.slot: found for one in models if (found := self.measuring.excess(one.sha256)) is not None}
        self.excess.show_excess(known)
        named = {one.name: known[one.slot] for one in models if one.slot in known}
        self.excess.caption_line.set_meaning(meaning.of_excess(named))

    def _draw_likelihood(self) -> None:
        models = self._curves.models
        found = [self.measuring.standing(one) for one in models]
        floors = {one.record.entropy for one in found if one.record is not None}
        same = len({one.data for one in found}) == 1 and len(floors) == 1
        named = [Named(one.slot, one.name) for one in models]
        marks = [(n, s.likelihoods.get("bound"), s.likelihoods.get("ode")) for n, s in zip(named, found, strict=True)]
        self.likelihood.show_marks(marks, floors.pop() if same else None)
        self.likelihood.caption_line.set_meaning(meaning.of_likelihoods(found))

    def _draw_loss(self) -> None:
        records = {one.slot: r for one in self._curves.models if (r := self.measuring.records.get(one.sha256))}
        kinds = {slot: "bound" if one.objective == "likelihood" else one.objective for slot, one in records.items()}
        offered = [kind for kind in UNITS if kind in kinds.values()]
        offered += ["validation"] * any(len(one.validation.values) for one in records.values())
        self.kind.set_choices({UNITS[kind][0]: kind for kind in offered})
        chosen = self.kind.currentData()
        if chosen is None:
            self.loss.show_curves({}, "iterations", "")
            return
        shown = {
            slot: one.validation if chosen == "validation" else one.loss
            for slot, one in records.items()
            if (len(one.validation.values) if chosen == "validation" else kinds[slot] == chosen)
        }
        left = len(records) - len(shown)
        self.loss.set_note(f"{left} of {len(records)} have a loss of another kind" if left else "")
        self.loss.show_curves(shown, self.along.currentData(), UNITS[chosen][1])
        names = {one.slot: one.name for one in self._curves.models}
        self.loss.caption_line.set_meaning(meaning.of_losses({names[slot]: one for slot, one in shown.items()}))

"""The page of several N: errors along the same Brownian paths, and the quality of samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QColor, QIcon, QPixmap, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QSplitter, QTabBar, QWidget

from dnf_studio.core.sde.sample_settings import AS_VIEWED
from dnf_studio.core.sde.solvers import solver_in_effect, unused_settings
from dnf_studio.errors import SettingError
from dnf_studio.gui.drawing.distances import in_brackets
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.features.lab.compare import CompareRow
from dnf_studio.gui.features.lab.error_plot import EndsPlot, ErrorPlot, ramp_of
from dnf_studio.gui.features.lab.page import LabPage, RowTable, grid_words, last_words, number
from dnf_studio.gui.features.lab.quality_plot import QualityPlot
from dnf_studio.gui.widgets.choices import Directions
from dnf_studio.gui.widgets.controls import ChoiceBox, caption, label_of
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.lab import StepsStudy, Study, parse_steps

if TYPE_CHECKING:
    from dnf_studio.core.exploration.rediscretise import Rediscretised
    from dnf_studio.core.exploration.variants import Variant

DEFAULT = "5, 10, 20, 30, 50, 100, 200"
HIGH = 780
"""Pixels from which on all three plots are seen."""
HEADERS = (
    ("N", "Number of steps"),
    ("forward", "Root mean square error of the latents against the finest grid, model units"),
    ("backward", "Root mean square error of the samples against the finest grid, model units"),
    (
        "SWD",
        "Debiased sliced Wasserstein distance of the samples to data and its standard error, model units; in brackets "
        "where it is not told apart from the data",
    ),
    ("outside", "Share of samples farther than 0.02 from the support of the data"),
)
NO_DATA = "The data of this model is not here, so the quality of its samples cannot be measured."


class StepsPage(LabPage):
    """The field of N, three plots of what is found, and a table whose row, as a curve, chooses an N."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._steps = parse_steps(DEFAULT)
        self._chosen = 0
        self._study: StepsStudy | None = None
        self._results: Sequence[object] = ()
        self._studio, self._curves = workspace.studio, workspace.curves
        self.error, self.ends, self.quality = ErrorPlot(), EndsPlot(), QualityPlot()
        self.plots = self.error, self.ends, self.quality
        self._make_field()
        self._make_switches()
        self._make_plots()
        self._make_table()
        self.error.picked.connect(self.choose)
        self.ends.picked.connect(self.choose)
        self.quality.picked.connect(lambda row: self.choose(self._study.steps[row] if self._study else 0))

    def take_typed(self) -> None:
        self._edited()

    def study(self, weights: int) -> Study | None:
        state = self.session.effective
        if not self.mistake.isHidden():
            return None
        return StepsStudy(weights, state.sampling, self._steps)

    def words(self, study: Study) -> str:
        return self.way_words(cast(StepsStudy, study))

    def show_results(self, study: Study | None, results: Sequence[object]) -> None:
        if study != self._study:
            self._chosen = 0
        self._study, self._results = cast("StepsStudy | None", study), results
        self._draw()

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.directions.set_theme(theme)
        self.compare.set_theme(theme)
        self._draw()

    @Slot(int)
    def choose(self, steps: int) -> None:
        """Set this N off everywhere."""
        self._chosen = steps
        self._draw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show all plots where they fit, else one at a time."""
        super().resizeEvent(event)
        self._arrange()

    def _make_field(self) -> None:
        self.field = QLineEdit(DEFAULT)
        label = label_of(self.field, "&N to compare", "Step numbers from 1 to 200, such as 5, 10, 20; Enter computes")
        self.mistake = caption(warning=True)
        self.mistake.hide()
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.field, 1)
        self.column.addLayout(row)
        self.column.addWidget(self.mistake)
        self.field.editingFinished.connect(self._edited)
        self.field.returnPressed.connect(self._entered)

    def _make_switches(self) -> None:
        self.directions = Directions()
        self.directions.turned.connect(lambda _name: self._draw())
        self.along = ChoiceBox({"over i/N": False, "over t": True})
        self.along.setToolTip("Draw the error over the fraction i/N of the way, or over the time t")
        self.along.setAccessibleName("Axis of the error")
        self.along.chosen.connect(lambda _by_time: self._draw())
        self._switches = QWidget()
        row = QHBoxLayout(self._switches)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.directions)
        row.addStretch(1)
        row.addWidget(self.along)
        self.column.addWidget(self._switches)

    def _make_plots(self) -> None:
        self.tabs = QTabBar()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setAccessibleName("Error by step, end error or quality")
        for place, (name, plot) in enumerate(
            (("By step", self.error), ("At the end", self.ends), ("Quality", self.quality))
        ):
            self.tabs.addTab(name)
            self.tabs.setTabToolTip(place, plot.caption)
        self.tabs.currentChanged.connect(lambda _place: self._arrange())
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        for plot in self.plots:
            splitter.addWidget(plot)
        self.compare = CompareRow(self._curves)
        self.compare.changed.connect(self._draw)
        self.column.addWidget(splitter, 1)
        self.column.addWidget(self.compare)
        self.column.addWidget(self.tabs)
        self._arrange()

    def _make_table(self) -> None:
        tip = "What was found for each N; a row, as a curve, chooses one"
        self.table = RowTable("Errors and quality by N", tip, HEADERS)
        self.table.fit_height(7)
        self.table.chosen.connect(lambda row: self.choose(self._study.steps[row] if self._study else 0))
        self.show_button = QPushButton("Show in the views")
        self.show_button.setToolTip("Set View N to the chosen N")
        self.show_button.clicked.connect(self._show_in_views)
        # Wraps, so that the dock does not grow under the pointer when it speaks
        self.told = caption()
        row = QHBoxLayout()
        row.addWidget(self.told, 1)
        row.addWidget(self.show_button)
        self.column.addWidget(self.table)
        self.column.addLayout(row)

    def _arrange(self) -> None:
        high = self.height() >= HIGH
        self.tabs.setVisible(not high)
        for place, plot in enumerate(self.plots):
            plot.setVisible(high or place == self.tabs.currentIndex())
        self._switches.setVisible(high or self.tabs.currentIndex() == 0)
        self.compare.setVisible(high or self.tabs.currentIndex() == 2)

    def _edited(self) -> None:
        try:
            steps = parse_steps(self.field.text())
        except SettingError as error:
            self.mistake.setText(str(error))
            self.mistake.show()
        else:
            self.mistake.hide()
            self._steps = steps
        self.altered.emit()

    def _entered(self) -> None:
        self._edited()
        if self.mistake.isHidden():
            self.wanted.emit()

    def _show_in_views(self) -> None:
        if self._chosen:
            self.session.apply({"steps": self._chosen})

    def _rows(self) -> tuple[list[Rediscretised], list[Variant]]:
        count = len(self._study.steps) if self._study is not None else 0
        return cast("list[Rediscretised]", self._results[:count]), cast("list[Variant]", self._results[count:])

    def _draw(self) -> None:
        errors, samples = self._rows()
        steps = self._study.steps if self._study is not None else self._steps
        by_time = bool(self.along.currentData())
        self.error.show_rows(errors, steps, self.directions.current, by_time, self._chosen)
        self.ends.show_rows(errors, self._chosen)
        chosen = steps.index(self._chosen) if self._chosen in steps else None
        current = self._studio.current
        without = current is not None and current.dataset is None
        self.quality.set_hint(NO_DATA if without else "The quality of each N is computed after the errors.")
        data = None
        if current is not None and current.dataset is not None:
            data = current.dataset.fingerprint, current.snapshot.standardisation
        self.compare.offer(self._curve_name(), data, samples)
        self.quality.show_kept(self.compare.curves, self.compare.across)
        self.quality.show_rows(samples, chosen)
        self._write(errors, samples, chosen, ramp_of(self.theme, self.directions.current, len(steps)))

    def _curve_name(self) -> str:
        """Model, solver and what is not as usual, for the names of curves that are compared."""
        study, current = self._study, self._studio.current
        if study is None or current is None:
            return ""
        way = study.sampling
        solver = solver_in_effect(way.solver, self.session.solvers, way.steps)
        words, unused = [current.shown.name, solver.label], unused_settings(solver, self.session.lacks)
        for name, value, told in (
            ("lam", way.lam, f"λ = {way.lam:g}"),
            ("last", way.last, last_words(way.last)),
            ("grid", way.grid, grid_words(way.grid)),
        ):
            if value != getattr(AS_VIEWED, name) and name not in unused:
                words.append(told)
        return ", ".join(words)

    def _write(
        self,
        errors: Sequence[Rediscretised],
        samples: Sequence[Variant],
        chosen: int | None,
        colours: Sequence[str],
    ) -> None:
        rows = []
        for k, row in enumerate(errors):
            more = samples[k] if k < len(samples) else None
            distance = None if more is None else more.to_data
            outside = None if more is None or more.outside is None else 100 * more.outside
            share = "–" if outside is None else f"{outside:.1f}%"
            ends = [number(end, 4) if np.isfinite(end) else "not finite" for end in (row.forward_end, row.backward_end)]
            rows.append([str(row.steps), *ends, in_brackets(distance), share])

        def colour(r: int) -> None:
            item = self.table.item(r, 0)
            if item is not None:
                item.setIcon(_swatch(colours[r]))

        self.table.show_cells(rows, chosen if chosen is not None and chosen < len(rows) else None, colour)
        self.show_button.setEnabled(self._chosen > 0)
        self.show_button.setText(f"Show N = {self._chosen} in the views" if self._chosen else "Show in the views")
        same = "points" if "noise" in self.session.lacks else "Brownian paths"
        finest = f"Against {errors[0].finest:,} steps, same {same}." if errors else ""
        self.told.setText(finest)


def _swatch(colour: str) -> QIcon:
    picture = QPixmap(10, 10)
    picture.fill(QColor(colour))
    return QIcon(picture)

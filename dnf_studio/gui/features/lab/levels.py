"""The pages of several λ and of the two last steps: clouds of samples and their distances."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSplitter, QVBoxLayout

from dnf_studio.core.sde.solvers import SDE
from dnf_studio.gui.features.lab.distance_plot import LevelsPlot
from dnf_studio.gui.features.lab.page import (
    LabPage,
    RowTable,
    grid_words,
    in_brackets,
    last_words,
    number,
    steps_words,
    told,
)
from dnf_studio.gui.features.lab.plane_plot import NO_POINTS, Array, CloudPlot
from dnf_studio.gui.widgets.controls import caption
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.lab import LEVELS, LastStudy, LevelsStudy, Study

if TYPE_CHECKING:
    from dnf_studio.core.exploration.variants import Variant

ONE = LEVELS.index(1.0)
LINE = "One component has no plane; the distances say how the samples differ."
LEVEL_HEADERS = (
    ("λ", "Noise level of the backward process: 0 is the probability-flow ODE, 1 the backward SDE"),
    (
        "to λ = 1",
        "Debiased sliced Wasserstein distance to independent samples of λ = 1 and its standard error, model units; in "
        "brackets where the two are not told apart",
    ),
    (
        "to data",
        "Debiased sliced Wasserstein distance to data and its standard error, model units; in brackets where it is not "
        "told apart from the data",
    ),
    ("resolution", "What the distance to λ = 1 has to exceed to be told apart"),
    ("outside", "Share of samples farther than 0.02 from the support of the data"),
)
EQUATION = (
    "Equation 17: with the exact score every λ has the same marginals. It holds only as far as the score is right, "
    "and up to the steps, of order 1/N. A distance to λ = 1 that is told apart from 0 says that it does not hold here."
)


class LevelsPage(LabPage):
    """Samples of the chosen λ over those of λ = 1, and the distances of all."""

    views = frozenset({"axes", "projection"})

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._rows: list[Variant] = []
        self._chosen = 0
        self.cloud = CloudPlot("Samples by λ", "Samples of the chosen λ over those of λ = 1, grey; same latents.", LINE)
        self.distances = LevelsPlot()
        self.plots = self.cloud, self.distances
        self.table = RowTable("Distances by λ", "What was found for each λ; a row chooses one", LEVEL_HEADERS)
        self.table.fit_height(len(LEVELS))
        self.show_button = QPushButton()
        self.show_button.setToolTip("Set λ of the views to the chosen one")
        self.show_button.clicked.connect(lambda: self.session.apply({"solver": SDE.name, "lam": LEVELS[self._chosen]}))
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        for place, plot in enumerate(self.plots):
            splitter.addWidget(plot)
            splitter.setStretchFactor(place, 2 - place)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.show_button)
        self.column.addWidget(splitter, 1)
        self.column.addWidget(self.table)
        self.column.addLayout(row)
        self.column.addWidget(caption(EQUATION))
        self.table.chosen.connect(self.choose)
        self.distances.picked.connect(self.choose)
        self._draw()

    def study(self, weights: int) -> Study | None:
        return LevelsStudy(weights, self.session.state.sampling)

    def words(self, study: Study) -> str:
        asked = cast(LevelsStudy, study).sampling
        return f"{steps_words(asked.steps)}, {grid_words(asked.grid)}, {last_words(asked.last)}"

    def show_results(self, study: Study | None, results: Sequence[object]) -> None:
        self._rows = cast("list[Variant]", list(results))
        self._draw()

    @Slot(int)
    def choose(self, row: int) -> None:
        """Show the samples of this λ."""
        self._chosen = row
        self._draw()

    def _draw(self) -> None:
        rows, chosen = self._rows, self._chosen
        self.distances.show_rows(rows, chosen if rows else None)
        self.cloud.set_hint("Compute shows the samples of each λ." if not rows else LINE)
        clouds = [self._plane(rows[k]) if k < len(rows) else NO_POINTS for k in (chosen, ONE)]
        self.cloud.show_clouds(clouds[0], clouds[1])
        self.cloud.set_note(f"λ = {LEVELS[chosen]:g} over λ = 1" if rows else "")
        self.show_button.setText(f"Show λ = {LEVELS[chosen]:g} in the views")
        self.show_button.setEnabled(bool(rows))
        cells = [_cells(row) for row in rows]
        self.table.show_cells(cells, chosen if chosen < len(rows) else None, lambda _row: None)

    def _plane(self, row: Variant) -> Array:
        if row.samples.shape[-1] < 2:
            return NO_POINTS
        return self.live.plane_of(row.samples)


def _cells(row: Variant) -> list[str]:
    resolution = None if row.to_reference is None else row.to_reference.resolution
    return [
        f"{row.settings.lam:g}",
        in_brackets(row.to_reference),
        in_brackets(row.to_data),
        number(resolution),
        "–" if row.outside is None else f"{100 * row.outside:.1f}%",
    ]


class LastPage(LabPage):
    """Samples of the two last steps side by side: the same latents and Brownian paths."""

    views = frozenset({"axes", "projection"})

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._rows: list[Variant] = []
        titles = {"mean": "Mean only", "noise": "With its noise"}
        self.clouds = {
            name: CloudPlot(title, f"Samples with the last step {title.lower()}.", LINE)
            for name, title in titles.items()
        }
        self.clouds["mean"].link(self.clouds["noise"])
        self.plots = tuple(self.clouds.values())
        self.told = {name: caption() for name in titles}
        self.buttons = {name: QPushButton("Show in the views") for name in titles}
        splitter = QHBoxLayout()
        for name, title in titles.items():
            column = QVBoxLayout()
            column.addWidget(self.clouds[name], 1)
            column.addWidget(self.told[name])
            column.addWidget(self.buttons[name])
            self.buttons[name].setToolTip(f"Set the last step of the views: {title.lower()}")
            self.buttons[name].setAccessibleName(f"Show {title.lower()} in the views")
            self.buttons[name].clicked.connect(partial(self._use, name))
            splitter.addLayout(column, 1)
        self.column.addLayout(splitter, 1)
        self.column.addWidget(
            caption(
                "The mean of one Gaussian step is Tweedie's estimate of the data; its noise blurs samples by g√Δ. "
                "Both begin at the same latents and use the same noise before."
            )
        )
        self._draw()

    def study(self, weights: int) -> Study | None:
        return LastStudy(weights, self.session.state.sampling)

    def words(self, study: Study) -> str:
        asked = cast(LastStudy, study).sampling
        return f"{steps_words(asked.steps)}, λ = {asked.lam:g}, {grid_words(asked.grid)}"

    def show_results(self, study: Study | None, results: Sequence[object]) -> None:
        self._rows = cast("list[Variant]", list(results))
        self._draw()

    def _use(self, last: str, _checked: bool = False) -> None:
        self.session.apply({"solver": SDE.name, "last": last})

    def _draw(self) -> None:
        for k, (name, plot) in enumerate(self.clouds.items()):
            row = self._rows[k] if k < len(self._rows) else None
            plot.set_hint("Compute shows the samples." if row is None else LINE)
            flat = row is not None and row.samples.shape[-1] > 1
            points = self.live.plane_of(row.samples) if row is not None and flat else NO_POINTS
            plot.show_clouds(points, np.empty((0, 2), np.float32))
            self.buttons[name].setEnabled(row is not None)
            self.told[name].setText(_told(row))


def _told(row: Variant | None) -> str:
    if row is None:
        return ""
    if row.to_data is None:
        return "No data to compare with." if len(row.samples) else "The samples left the finite numbers."
    outside = "" if row.outside is None else f"; {100 * row.outside:.1f}% outside the support"
    return f"To data: {told(row.to_data)}{outside}."

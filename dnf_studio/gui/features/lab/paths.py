"""The page of coarse paths over fine ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QHBoxLayout, QPushButton

from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.features.lab.page import LabPage, number, steps_words
from dnf_studio.gui.features.lab.plane_plot import PathsPlot
from dnf_studio.gui.widgets.choices import Directions
from dnf_studio.gui.widgets.controls import caption
from dnf_studio.gui.workspace.state import CHOICE
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.lab import PathsFound, PathsStudy, Study

FEW, MOST = 3, 8
NONE = np.empty((0, 0, 2), np.float32)
Array = NDArray[np.float32]


class PathsPage(LabPage):
    """The chosen points, or the first few, at View N and on the finest grid."""

    views = frozenset({"axes", "projection"})

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._found: PathsFound | None = None
        self.plot = PathsPlot()
        self.plots = (self.plot,)
        self.directions = Directions()
        self.directions.turned.connect(lambda _name: self._turn())
        self.near = QPushButton("&Fit to paths")
        self.near.setToolTip("Zoom to these paths; a double click shows the whole again")
        self.near.clicked.connect(self._zoom)
        self.told = caption()
        row = QHBoxLayout()
        row.addWidget(self.directions)
        row.addStretch(1)
        row.addWidget(self.near)
        self.column.addLayout(row)
        self.column.addWidget(self.plot, 1)
        self.column.addWidget(self.told)
        workspace.session.changed.connect(self._follow)

    def study(self, weights: int) -> Study | None:
        state, frame = self.session.effective, self.live.frame
        count = frame.forward.shape[1] if frame is not None else FEW
        # Chosen in the other process they are other points
        own = state.chosen_in(self.directions.current)
        chosen = tuple(sorted(point for point in own[-MOST:] if point < count))
        points = chosen or tuple(range(min(FEW, count)))
        return PathsStudy(weights, state.sampling, points)

    def words(self, study: Study) -> str:
        asked = cast(PathsStudy, study)
        return f"{steps_words(asked.sampling.steps)}, {self.way_words(asked)}"

    def show_results(self, study: Study | None, results: Sequence[object]) -> None:
        before, self._found = self._found, cast(PathsFound, results[0]) if results else None
        self._draw()
        if self._found is not None and self._found is not before:
            self._zoom()

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self.directions.set_theme(theme)

    def _follow(self, names: frozenset[str]) -> None:
        """Other points are quickly there."""
        if names & CHOICE and self.isVisible():
            self.wanted.emit()

    def _planes(self) -> tuple[Array, Array]:
        """Coarse and fine in the plane that is drawn; over t where there is one component only."""
        found = self._found
        if found is None:
            return NONE, NONE
        paths = found.forward if self.directions.current == "forward" else found.backward
        if paths[0].shape[-1] == 1:
            ends = found.fine_t[0], found.fine_t[-1]
            return _over_time(paths[0], found.coarse_t, ends), _over_time(paths[1], found.fine_t, ends)
        return self.live.plane_of(paths[0]), self.live.plane_of(paths[1])

    def _draw(self) -> None:
        coarse, fine = self._planes()
        self.plot.show_paths(coarse, fine, self.directions.current)
        self.near.setEnabled(self._found is not None)
        found = self._found
        if found is None:
            self.told.setText("")
            return
        forward = self.directions.current == "forward"
        ends = [paths[-1 if forward else 0] for paths in (found.forward if forward else found.backward)]
        away = np.linalg.norm(ends[0].astype(np.float64) - ends[1], axis=-1)
        which = ", ".join(f"{point}" for point in found.points)
        many = "Points" if len(found.points) > 1 else "Point"
        self.told.setText(
            f"{many} {which} of the {self.directions.current} view: "
            f"{len(found.coarse_t) - 1} steps over {len(found.fine_t) - 1}. "
            f"At the {'noise' if forward else 'data'} they end {number(float(away.mean()), 4)} apart on average. "
            "Choose points in a view to see theirs."
        )

    def _turn(self) -> None:
        self._draw()
        self._zoom()
        self._follow(CHOICE)

    def _zoom(self) -> None:
        coarse, fine = self._planes()
        self.plot.show_range(np.concatenate([coarse.reshape(-1, 2), fine.reshape(-1, 2)]))


def _over_time(paths: Array, t: NDArray[np.float64], ends: tuple[float, float]) -> Array:
    """One component (K, P, 1) over time, data at −3 and noise at 3: (K, P, 2)."""
    way = 6 * (t - ends[0]) / (ends[1] - ends[0]) - 3
    across = np.broadcast_to(way[:, None, None], paths.shape)
    return np.concatenate([across, paths], axis=-1).astype(np.float32)

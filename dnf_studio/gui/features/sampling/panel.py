"""The Sampling panel: how the shown model is sampled, the way to an export, and what says that a part is left out."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from dnf_studio.core.sde.sample_settings import STARTS
from dnf_studio.core.sde.solvers import SOLVERS
from dnf_studio.gui.drawing.help import Help, HelpButton
from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.widgets.choices import GRIDS, LAST_STEPS, GridBox, grey_grids, grey_unused
from dnf_studio.gui.widgets.controls import ChoiceBox, label_of
from dnf_studio.gui.widgets.page import Page
from dnf_studio.gui.widgets.solver_box import SolverBox
from dnf_studio.gui.workspace.commands import Commands
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.frames import Frame
from dnf_studio.workers.marginals import Comparison


def help_now() -> Help:
    """A line for each solver that there is now, with the number of its source."""
    sources = tuple(dict.fromkeys(one.source for one in SOLVERS))
    return Help(
        "the solvers",
        "Ways to step from noise to data, on the same time grid and from the same latents. Every pair of SDEs has "
        "those that step by f and s. A diffusion model, whose network predicts the noise ε̂ "
        "of x<sub>t</sub> = a<sub>t</sub> x<sub>0</sub> + σ<sub>t</sub> ε, has more, which step from t to an earlier s "
        "by its exact marginals and so stand fewer steps; y is the data it predicts. A flow and "
        "flow matching have steps of their ODE.",
        tuple(dict.fromkeys(f"{one.card} [{sources.index(one.source) + 1}]" for one in SOLVERS)),
        " ".join(f"[{number}] {source}." for number, source in enumerate(sources, 1)),
        paper="",
    )


HELP = help_now()
"""That without plug-ins."""
PARTS: dict[str, str | None] = {"drift and score": "both", "drift only, s = 0": "drift", "score only, f = 0": "score"}
EQUATIONS = {
    "drift": "dx = f dt + λ g dw̄: the score is left out, to see what it does. Not the model.",
    "score": "dx = −½(1 + λ²) g² s dt + λ g dw̄: the drift is left out, to see what it does. Not the model.",
}
WITHOUT = {
    "drift": "dx = f dt: the score is left out, to see what it does. Not the model.",
    "score": "dx = −½ g² s dt: the drift is left out, to see what it does. Not the model.",
}
"""The equations of the parts without noise, λ = 0."""


class SamplingPanel(Page):
    """Solver, time grid, last step and parts of the view; N, λ and the seed are in the toolbar."""

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__()
        self._session = session
        self.add_caption("How the views carry points through the model. View N, λ and the seed are in the toolbar.")
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._add_solver(rows)
        self._add_rows(rows)
        self.add(rows)
        self.equation = self.add_caption("")
        grey_unused(session, "last", self.last, rows.labelForField(self.last))
        grey_unused(session, "parts", self.parts, rows.labelForField(self.parts))
        session.lacks_changed.connect(self._refresh)
        self.grid.chosen.connect(lambda value: session.apply({"grid": value}))
        grey_grids(session, self.grid)
        self.last.chosen.connect(lambda value: session.apply({"last": value}))
        self.parts.chosen.connect(lambda value: session.apply({"parts": value}))
        self.start.chosen.connect(lambda value: session.apply({"start": value}))
        export = QPushButton("Export samples…")
        export.setToolTip(commands["export"].toolTip())
        export.clicked.connect(commands["export"].trigger)
        self.add(export)
        session.changed.connect(lambda _names: self._refresh())
        self._refresh()

    def _add_rows(self, rows: QFormLayout) -> None:
        self.grid = GridBox(GRIDS)
        _row(
            rows,
            "Time &grid",
            self.grid,
            "How the N times of the view lie; training keeps its own grid",
        )
        self.last = _row(
            rows,
            "&Last step",
            ChoiceBox(dict(LAST_STEPS)),
            "Whether the last backward step, onto the data, adds its noise",
        )
        self.parts = _row(
            rows,
            "&Backward",
            ChoiceBox(dict(PARTS)),
            "Which fields move the points of the backward process: dx = [f − ½(1 + λ²) g² s] dt + λ g dw̄ (17).\n"
            "Drift only sets s = 0, score only f = 0, from the same latents and noise; exports keep both",
        )
        self.start = _row(
            rows,
            "Starts &from",
            ChoiceBox({words: start for start, words in STARTS.items()}),
            "Where the backward process of the views starts: fresh noise, with nothing in common with the forward\n"
            "points of the same numbers, or the forward ends, each where its forward point ended, which makes the two\n"
            "a round trip and a selection one of both",
        )

    def set_theme(self, theme: Theme) -> None:
        """The colours of the "?"."""
        self.help.set_theme(theme)

    def _add_solver(self, rows: QFormLayout) -> None:
        self.solver, self.help = SolverBox(self._session), HelpButton(help_now(), self)
        self._session.names_grew.connect(lambda: self.help.set_help(help_now()))
        self.help.setToolTip("What each solver is, its equation and where that is written")
        both = QWidget()
        row = QHBoxLayout(both)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.solver, 1)
        row.addWidget(self.help)
        both.setFocusProxy(self.solver)
        label = QLabel("S&olver")
        label.setBuddy(self.solver)
        label.setToolTip("How the backward process steps from noise to data")
        self.solver.setAccessibleName("Solver")
        rows.addRow(label, both)

    def _refresh(self) -> None:
        sampling, solver = self._session.effective.sampling, self._session.solver
        self.grid.show_value(sampling.grid)
        self.last.show_value(sampling.last)
        self.parts.show_value(sampling.parts)
        self.start.show_value(sampling.start)
        shown = (EQUATIONS if solver.noise else WITHOUT).get(sampling.parts)
        self.equation.setText(shown or solver.equation)


def _row(rows: QFormLayout, text: str, box: ChoiceBox, tip: str) -> ChoiceBox:
    rows.addRow(label_of(box, text, tip), box)
    return box


WORDS = {value: text for text, value in PARTS.items() if value != "both"}
MARGIN = 6


class PartsNotice(QObject):
    """A label over every plot that shows the backward process, as long as its frame is not the whole process."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        backward, time, marginals = (workspace.plots[name] for name in ("backward", "time", "marginals"))
        self._frame: Frame | None = None
        self._moved = ""
        self._small, self._right = time, marginals
        self.labels = {plot: _label(plot) for plot in (backward, time, marginals)}
        for plot in self.labels:
            plot.box.sigResized.connect(self._place)
        workspace.live.frame_shown.connect(self._show)
        workspace.live.compared.connect(self._measure)
        workspace.appearance.changed.connect(self.set_theme)
        self.set_theme(workspace.appearance.theme)
        self._write()

    @Slot(object)
    def set_theme(self, theme: Theme) -> None:
        """The colours of a warning."""
        ground = QColor(theme.base)
        ground.setAlphaF(0.88)
        for label in self.labels.values():
            palette = label.palette()
            palette.setColor(QPalette.ColorRole.Window, ground)
            palette.setColor(QPalette.ColorRole.WindowText, QColor(theme.warning))
            label.setPalette(palette)

    @Slot(object)
    def _show(self, frame: Frame) -> None:
        if self._frame is None or frame.request != self._frame.request:
            self._moved = ""
        self._frame = frame
        self._write()

    @Slot(object)
    def _measure(self, found: Comparison) -> None:
        if found.moved is None or self._frame is None or found.frame.request != self._frame.request:
            return
        distance, floor = float(found.moved.distance[0]), float(found.moved.floor[0])
        self._moved = (
            f"Its samples moved by a sliced Wasserstein distance of {distance:.3f}, floor {floor:.3f}."
            if np.isfinite(distance)
            else "Too few of its samples are finite to compare."
        )
        self._write()

    def _write(self) -> None:
        """Write the notice; nothing where the whole process is shown."""
        words, line = "", self._frame is not None and self._frame.forward.shape[2] == 1
        if self._frame is not None:
            words = WORDS.get(self._frame.request.parts, "")
        for plot, label in self.labels.items():
            large = plot is not self._small or line
            label.setText(f"Backward: {words}. Not the model." + f"\n{self._moved}" * (large and bool(self._moved)))
            label.setVisible(bool(words))
        self._place()

    @Slot()
    def _place(self, *_: object) -> None:
        """At the upper left of what the axes enclose; at the right of the marginals, whose curve falls."""
        for plot, label in self.labels.items():
            area = plot.box.sceneBoundingRect()
            label.adjustSize()
            corner = plot.plot.mapFromScene(area.topRight() if plot is self._right else area.topLeft())
            left = corner.x() - label.width() - MARGIN if plot is self._right else corner.x() + MARGIN
            label.move(left, corner.y() + MARGIN)


def _label(plot: Plot) -> QLabel:
    label = QLabel(plot.plot)
    label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    label.setAutoFillBackground(True)
    label.setMargin(3)
    label.setAccessibleName("What is left out of the backward process")
    label.hide()
    return label

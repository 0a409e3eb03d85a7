"""The Sampling panel: how the shown model is sampled, and the way to an export."""

from __future__ import annotations

from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from dnf_studio.core.sde.sample_settings import STARTS
from dnf_studio.core.sde.solvers import SOLVERS
from dnf_studio.gui.drawing.help import Help, HelpButton
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.widgets.choices import GRIDS, LAST_STEPS, GridBox, grey_grids, grey_unused
from dnf_studio.gui.widgets.controls import ChoiceBox, label_of
from dnf_studio.gui.widgets.page import Page
from dnf_studio.gui.widgets.solver_box import SolverBox
from dnf_studio.gui.workspace.commands import Commands
from dnf_studio.gui.workspace.session import Session

__all__ = ["HELP", "PARTS", "SamplingPanel"]

_SOURCES = tuple(dict.fromkeys(one.source for one in SOLVERS))
HELP = Help(
    "the solvers",
    "Ways to step from noise to data, on the same time grid and from the same latents. Every pair of SDEs has "
    "those that step by f and s. A diffusion model, whose network predicts the noise ε̂ "
    "of x<sub>t</sub> = a<sub>t</sub> x<sub>0</sub> + σ<sub>t</sub> ε, has more, which step from t to an earlier s "
    "by its exact marginals and so stand fewer steps; y is the data it predicts. A flow has steps of its ODE.",
    tuple(dict.fromkeys(f"{one.card} [{_SOURCES.index(one.source) + 1}]" for one in SOLVERS)),
    " ".join(f"[{number}] {source}." for number, source in enumerate(_SOURCES, 1)),
    paper="",
)
"""A line for each solver, with the number of its source."""
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

    def __init__(self, session: Session, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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
        self.solver, self.help = SolverBox(self._session), HelpButton(HELP, self)
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

"""The fields of the second model of a comparison in its own views, and B − A of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.drawing.point_plot import ProcessPlot
from dnf_studio.gui.drawing.theme import DIRECTIONS, SECOND
from dnf_studio.gui.drawing.words import node_at, short_number
from dnf_studio.gui.features.fields.overlay import FieldOverlay
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.fields import FieldAnswer, FieldRequest
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.core.exploration.fields import FieldName


class SecondFields(QObject):
    """Asks B the question that A is asked, at the same fraction of the way, and shows its answer or B − A.

    B − A stands in the views of B, or over A's where the two are drawn one over the other.
    """

    made = Signal(object)
    """A `FieldOverlay` of a view of B, which is to be given its menu."""

    def __init__(self, workspace: Workspace, first: Mapping[str, FieldOverlay]) -> None:
        super().__init__(workspace.parent)
        self._session, self._live, self._comparison = workspace.session, workspace.live, workspace.comparison
        self._plots, self._first = workspace.plots, first
        self.overlays: dict[str, FieldOverlay] = {}
        self._asked: FieldRequest | None = None
        self._answers: list[FieldAnswer | None] = [None, None]
        workspace.plots.added.connect(self._add)
        self._comparison.field_found.connect(self._take)
        self._comparison.frame_shown.connect(self._framed)
        self._comparison.changed.connect(self._show)
        self._session.changed.connect(lambda names: self._follow() if names & {"layers", "comparing"} else None)

    def ask(self, asked: FieldRequest | None) -> None:
        """Ask what A is asked, or nothing any more."""
        self._asked = asked
        frame = self._comparison.frame
        if asked is None or frame is None:
            self._answers = [None, None]
            self._comparison.field(None)
            self._show()
        else:
            count = len(frame.t) - 1
            self._comparison.field(replace(asked, node=min(count, node_at(self._session.cursor.fraction * count))))

    def take_first(self, answer: FieldAnswer) -> None:
        """What A has answered, which its views show already."""
        self._answers[0] = answer
        self._show()

    @property
    def _changes(self) -> bool:
        on = self._comparison.second is not None and not self._comparison.apart
        return on and {"field", "field-change"} <= self._session.state.layers

    def _follow(self) -> None:
        state = self._comparison.effective
        for overlay in self.overlays.values():
            overlay.set_visible("field" in state.layers)
        self._show()

    def choose(self) -> None:
        """Show the field that is chosen, as far as B has it."""
        state = self._comparison.effective
        for overlay in self.overlays.values():
            overlay.set_choice(state.field, state.heat, state.field_style)
        self._show()

    @Slot(object)
    def _add(self, plot: Plot) -> None:
        for direction in DIRECTIONS:
            if plot is self._plots.named(SECOND + direction) and isinstance(plot, ProcessPlot):
                self.overlays[direction] = overlay = FieldOverlay(plot)
                self.made.emit(overlay)
                self.choose()
                self._follow()

    @Slot(object)
    def _framed(self, frame: Frame | None) -> None:
        for overlay in self.overlays.values():
            overlay.set_score(None if frame is None else frame.score)
        self.ask(self._asked)

    @Slot(object)
    def _take(self, answer: FieldAnswer) -> None:
        self._answers[1] = answer
        self._show()

    @Slot()
    def _show(self) -> None:
        first, second = self._answers
        over = self._session.state.comparing == "overlay"
        for overlay in self._first.values():
            if self._changes and over:
                self._show_change(overlay)
            elif overlay.told:
                overlay.set_answer(first)
        for overlay in self.overlays.values():
            if self._changes and not over:
                self._show_change(overlay)
            else:
                overlay.set_answer(second)

    def _show_change(self, overlay: FieldOverlay) -> None:
        (first, second), frames = self._answers, (self._live.frame, self._comparison.frame)
        if first is None or second is None or frames[0] is None or frames[1] is None:
            return
        spans = [float(frame.t[-1] - frame.t[0]) for frame in frames if frame is not None]
        stretch = spans[1] / spans[0]
        scaled = "" if abs(stretch - 1) < 1e-3 else f", B’s t in A’s (× {short_number(stretch)}),"
        change = field_change(first, second, overlay.name, stretch)
        if change is not None:
            overlay.set_answer(change, f"B − A{scaled} of ")


def field_change(first: FieldAnswer, second: FieldAnswer, name: FieldName, stretch: float = 1.0) -> FieldAnswer | None:
    """The field `name` of B less that of A as an answer; None where they are not over the same places.

    The time of B runs `stretch` times as far as that of A: its fields are taken per unit of A's time.
    """
    a, b = first.grid, second.grid
    if first.asked.extent != second.asked.extent or a.drift.shape != b.drift.shape:
        return None
    # Each with its own λ, of which the answer knows B's alone
    share = (1 + first.request.level**2) / (1 + second.request.level**2) if name == "backward" else 1.0
    grid = replace(
        b,
        drift=stretch * b.drift - a.drift,
        score_term=stretch * b.score_term - share * a.score_term,
        drift_divergence=stretch * b.drift_divergence - a.drift_divergence,
        score_divergence=stretch * b.score_divergence - share * a.score_divergence,
    )
    return replace(second, grid=grid, inhabited=first.inhabited | second.inhabited, lines={})

"""What a round trip is asked for: the way back, N, the last step, and where its points are drawn."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from dnf_studio.gui.widgets.choices import LAST_STEPS, grey_without
from dnf_studio.gui.widgets.controls import ChoiceBox, IntBox, caption, label_of
from dnf_studio.gui.workspace.session import Session

WAYS = {
    "backward SDE, fresh noise": "sde",
    "probability-flow ODE": "ode",
    "backward SDE, implied noise": "implied",
}
MEANINGS = {
    "sde": "Forward SDE (11), then backward SDE (12) with fresh noise: the error is what the latent forgets.",
    "ode": "Euler steps of the probability flow (17, λ = 0) both ways: the error is that of the discretisation and "
    "halves when N doubles.",
    "implied": "Forward SDE (11), then backward steps with the noises δB that its path implies (15): the error is "
    "rounding alone, a check of the numerics.",
}
SOLVED = "Steps of the flow's own solver both ways: the error is that of the discretisation alone."
PLACES = {"the point itself": "x0", "its latent": "latent", "what came back": "returned"}
MOST_STEPS = 1000


class RoundTripForm(QWidget):
    """Four rows and a sentence on what the error of the chosen way means."""

    chosen = Signal()
    """Another way, N or last step."""
    placed = Signal()
    """Another place of the points in the map."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._typed, self._way = session, False, "sde"
        self.way, self.steps, self.last = ChoiceBox(dict(WAYS)), IntBox(1, MOST_STEPS), ChoiceBox(dict(LAST_STEPS))
        self.place, self.meaning = ChoiceBox(dict(PLACES)), caption()
        self._last_label = label_of(self.last, "&Last step", "Whether the last step, onto the data, adds its noise")
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        way_label = label_of(self.way, "Way &back", "How what was carried to noise is carried back")
        rows.addRow(way_label, self.way)
        rows.addRow(label_of(self.steps, "Ste&ps N", "Steps each way: as many as the views until typed"), self.steps)
        rows.addRow(self._last_label, self.last)
        rows.addRow(label_of(self.place, "Drawn &at", "Where in the map a point is drawn"), self.place)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(rows)
        column.addWidget(self.meaning)
        grey_without(session, "noise", self.way, way_label)
        self.way.chosen.connect(self._turn)
        self.last.chosen.connect(lambda _last: self._choose())
        self.steps.valueChanged.connect(lambda _steps: self._choose(typed=True))
        self.place.chosen.connect(lambda _place: self.placed.emit())
        session.lacks_changed.connect(self._show)
        self._show()

    def follow_steps(self, steps: int, anew: bool = False) -> bool:
        """Show the N of the views unless a person has typed another; `anew` forgets that. Whether it changed."""
        self._typed = self._typed and not anew
        before = self.steps.value()
        if not self._typed:
            with QSignalBlocker(self.steps):
                self.steps.setValue(steps)
        return self.steps.value() != before

    def _turn(self, way: str) -> None:
        self._way = way
        self._choose()

    def _choose(self, typed: bool = False) -> None:
        self._typed = self._typed or typed
        self._show()
        self.chosen.emit()

    def _show(self) -> None:
        still = "noise" in self._session.lacks
        self.way.show_value("ode" if still else self._way)
        self.meaning.setText(SOLVED if still else MEANINGS[self._way])
        for part in (self.last, self._last_label):
            part.setEnabled(self.way.currentData() == "sde")

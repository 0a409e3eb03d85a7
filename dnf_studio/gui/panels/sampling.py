"""The Sampling panel: how the shown model is sampled, and the way to an export."""

from __future__ import annotations

from PySide6.QtWidgets import QFormLayout, QPushButton, QWidget

from dnf_studio.gui.actions import Key
from dnf_studio.gui.commands import Commands
from dnf_studio.gui.controls import ChoiceBox, label_of
from dnf_studio.gui.grid_box import GridBox
from dnf_studio.gui.panels.page import Page
from dnf_studio.gui.session import Session

__all__ = ["GRIDS", "LAST_STEPS", "SamplingPanel"]

GRIDS = {"the model's own": None}
"""Before the names of grids."""
LAST_STEPS: dict[str, str | None] = {"with its noise": "noise", "mean only": "mean"}


class SamplingPanel(Page):
    """Time grid and last step of the view; N, λ and the seed are in the toolbar."""

    def __init__(self, session: Session, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.add_caption("How the views carry points through the model. View N, λ and the seed are in the toolbar.")
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.grid = _row(
            rows,
            "Time &grid",
            GridBox(GRIDS),
            "How the N times of the view lie; training keeps its own grid",
        )
        self.last = _row(
            rows,
            "&Last step",
            ChoiceBox(dict(LAST_STEPS)),
            "Whether the last backward step, onto the data, adds its noise",
        )
        self.add(rows)
        self.grid.chosen.connect(lambda value: session.apply({"grid": value}))
        self.last.chosen.connect(lambda value: session.apply({"last": value}))
        export = QPushButton("Export samples…")
        export.setToolTip(commands[Key.EXPORT].toolTip())
        export.clicked.connect(commands[Key.EXPORT].trigger)
        self.add(export)
        session.changed.connect(lambda _names: self._refresh())
        self._refresh()

    def _refresh(self) -> None:
        self.grid.show_value(self._session.state.grid)
        self.last.show_value(self._session.state.last)


def _row(rows: QFormLayout, text: str, box: ChoiceBox, tip: str) -> ChoiceBox:
    rows.addRow(label_of(box, text, tip), box)
    return box

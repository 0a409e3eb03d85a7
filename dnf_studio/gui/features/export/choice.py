"""What an export is of: new samples, those that end in a region of a view, or the chosen points of the views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QVBoxLayout, QWidget

from dnf_studio.gui.widgets.controls import ChoiceBox, caption
from dnf_studio.gui.widgets.solver_box import EXPORT_WORDS
from dnf_studio.gui.workspace.session import Session

IN_PART = "The views show the backward process without one of its fields: choose drift and score in Sampling first"
OF_VIEWS = "Weights, N, solver, λ, grid, last step and seed are those of the views."
NOTHING_SELECTED = "Nothing is selected: click points in the views, or encircle them, first"
NO_REGION = "There is no region: draw one rectangle or lasso in a view of two components first"
WITHIN = "Draw new samples until so many end where the last rectangle or lasso was drawn, whatever its time was"
SHORT = {"steps": "N", "solver": "solver", "lam": "λ", "last": "last step", "grid": "time grid", "seed": "seed"}
"""What may differ from the views, in few letters."""


class ExportChoice(QWidget):
    """Three buttons, of which those are grey that have nothing to write, and a word on what is chosen."""

    chosen = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.fresh, self.selected = QRadioButton("Samples drawn &by the model"), QRadioButton()
        self.within = QRadioButton("Samples within the region")
        self.fresh.setToolTip("Draw new samples, as many as are wanted")
        self.fresh.setChecked(True)
        self._group, column = QButtonGroup(self), QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for button in (self.fresh, self.within, self.selected):
            self._group.addButton(button)
            column.addWidget(button)
        self.as_shown = caption()
        self.whole = caption(
            "Exports use the whole process, drift and score, whatever the views leave out.", warning=True
        )
        column.addWidget(self.as_shown)
        column.addWidget(self.whole)
        self._group.buttonClicked.connect(lambda _button: self.chosen.emit())

    @property
    def kind(self) -> str:
        """What is chosen: ``samples``, ``region`` or ``selection``."""
        return "selection" if self.selected.isChecked() else "region" if self.within.isChecked() else "samples"

    def refresh(self) -> None:
        """Grey what cannot be, and leave it."""
        state = self._session.state
        whole, count = self._session.effective.sampling.parts == "both", len(state.selection)
        self.selected.setEnabled(count > 0 and whole)
        self.within.setEnabled(state.region is not None)
        if any(button.isChecked() and not button.isEnabled() for button in (self.within, self.selected)):
            self.fresh.setChecked(True)
        where = "vie&ws" if state.paired or not count else f"{state.selection_of} vie&w"
        self.selected.setText(f"{count:,} selected in the {where}" if count else f"Selected in the {where}")
        self.selected.setToolTip(
            IN_PART if not whole else "Just these points and their whole paths" if count else NOTHING_SELECTED
        )
        self.within.setToolTip(NO_REGION if state.region is None else WITHIN)
        self.whole.setVisible(not whole)
        self.as_shown.setVisible(self.selected.isChecked())
        self.as_shown.setText(f"{EXPORT_WORDS['paired' if state.paired else state.selection_of]} {OF_VIEWS}")


def otherwise(fields: Mapping[str, QWidget], values: Mapping[str, Any], views: Mapping[str, Any]) -> str:
    """A sentence on what of `values`, which the `fields` show, is not as in the views; empty where all is."""
    told = [
        f"{short} {_shown(fields[name], values[name])}, not {_shown(fields[name], views[name])}"
        for name, short in SHORT.items()
        if fields[name].isEnabled() and values[name] != views[name]
    ]
    return f"Otherwise than the views: {'; '.join(told)}." if told else ""


def _shown(control: QWidget, value: Any) -> str:  # noqa: ANN401 - whatever the field holds
    """A value as its field would show it."""
    if isinstance(control, ChoiceBox):
        known = [control.itemText(k) for k in range(control.count()) if control.value_at(k) == value]
        return known[0] if known else "another"
    return f"{value:g}" if isinstance(value, float) else str(value)

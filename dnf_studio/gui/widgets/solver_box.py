"""The choice of the solver that the views show."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.widgets.controls import ChoiceBox
from dnf_studio.gui.workspace.session import Session

__all__ = ["SolverBox"]

TIP = "How the backward process steps from noise to data"


class SolverBox(ChoiceBox):
    """Offers what the model shown has, and is grey where that is one; `short` says it in a few letters."""

    def __init__(self, session: Session, short: bool = False, parent: QWidget | None = None) -> None:
        super().__init__({}, parent)
        self._session, self._short = session, short
        if short:
            self.setMinimumContentsLength(8)
        self.chosen.connect(lambda name: session.apply({"solver": name}))
        session.lacks_changed.connect(self._offer)
        session.changed.connect(lambda _names: self._show())
        self._offer()

    def _offer(self) -> None:
        solvers = self._session.solvers
        self.set_choices({one.label if self._short else one.title: one.name for one in solvers})
        for index, one in enumerate(solvers):
            self.setItemData(index, f"<qt>{one.equation}</qt>", Qt.ItemDataRole.ToolTipRole)
        self.setEnabled(len(solvers) > 1)
        self._show()

    def _show(self) -> None:
        solver = self._session.solver
        self.show_value(solver.name)
        self.setToolTip(f"<qt>{TIP}: {solver.equation}</qt>")

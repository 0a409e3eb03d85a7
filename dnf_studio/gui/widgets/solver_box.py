"""The choice of the solver that the views show."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from dnf_studio.gui.widgets.controls import ChoiceBox
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.solving import solver_words

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
        words = {name: solver_words(name, solvers) for name in solvers}
        self.set_choices({said.name if self._short else said.title: name for name, said in words.items()})
        for index, said in enumerate(words.values()):
            self.setItemData(index, f"<qt>{said.equation}</qt>", Qt.ItemDataRole.ToolTipRole)
        self.setEnabled(len(solvers) > 1)
        self._show()

    def _show(self) -> None:
        solvers, solver = self._session.solvers, self._session.effective.solver
        self.show_value(solver or solvers[0])
        self.setToolTip(f"<qt>{TIP}: {solver_words(solver, solvers).equation}</qt>")

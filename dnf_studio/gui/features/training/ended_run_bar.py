"""After a run has ended: keep what it has learnt, discard it, or go on with it. A bar, not a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton

from dnf_studio.gui.drawing.words import counted
from dnf_studio.gui.workspace.run_changes import RunStatus
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dnf_studio.core.training.record import EarlyStopping

__all__ = ["EndedRunBar"]

BUTTONS = {"save": "Save…", "discard": "Discard", "resume": "Resume"}


class EndedRunBar(QFrame):
    """``Training ended after 1,240 iterations, NLL 2.03.  Save…  Discard  Resume``.

    It shows itself while a run has ended and is not saved, takes no focus by itself, and enables
    the commands to discard and to resume.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        session, studio, commands = workspace.session, workspace.studio, workspace.commands
        self._session, self._studio, self._training, self._commands = session, studio, studio.training, commands
        self._nll: float | None = None
        self._resume_tip = commands["resume"].toolTip()
        self.setObjectName("keep")
        self.setAccessibleName("Run that is not saved")
        self.text = QLabel()
        self.text.setWordWrap(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 8, 4)
        row.setSpacing(6)
        row.addWidget(self.text, 1)
        self.buttons: dict[str, QToolButton] = {}
        for key in BUTTONS:
            self.buttons[key] = self._button(key)
            row.addWidget(self.buttons[key])
        self._training.phase_changed.connect(lambda _phase: self.refresh())
        self._training.unsaved_changed.connect(lambda _unsaved: self.refresh())
        studio.bound_changed.connect(self.show_nll)
        studio.opened.connect(lambda _opened: self.refresh())
        session.changed.connect(lambda _names: self.refresh())
        self.refresh()

    def show_nll(self, nll: float | None) -> None:
        """The smoothed bound, nats."""
        self._nll = nll
        self.refresh()

    def refresh(self) -> None:
        """Appear, go, and say how the run stands."""
        run, ended = self._training.run, self._training.phase is Phase.ENDED
        unsaved = run is not None and ended and self._training.unsaved
        # Also one that was opened from its file
        place = RunStatus.of_run(run) if run is not None else self._studio.opened_run
        end = "" if place is None else place.sentence(self._session.state.config)
        self._commands["discard"].setEnabled(unsaved)
        self._show_resume(place is not None and not self._training.active, end)
        if run is not None and unsaved:
            nll = "" if self._nll is None else f", NLL {self._nll:.2f}".replace("-", "−")
            ended_words = f"Training ended after {counted(run.iteration, 'iteration')}{nll}."
            self.text.setText(f"{ended_words}{_kept(run.early_stopping)} {end}".rstrip())
        self.setVisible(unsaved)

    def _show_resume(self, there: bool, end: str) -> None:
        """Resume where a run is `there`, or why that would `end` at once."""
        action = self._commands["resume"]
        action.setEnabled(there and not end)
        tip = end if there and end else self._resume_tip
        action.setToolTip(tip)
        self.buttons["resume"].setToolTip(tip)

    def _button(self, key: str) -> QToolButton:
        """The command itself with a shorter word."""
        action = self._commands[key]
        button = QToolButton()
        button.setText(BUTTONS[key])
        button.setToolTip(action.toolTip())
        button.setAccessibleName(BUTTONS[key].rstrip("…"))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setEnabled(action.isEnabled())
        button.clicked.connect(action.trigger)
        action.enabledChanged.connect(button.setEnabled)
        return button


def _kept(stopping: EarlyStopping) -> str:
    """Which weights a validation split chose; nothing without one."""
    if stopping.best_nll is None:
        return ""
    nll = f"{stopping.best_nll:.2f}".replace("-", "−")
    return f" Kept are the weights of iteration {stopping.best_iteration:,}, best on the validation split, NLL {nll}."

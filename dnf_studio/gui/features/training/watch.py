"""Follows the run beside its frames: what changed in it, when a setting takes effect, its saved past."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from dnf_studio.core.training.record import History, Marks
from dnf_studio.gui.features.loss.plot import LossPlot
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.run_changes import LIVE, effect_sentence
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.training import Phase, Training

__all__ = ["RunWatch"]

OF_A_RUN = ("config.model", "config.sde.", "config.training.", "config.network.", "config.drop_constant")


class RunWatch(QObject):
    """Marks changes on the loss plot and says of every changed setting when a run takes it up."""

    said = Signal(str)

    def __init__(self, session: Session, training: Training, loss: LossPlot, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._training, self._loss = session, training, loss
        self._config = session.state.config
        session.changed.connect(self._settings_changed)
        training.phase_changed.connect(self._show_marks)
        training.went_back.connect(self._tell_loss)

    def show_past(self, opened: Opened) -> None:
        """The loss curve and the marks that a checkpoint brings; none where it brings none."""
        saved = opened.checkpoint.history if opened.checkpoint is not None else {}
        history = History.read(saved.get("loss"))
        if history.losses:
            validation = History.read(saved.get("validation"))
            self._loss.show_history(history, Marks.from_dict(saved.get("marks")).all, validation)

    def _show_marks(self, _phase: Phase) -> None:
        if self._training.run is not None:
            self._loss.add_marks(self._training.run.marks.all)

    def _tell_loss(self, iteration: int) -> None:
        self.said.emit(
            f"The training process was lost: the run goes on from iteration {iteration:,}, its last whole state."
        )

    def _settings_changed(self, names: frozenset[str]) -> None:
        before, self._config = self._config, self._session.state.config
        if self._training.run is None and not self._training.active:
            return
        of_run = [name for name in names if name.startswith(OF_A_RUN)]
        run = self._training.run
        # Settings of another kind of model are for the next run
        same = run is None or run.config.model == self._config.model
        sentence = effect_sentence(of_run, before, self._config, LIVE if same else frozenset(), self._soon())
        if sentence:
            self.said.emit(sentence)

    def _soon(self) -> str:
        """When the run takes up what it may take up."""
        if not self._training.active:
            return "when the run is resumed"
        return "once the run goes on" if self._training.phase is Phase.PAUSED else "from the next iteration"

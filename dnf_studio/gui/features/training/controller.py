"""The training run in the window: its commands, what status bar and pages say of it, and the bar after its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton

from dnf_studio.errors import continued
from dnf_studio.gui.drawing.words import counted
from dnf_studio.gui.workspace.run_changes import LIVE, RunStatus, effect_sentence
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dnf_studio.core.training.record import EarlyStopping
    from dnf_studio.gui.features.training.notices import DiscardedNotice, DivergedNotice, SettingsNotice
    from dnf_studio.gui.features.training.panel import SettingsMenu
    from dnf_studio.gui.widgets.page import Page

OF_A_RUN = ("config.model", "config.sde.", "config.training.", "config.network.", "config.drop_constant")
NOTES = {
    True: "A run is under way: N, progressive or not, the learning rate, clip, precision, iterations, seconds and "
    "patience reach it at once; the rest waits for the next Train.",
    False: "The model shown is trained; these settings are for the next Train.",
}
SAVE_RUN = "&Save run…", "Save the run, to go on with it later, or its model alone"
"""Text and tooltip of Save where there is a run."""


class TrainingController(QObject):
    """Gives the run its commands, and says of every changed setting when a run takes it up."""

    said = Signal(str)
    """A sentence on the run, for the log."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._workspace, self._session, self._studio = workspace, workspace.session, workspace.studio
        self._training = training = workspace.studio.training
        self._commands = commands = workspace.commands
        self._pause_text, self._train_tip = commands["pause"].text(), commands["train"].toolTip()
        self._config = self._session.state.config
        self._pages: list[Page] = []
        self.bar = EndedRunBar(workspace)
        workspace.add_bar(self.bar)
        self.diverged: DivergedNotice
        self.discarded: DiscardedNotice
        self.settings: SettingsNotice
        self.settings_menu: SettingsMenu
        for name, act in (
            ("save", workspace.files.save),
            ("train", workspace.files.train),
            ("pause", self._pause),
            ("stop", self._stop),
            ("resume", self._studio.resume),
            ("discard", workspace.files.discard),
        ):
            commands.connect_to(name, act)
        commands["save"].setEnabled(False)
        self._studio.opened.connect(self._take)
        training.phase_changed.connect(self._show_phase)
        training.went_back.connect(self._tell_loss)
        training.kept_nowhere.connect(self._tell_unkept)
        self._session.changed.connect(self._settings_changed)
        self._show_phase(Phase.NONE)

    def fill(self) -> None:
        """Add the menu of whole settings, and the bars that are seen later than the first paint."""
        from dnf_studio.gui.features.training.notices import DiscardedNotice, DivergedNotice, SettingsNotice
        from dnf_studio.gui.features.training.panel import SettingsMenu
        from dnf_studio.gui.features.training.suggestion import TablesBar

        workspace = self._workspace
        self.settings_menu = SettingsMenu(workspace)
        self.diverged, self.discarded = DivergedNotice(workspace), DiscardedNotice(workspace)
        self.settings = SettingsNotice(workspace)
        workspace.add_bar(TablesBar(workspace))

    def explain(self, page: Page) -> None:
        """Let the settings page `page` say when they take effect."""
        self._pages.append(page)
        self._explain()

    @Slot()
    def _take(self) -> None:
        self._commands["save"].setEnabled(True)
        self._name_save()
        self._show_train()
        self._explain()

    def _name_save(self) -> None:
        """Name Save after what it writes."""
        save, record = self._commands["save"], self._commands.records["save"]
        text, tip = SAVE_RUN if self._studio.has_run else (record.text, record.tooltip)
        save.setText(text)
        save.setToolTip(f"{tip} ({save.shortcut().toString(QKeySequence.SequenceFormat.NativeText)})")

    @Slot(object)
    def _show_phase(self, phase: Phase) -> None:
        active = self._training.active
        self._show_train()
        self._commands["pause"].setEnabled(active)
        self._show_paused(phase is Phase.PAUSED, self._training.pausing)
        self._commands["stop"].setEnabled(active)
        self._name_save()
        self._explain()

    def _show_train(self) -> None:
        """Whether a run can begin; not with the model of a script, which trains it itself."""
        current, train = self._studio.current, self._commands["train"]
        held = "" if current is None else current.held
        train.setEnabled(not self._training.active and not held)
        train.setToolTip(held or self._train_tip)

    def _show_paused(self, paused: bool, coming: bool = False) -> None:
        """Name the Pause button after what a click does next; while a pause is `coming`, a click takes it back."""
        pause = self._commands["pause"]
        pause.setChecked(paused or coming)
        pause.setText("Pausing…" if coming else "Resum&e" if paused else self._pause_text)
        self._commands.set_icon("pause", "play" if paused else "pause")

    def _pause(self) -> None:
        """Pause or resume the run; until its iteration has ended, button and status bar say that a pause is coming."""
        paused = self._commands["pause"].isChecked()
        self._training.set_paused(paused)
        if self._training.phase is not Phase.PAUSED:
            self._show_paused(False, self._training.pausing)
            self._workspace.say("Pausing…" if paused else "Training goes on.")

    def _stop(self) -> None:
        """End the run; until its iteration has ended, nothing more can be asked of it."""
        self._training.stop()
        for name in ("pause", "stop"):
            self._commands[name].setEnabled(False)
        self._workspace.say("Stopping…")

    def _explain(self) -> None:
        current, active = self._studio.current, self._training.active
        trained = active or self._training.run is not None or (current is not None and current.shown.trained)
        for page in self._pages:
            page.set_note(NOTES[active] if trained else "")

    @Slot(int)
    def _tell_loss(self, iteration: int) -> None:
        self._say(f"The training process was lost: the run goes on from iteration {iteration:,}, its last whole state.")

    @Slot(str)
    def _tell_unkept(self, why: str) -> None:
        self._say(f"Training goes on, but what it has come to is not kept on the disk meanwhile: {continued(why)}")

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
            self._say(sentence)

    def _say(self, sentence: str) -> None:
        self._workspace.say(sentence)
        self.said.emit(sentence)

    def _soon(self) -> str:
        """When the run takes up a change, as the end of a sentence."""
        if not self._training.active:
            return "when the run is resumed"
        return "once the run goes on" if self._training.phase is Phase.PAUSED else "from the next iteration"


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

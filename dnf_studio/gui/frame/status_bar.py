"""The status bar, and what it, the title bar and the toolbar say of the model and the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QLabel, QMainWindow, QStatusBar, QWidget

from dnf_studio.gui.drawing.caption import ElidedLabel
from dnf_studio.gui.drawing.words import counted, duration
from dnf_studio.gui.frame.toolbar import StudioToolBar
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.run_changes import RunStatus
from dnf_studio.gui.workspace.shown import data_label
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.frames import Frame

if TYPE_CHECKING:
    from dnf_studio.gui.workspace.look_back import Past

LONG = 1e5
"""Bounds from here on are of a run that diverges and are shown with few digits."""


class StudioStatusBar(QStatusBar):
    """model · iterations · it/s · NLL and its floor · time left."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self.message = ElidedLabel()
        self._meanwhile, self._before = "", ""
        self.message.setAccessibleName("Message")
        self.addWidget(self.message, 1)
        self.iterations = self._part("Iterations since the run began")
        self.rate = self._part("Iterations a second, over the last few seconds")
        self.nll = self._part("")
        self.set_bounded(True)
        self.left = self._part("Training time left")

    def say(self, text: str) -> None:
        """Show `text` until the next one."""
        self.message.setText(text)
        self.message.setToolTip(text)

    def say_meanwhile(self, text: str) -> None:
        """Show `text` until the next one, or until it is taken back."""
        if self.message.text() != self._meanwhile:
            self._before = self.message.text()
        self._meanwhile = text
        self.say(text)

    def take_back(self) -> None:
        """Show again the text from before `say_meanwhile`, unless there was another one since."""
        if self._meanwhile and self.message.text() == self._meanwhile:
            self.say(self._before)

    def show_run(self, iteration: int, rate: float | None, left: float | None) -> None:
        """Show how far a run is; a rate or time that is not known is left out."""
        self.iterations.setText(counted(iteration, "iteration") if iteration else "")
        self.rate.setText("" if rate is None else f"{rate:.0f} it/s" if rate >= 10 else f"{rate:.1f} it/s")
        self.left.setText("" if left is None else f"{duration(left)} left")

    def add(self, widget: QWidget) -> None:
        """Put `widget` between the message and the numbers."""
        self.insertPermanentWidget(1, widget)

    def set_bounded(self, bounded: bool) -> None:
        """Set whether the number shown is a bound on the likelihood, or the likelihood itself."""
        self.nll.setToolTip(
            f"{'Bound on the' if bounded else 'Exact'} negative log-likelihood, smoothed in training, and the exact "
            "entropy of the data below which it cannot go, both in nats of the standardised data"
        )

    def show_nll(self, nll: float | None, floor: float | None) -> None:
        """Show the NLL or its bound, and the entropy that it cannot go below, in nats."""
        parts = [] if nll is None else [f"NLL {nll:.3f}" if abs(nll) < LONG else f"NLL {nll:.1e}"]
        if floor is not None:
            parts.append(f"floor {floor:.3f}")
        self.nll.setText(", ".join(parts).replace("-", "−"))

    def _part(self, tip: str) -> QLabel:
        label = QLabel()
        label.setToolTip(tip)
        label.setContentsMargins(10, 0, 10, 0)
        self.addPermanentWidget(label)
        return label


PHASES = {
    Phase.NONE: "",
    Phase.STARTING: "starting",
    Phase.RUNNING: "training",
    Phase.PAUSED: "training paused",
    Phase.ENDED: "training ended",
}


class StatusUpdater(QObject):
    """Keeps window title, status bar and toolbar up to date with the studio."""

    def __init__(
        self, window: QMainWindow, workspace: Workspace, status: StudioStatusBar, toolbar: StudioToolBar
    ) -> None:
        super().__init__(window)
        self._window, self._session, self._studio = window, workspace.session, workspace.studio
        self._status, self._toolbar = status, toolbar
        self._past = ""
        studio, training, files = workspace.studio, workspace.studio.training, workspace.files
        studio.opened.connect(self._show_opened)
        studio.progressed.connect(self._show_progress)
        studio.bound_changed.connect(self._show_bound)
        studio.said.connect(status.say)
        studio.failed.connect(workspace.tell)
        studio.failed.connect(status.take_back)
        studio.data_names_found.connect(toolbar.set_data)
        studio.past_changed.connect(self._take_past)
        training.failed.connect(self._retitle)
        training.phase_changed.connect(self._show_phase)
        training.unsaved_changed.connect(self._retitle)
        files.saved.connect(self._retitle)
        files.opening.connect(lambda source: status.say_meanwhile(f"Opening {data_label(source)}…"))
        workspace.live.failed.connect(workspace.tell)
        workspace.live.frame_shown.connect(self._follow_steps)
        self._session.changed.connect(self._follow)
        self._show_phase(Phase.NONE)

    def _floor(self) -> float | None:
        return None if self._studio.current is None else self._studio.current.shown.entropy

    @Slot(object)
    def _show_opened(self, opened: Opened) -> None:
        shown, saved = opened.shown, opened.checkpoint
        self._toolbar.set_own_steps(shown.steps)
        self._status.show_run(saved.iteration if saved is not None else 0, None, None)
        self._status.set_bounded(shown.solvers[0].chain is not None)
        self._status.show_nll(self._nll_of(opened), shown.entropy)
        self._status.say(opened.note or _sentence(opened))
        self._retitle()

    def _nll_of(self, opened: Opened) -> float | None:
        """What is known of a model that was opened: what was measured, or where its loss ends."""
        metrics = opened.checkpoint.metrics if opened.checkpoint is not None else {}
        found: float | None = metrics.get("nll_bound", metrics.get("nll_ode", self._studio.bound))
        return found

    @Slot(object)
    def _show_bound(self, bound: float | None) -> None:
        if not self._past:
            self._status.show_nll(bound, self._floor())

    @Slot(object)
    def _follow_steps(self, frame: Frame) -> None:
        """Show the N of a new frame: a run may change the N of the model that is shown."""
        if frame.request.steps is None:
            self._toolbar.set_own_steps(len(frame.t) - 1)

    def _show_progress(self, iteration: int, rate: float | None, left: float | None) -> None:
        self._status.show_run(iteration, rate, left)
        if not self._window.isWindowModified():
            self._retitle()

    def _show_phase(self, phase: Phase) -> None:
        run = self._studio.training.run
        device = str(run.device) if run is not None else self._session.state.config.training.device
        self._toolbar.set_device(f"device {device}")
        self._say_phase(phase)
        if phase in (Phase.PAUSED, Phase.ENDED) and run is not None:
            self._status.show_run(run.iteration, None, None)
        self._retitle()

    def _say_phase(self, phase: Phase) -> None:
        """Show the run's phase, or the model where there is no run; while a run goes on, other messages stay."""
        current, said = self._studio.current, self._status.message.text()
        words = {each: word.capitalize() for each, word in PHASES.items()}
        if phase is Phase.NONE:
            if current is not None:
                self._status.say(current.note or _sentence(current))
        elif phase is not Phase.RUNNING or said in words.values():
            self._status.say(words[phase])

    @Slot(object)
    def _take_past(self, past: Past | None) -> None:
        self._past = "" if past is None else f"as it was after iteration {past.kept.iteration:,}"
        current, run = self._studio.current, self._studio.training.run
        # While one looks back, what is known is not of the weights that are shown
        now = self._studio.bound if run is not None or current is None else self._nll_of(current)
        self._status.show_nll(None if self._past else now, self._floor())
        self._retitle()

    @Slot()
    def _retitle(self) -> None:
        current, phase = self._studio.current, PHASES[self._studio.training.phase]
        parts = [] if current is None else [current.shown.name, data_label(current.shown.data)]
        what = ", ".join([*parts, *filter(None, [self._past, phase])])
        self._window.setWindowTitle(f"{what}[*] – DNF Studio" if what else "DNF Studio[*]")
        self._window.setWindowModified(self._studio.training.unsaved)

    def _follow(self, names: frozenset[str]) -> None:
        if "config.training.device" in names and not self._studio.training.active:
            self._show_phase(self._studio.training.phase)


def _sentence(opened: Opened) -> str:
    """One line on the model that was opened."""
    shown = opened.shown
    if not shown.trained:
        return f"An untrained {shown.kind} of {data_label(shown.data)}: press Train to fit it."
    saved = opened.checkpoint
    end = RunStatus.of_checkpoint(saved).sentence(opened.config) if saved is not None and saved.kind == "run" else ""
    return f"{shown.name}: {end or 'at the left it carries data to noise, at the right noise to data.'}"

"""What the title bar, the status bar and the toolbar say of the model that is shown and of the run."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QMainWindow

from dnf_studio.gui.frame.status_bar import StudioStatusBar
from dnf_studio.gui.frame.toolbar import StudioToolBar
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.run_ending import RunPlace
from dnf_studio.gui.workspace.shown import data_label
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.frames import Frame

__all__ = ["Title"]

PHASES = {
    Phase.NONE: "",
    Phase.STARTING: "starting",
    Phase.RUNNING: "training",
    Phase.PAUSED: "training paused",
    Phase.ENDED: "training ended",
}


class Title(QObject):
    """Follows the studio and writes to the three."""

    def __init__(
        self, window: QMainWindow, workspace: Workspace, status: StudioStatusBar, toolbar: StudioToolBar
    ) -> None:
        super().__init__(window)
        self._window, self._session, self._studio = window, workspace.session, workspace.studio
        self._status, self._toolbar = status, toolbar
        studio, training, files = workspace.studio, workspace.studio.training, workspace.files
        studio.opened.connect(self._show_opened)
        studio.progressed.connect(self._show_progress)
        studio.bound_changed.connect(lambda bound: status.show_nll(bound, self._floor()))
        studio.said.connect(status.say)
        studio.failed.connect(workspace.tell)
        studio.failed.connect(status.take_back)
        studio.data_names_found.connect(toolbar.set_data)
        training.failed.connect(self._retitle)
        training.phase_changed.connect(self._show_phase)
        training.unsaved_changed.connect(self._retitle)
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
        metrics = saved.metrics if saved is not None else {}
        self._status.set_bounded("bound" not in shown.lacks)
        self._status.show_nll(metrics.get("nll_bound", metrics.get("nll_ode", self._studio.bound)), shown.entropy)
        self._status.say(opened.note or _sentence(opened))
        self._retitle()

    @Slot(object)
    def _follow_steps(self, frame: Frame) -> None:
        """A run may change the N of the model that is shown."""
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
        """A run that goes on leaves what was said meanwhile, such as that it was saved; without one the model is it."""
        current, said = self._studio.current, self._status.message.text()
        words = {each: word.capitalize() for each, word in PHASES.items()}
        if phase is Phase.NONE:
            if current is not None:
                self._status.say(current.note or _sentence(current))
        elif phase is not Phase.RUNNING or said in words.values():
            self._status.say(words[phase])

    @Slot()
    def _retitle(self) -> None:
        current, phase = self._studio.current, PHASES[self._studio.training.phase]
        parts = [] if current is None else [current.shown.name, data_label(current.shown.data)]
        what = ", ".join([*parts, phase] if phase else parts)
        self._window.setWindowTitle(f"{what}[*] – DNF Studio" if what else "DNF Studio[*]")
        self._window.setWindowModified(self._studio.unsaved)

    def _follow(self, names: frozenset[str]) -> None:
        if "config.training.device" in names and not self._studio.training.active:
            self._show_phase(self._studio.training.phase)


def _sentence(opened: Opened) -> str:
    """What is seen, in one line."""
    shown = opened.shown
    if not shown.trained:
        return f"An untrained {shown.kind} of {data_label(shown.data)}: press Train to fit it."
    saved = opened.checkpoint
    end = RunPlace.of_checkpoint(saved).sentence(opened.config) if saved is not None and saved.kind == "run" else ""
    return f"{shown.name}: {end or 'at the left it carries data to noise, at the right noise to data.'}"

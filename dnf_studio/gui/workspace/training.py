"""The run that trains, as the window sees it: start, pause and end it, and work on it while it is paused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from dnf_studio.core.training.record import StepReport
from dnf_studio.workers.background import Background
from dnf_studio.workers.threads import ReportLog
from dnf_studio.workers.training import Trainer, TrainingWorker

if TYPE_CHECKING:
    from dnf_studio.core.training.run import Run
    from dnf_studio.workers.autosaves import LastState
    from dnf_studio.workers.explorer import Explorer


class Phase(Enum):
    """The phases of a run."""

    NONE = "none"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"


class Training(QObject):
    """Owns the training worker and the run it made, which stays after the worker has ended."""

    phase_changed = Signal(object)
    """The new `Phase`."""
    failed, diverged, kept_nowhere, went_back = Signal(str), Signal(object), Signal(str), Signal(int)
    """As `TrainingWorker` says them."""
    unsaved_changed = Signal(bool)

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._log, self._cut_short = ReportLog(), False
        self._unsaved = False
        self._background = background
        self._worker: TrainingWorker | None = None
        self._trainer = Trainer()
        self._run: Run | None = None
        self._phase = Phase.NONE
        self._early: tuple[bool, bool] = False, False
        self._waiting: list[Callable[[], object]] = []
        self.ending = False
        """Whether the run was asked to `end`, and its thread has not yet."""
        self._leaving = False

    @cached_property
    def last_state(self) -> LastState:
        """Where the states of a run that is not saved are kept."""
        from dnf_studio.workers.autosaves import LastState  # once the window is painted

        return LastState(self._background)

    @property
    def phase(self) -> Phase:
        """The phase of the run."""
        return self._phase

    @property
    def active(self) -> bool:
        """Whether a worker has the run, training or paused."""
        return self._phase in (Phase.STARTING, Phase.RUNNING, Phase.PAUSED)

    @property
    def pausing(self) -> bool:
        """Whether the run trains, or will, until a pause that was asked for."""
        asked = self._early[0] if self._worker is None else self._worker.is_paused
        return asked and self.busy

    @property
    def busy(self) -> bool:
        """Whether the run trains, or will as soon as it can."""
        return self._phase in (Phase.STARTING, Phase.RUNNING)

    @property
    def at_rest(self) -> bool:
        """Whether there is a run that nothing moves: paused or ended."""
        return self._run is not None and self._phase in (Phase.PAUSED, Phase.ENDED)

    @property
    def run(self) -> Run | None:
        """The run, training or not, or None."""
        return self._run

    @property
    def unsaved(self) -> bool:
        """Whether the run has weights that no file holds and that are lost with the window."""
        return self._unsaved and not self._leaving

    @unsaved.setter
    def unsaved(self, unsaved: bool) -> None:
        if unsaved != self._unsaved:
            self._unsaved = unsaved
            self.unsaved_changed.emit(unsaved)
            if not unsaved:
                self.last_state.remove()

    def leave(self) -> None:
        """Let the window close without a question: an unsaved run stays among the autosaves, if there is a folder."""
        self._leaving = True

    def adopt(self, run: Run, left: Path | None = None) -> None:
        """Take up a `run` that has ended and is not saved; another process may have left its state at `left`."""
        if left is not None:
            self.last_state.take_over(left)
        self._run = run
        self._become(Phase.ENDED)
        self.unsaved = True

    def prepare(self) -> None:
        """Note that a run is starting: its data is being opened."""
        self._early = False, False
        self._become(Phase.STARTING)

    def give_up(self) -> None:
        """Note that the run that was starting does not begin."""
        self._become(Phase.NONE if self._run is None else Phase.ENDED)

    def start(self, make_run: Callable[[int], Run], explorer: Explorer) -> None:
        """Train what `make_run(threads)` returns in a thread of its own, and show it in `explorer`."""
        if self._worker is not None:
            raise RuntimeError("a run is training already")
        self._log.take()
        self._cut_short = False
        begin, folder = self.last_state.before(make_run), self.last_state.folder
        worker = TrainingWorker(begin, explorer, self._log, self._trainer, self._background, self, folder)
        worker.started_run.connect(self._started)
        worker.paused.connect(self._paused)
        worker.resumed.connect(self._resumed)
        for name in ("failed", "diverged", "kept_nowhere", "went_back"):
            getattr(worker, name).connect(getattr(self, name))
        worker.ended.connect(self._ended)
        paused, stopped = self._early
        self._early = False, False
        if paused:
            worker.pause()
        if stopped:
            worker.stop()
        self._worker = worker
        self._become(Phase.STARTING)
        worker.start()

    def resume(self, source: Run | Path, change: Mapping[str, object], explorer: Explorer) -> None:
        """Go on with a run, or with that of a checkpoint, with a change of settings."""

        def make_run(threads: int) -> Run:
            if not isinstance(source, Path):
                source.apply(change)
                return source
            from dnf_studio.core.training.run import Run

            return Run.resume(source, change, threads)

        self.start(make_run, explorer)

    def set_paused(self, paused: bool) -> None:
        """Pause the run after its current iteration, or go on; a run that is starting begins paused."""
        if self._worker is None and self._phase is Phase.STARTING:
            self._early = paused, self._early[1]
        elif self._worker is not None and self.active and not self.ending:
            (self._worker.pause if paused else self._worker.resume)()

    def stop(self) -> None:
        """End the run after its current iteration; what it has learnt stays. One on its way ends before its first."""
        if self._worker is not None:
            self._worker.stop()
        elif self._phase is Phase.STARTING:
            self._early = self._early[0], True

    def apply(self, change: Mapping[str, Any]) -> None:
        """Change settings between two iterations; raises `SettingError` for what cannot be."""
        if self._worker is not None and self.active:
            self._worker.apply(change)

    def forget(self, keep: bool = False) -> None:
        """Drop the run of an ended worker: another model is shown. `keep` its last state, which may be wanted again.

        That goes with the window, or where the next run takes its place.
        """
        self._log.take()
        run, self._run = self._run, None
        if keep and self._unsaved:
            self._unsaved = False
            if run is not None and self._cut_short:
                self.last_state.keep(run)
            self.unsaved_changed.emit(False)
        elif run is not None:
            self.unsaved = False
            self.last_state.remove()  # kept when its thread ended, whatever was known of it here
        self._become(Phase.NONE)

    def while_paused(
        self, work: Callable[[Run], Any], done: Callable[[Any], object], failed: Callable[[Exception], object]
    ) -> None:
        """Call `work(run)` in the background while the run is paused, which then goes on."""
        run = self._run
        if run is None:
            raise RuntimeError("there is no run")
        running = self._phase is Phase.RUNNING
        goes_on = running and not self.pausing  # a pause that is still coming stays one

        def finish(answer: Callable[[Any], object], value: object) -> None:
            if goes_on:
                self.set_paused(False)
            answer(value)

        def begin() -> None:
            self._background.run(partial(work, run), partial(finish, done), partial(finish, failed))

        if running:
            self._waiting.append(begin)
            self.set_paused(True)
        else:
            begin()

    def end(self, then: Callable[[], object]) -> None:
        """Do `then` once the thread has ended, which need not keep its last state; it is not waited for."""
        if self._worker is None:
            then()
            return
        self._waiting.append(then)
        if not self.ending:
            self.ending, self._cut_short = True, self.busy  # one that pauses is kept, as is one that has ended
            self._worker.stop(keep=False)

    def close(self) -> None:
        """End the thread and wait for it."""
        if self._worker is not None:
            if not self.ending:
                self._worker.stop()
            self._worker.wait()
            self._let_go()

    def shut(self) -> None:
        """End the thread and the training process: the window closes."""
        self.close()
        self._trainer.close()
        if not self._unsaved:
            self.last_state.remove()

    def take_reports(self) -> list[StepReport]:
        """The reports that nobody has taken yet; none before the window knows of the run that they are of."""
        return [] if self._phase is Phase.STARTING else self._log.take()

    @property
    def _is_late(self) -> bool:
        """Whether a signal comes from a worker that was closed meanwhile."""
        return self.sender() is not self._worker

    @Slot(object)
    def _started(self, run: Run) -> None:
        if not self._is_late:
            self._run = run
            self._become(Phase.RUNNING)

    @Slot()
    def _paused(self) -> None:
        if not self._is_late and not self.ending:
            self._become(Phase.PAUSED)
            self._do_waiting()

    @Slot()
    def _resumed(self) -> None:
        if not self._is_late:
            self._become(Phase.RUNNING)

    @Slot()
    def _ended(self) -> None:
        if not self._is_late:
            self._let_go()

    def _let_go(self) -> None:
        """Drop the worker, whose thread has ended, and do what waited for that or for a pause."""
        if self._worker is not None:
            self._worker.deleteLater()
        self._worker, self.ending = None, False
        self.give_up()
        self._do_waiting()

    def _do_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for begin in waiting:
            begin()

    def _become(self, phase: Phase) -> None:
        if phase is not self._phase:
            self._phase = phase
            self.phase_changed.emit(phase)

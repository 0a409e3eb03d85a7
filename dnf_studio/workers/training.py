"""Drives a run in the background, here at first, once it lasts in a process of its own, and publishes its weights."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from dnf_studio.core.training.record import StepReport
from dnf_studio.errors import DataError, DivergenceError, StudioError
from dnf_studio.workers.background import Background, Task
from dnf_studio.workers.snapshot import Snapshot, Steps, watched
from dnf_studio.workers.threads import ReportLog

if TYPE_CHECKING:
    from dnf_studio.core.storage.autosave import Autosave
    from dnf_studio.core.training.run import Run
    from dnf_studio.core.training.state import RunState
    from dnf_studio.workers.explorer import Explorer
    from dnf_studio.workers.training_process import TrainingProcess

MOVE_AFTER = 3.0
"""Seconds of training after which a process is worth its start."""
LOG = logging.getLogger(__name__)


class Trainer:
    """Starts the training process once a run has lasted and keeps it for later ones.

    A run on another device than the processor stays here, and so does every run of a machine with one core. `steps` is
    for one thread at a time, `apply` for any.
    """

    def __init__(self) -> None:
        self._process: TrainingProcess | None = None
        self._alone = False

    def steps(self, run: Run, threads: int, late: list[StepReport]) -> Steps:
        """Train `run` here or, once there is a process for it, there, until it is finished.

        Closed, the generator leaves the run as it is after its last iteration; reports that nobody has
        taken are then in `late`. Raises what the run raises.
        """
        started, stays = monotonic(), False
        for report, due in watched(run):
            yield report, Snapshot.of(run.flow) if due else None
            try:
                process = None if stays else self._ready(run, monotonic() - started)
                if process is not None:
                    yield from process.train(run, threads, late)
                    return
            except EOFError as problem:
                LOG.warning("The run goes on in the window's own process: %s", problem)
                self.close()
                self._alone = True
            except DataError as problem:
                LOG.warning("The run stays in the window's own process: %s", problem)
                stays = True

    def apply(self, run: Run, change: Mapping[str, Any]) -> None:
        """Queue a change of settings for `run`, wherever it is; raises `SettingError` as the run does."""
        if self._process is None:
            run.apply(change)
        else:
            self._process.apply(run, change)

    def state(self, run: Run) -> RunState:
        """The last whole state of `run`, which elsewhere is up to ten seconds old; for the thread that trains it."""
        there = None if self._process is None else self._process.state
        return run.state() if there is None else there

    def recall(self) -> None:
        """Let a run that trains there come back without waiting for the end of its iteration."""
        process = self._process
        if process is not None:
            process.recall()

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def _ready(self, run: Run, seconds: float) -> TrainingProcess | None:
        if self._alone:
            return None
        if self._process is None and seconds > MOVE_AFTER:
            from dnf_studio.core.parallel import worker_threads
            from dnf_studio.workers.training_process import TrainingProcess

            if run.device.type != "cpu" or worker_threads() < 2:
                return None
            try:
                self._process = TrainingProcess()
            except OSError as problem:
                raise EOFError("the training process cannot start") from problem
        return self._process if self._process is not None and self._process.ready else None


class TrainingWorker(QObject):
    """Drives one run until it is done or stopped.

    `make_run(threads)` is called in the thread, so that torch and the data load there; `threads`
    leaves one core to the window. Every report goes to `reports`, a copy of the weights to the explorer four times a
    second and whenever training pauses or ends, and with a folder for `autosaves` the whole state there, every twenty
    seconds and at the same moments. `pause`, `resume`, `stop` and `apply` may be called from the window's thread and
    act between two iterations.
    """

    started_run = Signal(object)
    """The run, once it is made."""
    paused = Signal()
    resumed = Signal()
    finished_run = Signal()
    """The run reached its totals or was stopped; its last weights are published."""
    failed = Signal(str)
    """One sentence: the run could not be made at all, and the thread ends."""
    diverged = Signal(object)
    """A `DivergenceError`: the run is paused at its last good state."""
    kept_nowhere = Signal(str)
    """One sentence: the run goes on, but its state cannot be kept on the disk; said once until it can."""
    ended = Signal()
    """Nothing runs any more, whatever became of the run."""
    went_back = Signal(int)
    """The run lost its last iterations, with a process that was killed, and goes on after this one."""

    def __init__(
        self,
        make_run: Callable[[int], Run],
        explorer: Explorer,
        reports: ReportLog,
        trainer: Trainer,
        background: Background,
        parent: QObject | None = None,
        autosaves: Path | None = None,
    ) -> None:
        super().__init__(parent)
        self._background, self._task, self._autosaves = background, Task(), autosaves
        self._autosave: Autosave | None = None
        self._make_run, self._trainer, self._threads = make_run, trainer, 1
        self._explorer, self._reports = explorer, reports
        self._going, self._stopping, self._lock = Event(), Event(), Lock()
        self._going.set()
        self._early: list[Mapping[str, Any]] = []
        self._run: Run | None = None
        self._last, self._lost, self._given_up = 0, False, False

    def start(self) -> None:
        """Start the thread; its unforeseen errors are raised in the window's thread."""
        # Not behind the window: its process would be, too
        self._task = self._background.run(self._drive, lambda _done: self.ended.emit(), self._fail, behind=False)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the thread, which has been stopped; returns whether it has ended in time."""
        return self._task.wait(seconds)

    @property
    def is_paused(self) -> bool:
        """Whether it pauses, or will after the iteration it is at."""
        return not self._going.is_set()

    def pause(self) -> None:
        """Pause after the iteration it is at, or give one up that lasts."""
        self._going.clear()
        self._trainer.recall()

    def resume(self) -> None:
        """Go on training."""
        self._going.set()

    def stop(self, keep: bool = True) -> None:
        """End as `pause` does, paused or not; then `wait` for the thread, which is sooner where nothing is to `keep`:
        then its last state is neither written nor shown."""
        self._given_up = not keep
        self._stopping.set()
        self._going.set()
        self._trainer.recall()

    def apply(self, change: Mapping[str, Any]) -> None:
        """Queue a change of settings for the run; raises `SettingError` for one that cannot be."""
        with self._lock:
            if self._run is None:
                self._early.append(change)
                return
        self._trainer.apply(self._run, change)

    def _fail(self, error: Exception) -> None:
        self.ended.emit()
        raise error

    def _drive(self) -> None:
        """The body of the thread."""
        try:
            run = self._begin()
        except StudioError as error:
            self.failed.emit(str(error))
            return
        self.started_run.emit(run)
        self._publish(run)
        while self._wait_while_paused(run) and not self._train(run):
            pass
        if not self._given_up:
            self._keep(run)
            self._publish(run)
        self.finished_run.emit()

    def _train(self, run: Run) -> bool:
        """Train until it is paused or stopped; whether it reached its totals."""
        late: list[StepReport] = []
        steps = self._trainer.steps(run, self._threads, late)
        try:
            for report, snapshot in steps:
                self._reports.append(report)
                if report.iteration <= self._last:
                    self.went_back.emit(report.iteration - 1)
                self._last = report.iteration
                if self._interrupted():
                    return False
                if self._autosave is not None and self._autosave.due:
                    self._keep(run)
                if snapshot is not None:
                    self._explorer.publish(snapshot)
        except (DivergenceError, DataError) as error:
            self._failed(run, error)
            return False
        finally:
            self._bring_back(run, steps, late)
        # One that gave up an iteration has not, whether or not it is still to pause
        return run.finished

    def _interrupted(self) -> bool:
        """Whether the run is to pause or to stop."""
        return not self._going.is_set() or self._stopping.is_set()

    def _bring_back(self, run: Run, steps: Steps, late: list[StepReport]) -> None:
        """Bring the run back into this process; nothing changes it after that."""
        try:
            steps.close()
        except (DivergenceError, DataError) as error:
            self._failed(run, error)
        for report in late:
            self._reports.append(report)

    def _failed(self, run: Run, error: DivergenceError | DataError) -> None:
        """Pause at the last good state; that iterations come again from there is told by the error."""
        self._going.clear()
        self._last = run.iteration
        self.diverged.emit(error)

    def _begin(self) -> Run:
        import torch

        from dnf_studio.core.parallel import worker_threads

        self._threads = max(1, worker_threads() - 1)
        torch.set_num_threads(self._threads)
        run = self._make_run(self._threads)
        with self._lock:
            for change in self._early:
                run.apply(change)
            self._run = run
        run.interrupt_when(self._interrupted)
        if self._autosaves is not None:
            from dnf_studio.core.storage.autosave import Autosave

            self._autosave = Autosave.of_process(self._autosaves)
        return run

    def _wait_while_paused(self, run: Run) -> bool:
        """Stay while paused; False once it is to stop."""
        if not self._going.is_set():
            self._keep(run)
            self._publish(run)
            self.paused.emit()
            self._going.wait()
            if not self._stopping.is_set():
                self.resumed.emit()
        return not self._stopping.is_set()

    def _keep(self, run: Run) -> None:
        """Keep the state of `run` on the disk; one that cannot be kept, as the disk is full, ends no training."""
        if self._autosave is None or not run.iteration:
            return
        try:
            self._autosave.keep(self._trainer.state(run).checkpoint())
            self._lost = False
        except StudioError as error:
            LOG.warning("The state of the run is not kept: %s", error)
            if not self._lost:
                self.kept_nowhere.emit(str(error))
            self._lost = True

    def _publish(self, run: Run) -> None:
        self._explorer.publish(Snapshot.of(run.flow))

"""Drives a run in the background and publishes its weights to the explorer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from dnf_studio.core.training.record import StepReport
from dnf_studio.errors import DivergenceError, StudioError
from dnf_studio.workers.background import Background, Task
from dnf_studio.workers.explorer import Explorer
from dnf_studio.workers.snapshot import Snapshot, Steps
from dnf_studio.workers.threads import ReportLog
from dnf_studio.workers.trainer import Trainer

if TYPE_CHECKING:
    from dnf_studio.core.training.run import Run

__all__ = ["TrainingWorker"]


class TrainingWorker(QObject):
    """Drives one run until it is done or stopped.

    `make_run(threads)` is called in the thread, so that torch and the data load there; `threads`
    leaves one core to the window. Every report goes to `reports`, a copy of the weights to the
    explorer four times a second and whenever training pauses or ends. `pause`, `resume`, `stop`
    and `apply` may be called from the window's thread and act between two iterations.
    """

    started_run = Signal(object)
    """The run, once it is made."""
    paused = Signal()
    resumed = Signal()
    finished_run = Signal()
    """The run reached its totals or was stopped; its last weights are published."""
    failed = Signal(str)
    """One sentence. After a divergence the run is paused at its last good state; if the run could
    not be made at all, the thread ends."""
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
    ) -> None:
        super().__init__(parent)
        self._background, self._task = background, Task()
        self._make_run = make_run
        self._explorer = explorer
        self._reports = reports
        self._trainer = trainer
        self._threads = 1
        self._going = Event()
        self._going.set()
        self._stopping = Event()
        self._lock = Lock()
        self._early: list[Mapping[str, Any]] = []
        self._run: Run | None = None
        self._last = 0

    def start(self) -> None:
        """Start the thread; its unforeseen errors are raised in the window's thread."""
        self._task = self._background.run(self._drive, lambda _done: self.ended.emit(), self._fail)

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

    def stop(self) -> None:
        """End as `pause` does, paused or not; then `wait` for the thread."""
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
                if self._held():
                    return False
                if snapshot is not None:
                    self._explorer.publish(snapshot)
        except DivergenceError as error:
            self._diverged(error)
            return False
        finally:
            self._bring_back(steps, late)
        # One that gave up an iteration has not, whether or not it is still to pause
        return run.finished

    def _held(self) -> bool:
        """Whether the run is to pause or to stop."""
        return not self._going.is_set() or self._stopping.is_set()

    def _bring_back(self, steps: Steps, late: list[StepReport]) -> None:
        """Bring the run back into this process; nothing changes it after that."""
        try:
            steps.close()
        except DivergenceError as error:
            self._diverged(error)
        for report in late:
            self._reports.append(report)

    def _diverged(self, error: DivergenceError) -> None:
        """Pause at the last good state."""
        self._going.clear()
        self.failed.emit(str(error))

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
        run.interrupt_when(self._held)
        return run

    def _wait_while_paused(self, run: Run) -> bool:
        """Stay while paused; False once it is to stop."""
        if not self._going.is_set():
            self._publish(run)
            self.paused.emit()
            self._going.wait()
            if not self._stopping.is_set():
                self.resumed.emit()
        return not self._stopping.is_set()

    def _publish(self, run: Run) -> None:
        self._explorer.publish(Snapshot.of(run.flow))

"""The part of the studio that is about runs: how one stands, and those that were discarded but can be brought back."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from dnf_studio.core.training.record import StepReport
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.run_changes import RunStatus
from dnf_studio.gui.workspace.training import Phase, Training
from dnf_studio.workers.background import Background

if TYPE_CHECKING:
    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.training.run import Run
    from dnf_studio.core.training.state import RunState

MOST_DISCARDED = 3


@dataclass(frozen=True, eq=False)
class DiscardedRun:
    """A run that was discarded before it was saved, whole but for its threads and the memory it trained in."""

    state: RunState
    dataset: Dataset
    opened: Opened
    """What was shown of it."""

    def make_run(self) -> Run:
        """The run as it was. For a thread."""
        from dnf_studio.core.training.run import Run

        run = Run(self.state.config, self.dataset)
        run.load(self.state)
        return run


class StudioRuns(QObject):
    """What is shown, the run beside it with its progress, and the last few runs that were discarded."""

    progressed = Signal(int, object, object)
    """Iterations, iterations a second or None, seconds left or None."""
    bound_changed = Signal(object)
    """The smoothed bound, nats, or None."""
    discarded_changed = Signal(object)
    """The `DiscardedRun` that was `discarded` now; None where one was brought back."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.background = Background(self)
        self.training = Training(self.background, self)
        self.bound: float | None = None
        """The smoothed bound, nats, as far as there is one."""
        self._opened: Opened | None = None
        self._discarded: deque[DiscardedRun] = deque(maxlen=MOST_DISCARDED)

    @property
    def current(self) -> Opened | None:
        """The `Opened` that is shown; None before the first."""
        return self._opened

    @property
    def has_run(self) -> bool:
        """Whether there is a run, in memory or in the file that is shown, and not a model alone."""
        return self.training.run is not None or self.opened_run is not None

    @property
    def opened_run(self) -> RunStatus | None:
        """Status of the run whose file is shown; None where it is no run."""
        saved = self._opened.checkpoint if self._opened is not None else None
        return RunStatus.of_checkpoint(saved) if saved is not None and saved.kind == "run" else None

    @property
    def discarded(self) -> DiscardedRun | None:
        """The run that was discarded last and has not been brought back."""
        return self._discarded[-1] if self._discarded else None

    def note_reports(self, reports: Sequence[StepReport], smoothed: float | None) -> None:
        """Emit how the run stands after `reports`."""
        rate, run = self.training.pace(reports), self.training.run
        running = run if self.training.phase is Phase.RUNNING else None
        self.progressed.emit(reports[-1].iteration, rate if running else None, running and running.remaining())
        self.note_bound(smoothed)

    def note_bound(self, smoothed: float | None) -> None:
        """Emit the smoothed bound of the run or of the model that was opened, nats."""
        self.bound = smoothed
        self.bound_changed.emit(smoothed)

    def _forget_run(self) -> None:
        """Forget the run, which nothing moves; one that is not saved can be brought back."""
        run, lost = self.training.run, self.training.unsaved
        if run is not None and lost and self._opened is not None:
            self._discarded.append(DiscardedRun(run.state(), run.dataset, self._opened))
            self.discarded_changed.emit(self.discarded)
        self.training.forget(keep=lost)

    def _let_go(self, kept: DiscardedRun) -> None:
        """Note that `kept` is discarded no more."""
        if kept in self._discarded:
            self._discarded.remove(kept)
            self.discarded_changed.emit(None)

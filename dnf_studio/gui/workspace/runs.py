"""The part of the studio that is about runs: how one stands, and those that were discarded but can be brought back."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
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
    from dnf_studio.gui.workspace.training_cursor import TrainingCursor
    from dnf_studio.workers.explorer import Explorer

RATE_SECONDS = 3.0
"""Seconds of training over which iterations a second are counted."""
MOST_DISCARDED, DISCARDED_BYTES, EARLIER_BYTES = 2, 6_000_000, 2_000_000
"""Runs that can be brought back, and the most that the snapshots of the last one take in memory, and of one before."""


@dataclass(frozen=True, eq=False)
class DiscardedRun:
    """A run that was discarded before it was saved, whole but for its threads and the memory it trained in."""

    state: RunState
    dataset: Dataset
    opened: Opened
    """What was shown of it."""

    def thinned(self, most_bytes: int) -> DiscardedRun:
        """The same run with snapshots that take at most so much memory, and no second set of weights.

        From a divergence it goes back to where it stood when it was discarded, unless it was on the way to one.
        """
        from dnf_studio.core.training.snapshots import thinned

        state = self.state
        fewer = thinned(state.snapshots or (), state.iteration, most_bytes)
        diverges = state.watch is not None and state.watch.far
        return replace(self, state=replace(state, snapshots=fewer, good=state.good if diverges else None))

    def make_run(self) -> Run:
        """The run as it was. For a thread."""
        from dnf_studio.core.training.run import Run

        run = Run(self.state.config, self.dataset)
        run.load(self.state)
        return run


class StudioRuns(QObject):
    """What is shown, the run beside it with its progress, and the last few runs that were discarded."""

    opened = Signal(object)
    """The `Opened` that is shown from now on."""
    said = Signal(str)
    failed = Signal(object)
    """A `StudioError`, or whatever else went wrong."""
    progressed = Signal(int, object, object)
    """Iterations, iterations a second or None, seconds left or None."""
    bound_changed = Signal(object)
    """The smoothed bound, nats, or None."""
    discarded_changed = Signal(object)
    """The `DiscardedRun` that was `discarded` now; None where one was brought back."""
    past_changed = Signal(object)
    """The `Past` that the views show from now on, or None for the model as it is now."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.background = Background(self)
        self.training = Training(self.background, self)
        self._explorer: Explorer | None = None
        self.bound: float | None = None
        """The smoothed bound, nats, as far as there is one."""
        self._opened: Opened | None = None
        self._before: Opened | None = None
        self._discarded: deque[DiscardedRun] = deque(maxlen=MOST_DISCARDED)
        self._pace: deque[tuple[int, float]] = deque()
        self.training.phase_changed.connect(lambda phase: self._pace.clear() if phase is Phase.STARTING else None)

    @cached_property
    def past(self) -> TrainingCursor:
        """Where in its training the model is shown."""
        from dnf_studio.gui.workspace.training_cursor import TrainingCursor

        return TrainingCursor(self)

    def start(self) -> None:
        """Begin to load torch and to compute."""
        if self._explorer is None:
            # Not before the window is painted, which needs nothing of it
            from dnf_studio.workers.explorer import Explorer

            self._explorer = Explorer()

    @property
    def explorer(self) -> Explorer:
        """The thread that computes what the views show; there is none before `start`."""
        if self._explorer is None:
            raise RuntimeError("the studio has not started")
        return self._explorer

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

    def file_moved(self, old: Path, new: Path) -> None:
        """Note that the file of the model shown has another name."""
        self._opened, self._before = (
            replace(opened, path=new) if opened and opened.path and opened.path.absolute() == old else opened
            for opened in (self._opened, self._before)
        )

    def saved_as(self, path: Path) -> None:
        """Note that what is shown is in the file `path` from now on, and is called after it."""
        if self._opened is not None:
            self._opened = replace(self._opened.called(path.name), path=path)

    def note_reports(self, reports: Sequence[StepReport], smoothed: float | None) -> None:
        """Emit how the run stands after `reports`."""
        self.training.unsaved = True
        rate, run = self._rate(reports), self.training.run
        running = run if self.training.phase is Phase.RUNNING else None
        self.progressed.emit(reports[-1].iteration, rate if running else None, running and running.remaining())
        self.note_bound(smoothed)

    def _rate(self, reports: Sequence[StepReport]) -> float | None:
        """Iterations a second over the last few seconds of training, None before there are two reports."""
        self._pace.extend((report.iteration, report.seconds) for report in reports)
        while len(self._pace) > 2 and self._pace[-1][1] - self._pace[0][1] > RATE_SECONDS:
            self._pace.popleft()
        iterations, seconds = (b - a for a, b in zip(self._pace[0], self._pace[-1], strict=True))
        return iterations / seconds if seconds > 0 else None

    def note_bound(self, smoothed: float | None) -> None:
        """Emit the smoothed bound of the run or of the model that was opened, nats."""
        self.bound = smoothed
        self.bound_changed.emit(smoothed)

    def _forget_run(self) -> None:
        """Forget the run, which nothing moves; one that is not saved can be brought back."""
        run, lost = self.training.run, self.training.unsaved
        if run is not None and lost and self._opened is not None:
            self._keep(DiscardedRun(replace(run.state(), snapshots=run.snapshots.all), run.dataset, self._opened))
        self.training.forget(keep=lost)

    def _keep(self, fresh: DiscardedRun) -> None:
        """Keep what was discarded now, and of those before, which come back only after it, fewer snapshots."""
        earlier = [kept.thinned(EARLIER_BYTES) for kept in self._discarded]
        self._discarded = deque([*earlier, fresh.thinned(DISCARDED_BYTES)], maxlen=MOST_DISCARDED)
        self.discarded_changed.emit(self.discarded)

    def _let_go(self, kept: DiscardedRun) -> None:
        """Note that `kept` is discarded no more."""
        if kept in self._discarded:
            self._discarded.remove(kept)
            self.discarded_changed.emit(None)

"""Trains a run where that is fastest: here at first, and once it lasts in a process of its own."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

from dnf_studio.errors import DataError
from dnf_studio.workers.snapshot import Snapshot, Steps, watched

if TYPE_CHECKING:
    from dnf_studio.core.training.record import StepReport
    from dnf_studio.core.training.run import Run
    from dnf_studio.workers.training_process import TrainingProcess

__all__ = ["Trainer"]

MOVE_AFTER = 3.0
"""Seconds of training after which a process is worth its start."""
LOG = logging.getLogger(__name__)


class Trainer:
    """Starts the training process once a run has lasted and keeps it for later ones.

    A run on another device than the processor stays here, and so does every run of a machine with
    one core. `steps` is for one thread at a time, `apply` for any.
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
            self._process = TrainingProcess()
        return self._process if self._process is not None and self._process.ready else None

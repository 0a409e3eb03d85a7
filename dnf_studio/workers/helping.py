"""When the explorer's process is worth its start, and what happens without it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dnf_studio.workers.explorer import Wanted
    from dnf_studio.workers.explorer_process import ExplorerProcess
    from dnf_studio.workers.frames import Frame

__all__ = ["Helping"]

HELP_AFTER = 3.0
"""Seconds of training after which another process is worth its start."""
LOG = logging.getLogger(__name__)


class Helping:
    """Starts the process once a run has lasted and keeps it to the end; all but `set_training` in one thread."""

    def __init__(self) -> None:
        self.process: ExplorerProcess | None = None
        self._training = False
        self._since = 0.0
        self._alone = False

    def set_training(self, training: bool) -> None:
        """Whether a model trains; any thread may say so."""
        self._training, self._since = training, perf_counter()

    def frame(self, wanted: Wanted, left: Callable[[], bool]) -> tuple[bool, Frame | None]:
        """Whether the process did the pass, and its frame, or None where the pass was `left`."""
        process = self._ready()
        if process is None:
            return False, None
        try:
            return True, process.frame(wanted, left)
        except (EOFError, OSError) as problem:
            LOG.warning("The explorer's process ended; its thread goes on alone: %r", problem)
            process.close()
            self.process, self._alone = None, True
            return False, None

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.close()

    def _ready(self) -> ExplorerProcess | None:
        if not self._training or self._alone:
            return None
        if self.process is None and perf_counter() - self._since > HELP_AFTER:
            from dnf_studio.core.parallel import worker_threads
            from dnf_studio.workers.explorer_process import ExplorerProcess

            if worker_threads() < 2:
                self._alone = True
            else:
                self.process = ExplorerProcess()
        return self.process if self.process is not None and self.process.ready else None

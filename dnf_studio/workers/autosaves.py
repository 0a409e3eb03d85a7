"""The autosave of this process where nobody trains: that of a discarded run is kept by a thread, others are removed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dnf_studio.errors import StudioError
from dnf_studio.workers.background import Background, Task

if TYPE_CHECKING:
    from dnf_studio.core.storage.autosave import Autosave
    from dnf_studio.core.training.run import Run

LOG = logging.getLogger(__name__)


def own_autosave(folder: Path) -> Autosave:
    """The autosave of this process in `folder`; the window is painted before what stands behind it is imported."""
    from dnf_studio.core.storage.autosave import Autosave

    return Autosave.of_process(folder)


class LastState:
    """Keeps and removes the last state of a run that no worker has, one after the other; for the window's thread."""

    def __init__(self, background: Background) -> None:
        self._background, self._keeping = background, Task()
        self.folder: Path | None = None
        """Where the states of a run that is not saved are kept; None for nowhere."""

    def keep(self, run: Run) -> None:
        """Begin to keep the state of `run`, which nothing moves any more: the disk may take half a second."""
        if self.folder is not None and run.iteration:
            self._keeping = self._background.run(partial(_keep, self.folder, run), lambda _: None, lambda _: None)

    def before(self, make_run: Callable[[int], Run]) -> Callable[[int], Run]:
        """`make_run` once all is kept: the next run has the same place."""
        keeping = self._keeping

        def begin(threads: int) -> Run:
            keeping.wait()
            return make_run(threads)

        return begin

    def take_over(self, left: Path) -> None:
        """Keep what another process left at `left`."""
        if self.folder is not None:
            self._keeping.wait()
            own_autosave(self.folder).take_over(left)

    def remove(self) -> None:
        """Remove what is kept."""
        if self.folder is not None:
            self._keeping.wait()
            own_autosave(self.folder).remove()


def _keep(folder: Path, run: Run) -> None:
    try:
        own_autosave(folder).keep(run.state().checkpoint())
    except StudioError as error:
        LOG.warning("The state of the discarded run is not kept: %s", error)

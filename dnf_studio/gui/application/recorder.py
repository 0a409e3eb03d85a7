"""Writes to the log what happens in a window."""

from __future__ import annotations

import platform
from pathlib import Path

from PySide6.QtCore import QObject

from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.log import LOGGER
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.report import versions
from dnf_studio.gui.workspace.shown import data_label
from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace

__all__ = ["Recorder"]


class Recorder(QObject):
    """Start, opened files, runs, changes of their settings, and errors; of files their names alone."""

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        session, studio = workspace.session, workspace.studio
        self._studio = studio
        numbers = ", ".join(f"{name} {number}" for name, number in versions().items())
        LOGGER.info("started on %s: %s; device %s", platform.platform(), numbers, session.state.config.training.device)
        studio.opened.connect(self._opened)
        studio.said.connect(self._said)
        studio.training.phase_changed.connect(self._phase)
        workspace.parts["training"].said.connect(self._said)
        workspace.files.told.connect(self._told)

    def _opened(self, opened: Opened) -> None:
        shown = opened.shown
        data = Path(data_label(shown.data)).name
        LOGGER.info("shown: %s, data %s, %d components, N %d", Path(shown.title).name, data, shown.dim, shown.steps)

    def _said(self, sentence: str) -> None:
        LOGGER.info("%s", sentence)

    def _phase(self, phase: Phase) -> None:
        run = self._studio.training.run
        if run is None:
            LOGGER.info("run: %s", phase.value)
        else:
            done = f"{run.iteration:,} iterations, {run.seconds:.1f} s"
            LOGGER.info("run: %s, %s, device %s, %s", phase.value, done, run.device, run.precision)

    def _told(self, error: BaseException) -> None:
        known = isinstance(error, StudioError) and error.__cause__ is None
        LOGGER.error("%s: %s", type(error).__name__, error, exc_info=None if known else error)

"""The thread that writes an export while the window goes on."""

from __future__ import annotations

from collections.abc import Callable, Generator
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, Signal

from dnf_studio.errors import StudioError
from dnf_studio.workers.mailbox import Mailbox
from dnf_studio.workers.python_thread import run_in_python_thread

if TYPE_CHECKING:
    from dnf_studio.core.storage.samples import ExportProgress

__all__ = ["ExportWorker"]


class ExportWorker(QThread):
    """Drives one export; `start_export()` is called in the thread and returns its progress iterator.

    For example ``lambda: export_samples(flow, path, plan, checkpoint)``. Progress waits in the
    mailbox `progress`, which the window empties when it likes.
    """

    finished_export = Signal(str)
    """The path, once the whole file is in place."""
    failed = Signal(str)
    """One sentence; no file is left."""
    cancelled = Signal()
    """No file is left."""

    def __init__(
        self, start_export: Callable[[], Generator[ExportProgress]], path: str, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.progress: Mailbox[ExportProgress] = Mailbox()
        self._start_export = start_export
        self._path = path
        self._cancelling = Event()

    def cancel(self) -> None:
        """Leave after the block it is at; does nothing once the file is in place."""
        self._cancelling.set()

    def run(self) -> None:
        """Called by Qt; the work itself is in a thread of Python's own."""
        run_in_python_thread(self._export, "dnf-export")

    def _export(self) -> None:
        try:
            done = self._drive()
        except StudioError as error:
            self.failed.emit(str(error))
            return
        if done:
            self.finished_export.emit(self._path)
        else:
            self.cancelled.emit()

    def _drive(self) -> bool:
        """Write until done; False if cancelled before the file was in place."""
        steps = self._start_export()
        complete = False
        try:
            for progress in steps:
                self.progress.put(progress)
                complete = progress.done >= progress.total
                if self._cancelling.is_set() and not complete:
                    return False
        finally:
            steps.close()
        return complete or not self._cancelling.is_set()

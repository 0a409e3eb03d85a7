"""The one export that may run at a time, whatever panel is in front."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from dnf_studio.gui.features.export.history import ExportRecord
from dnf_studio.gui.workspace.studio import Studio
from dnf_studio.workers.exporter import ExportWorker

if TYPE_CHECKING:
    from torch import Tensor

    from dnf_studio.core.data.dataset import Dataset
    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.storage.samples import ExportPlan, ExportProgress

__all__ = ["ExportOrder", "Exporter"]

POLL_MS = 100


@dataclass(frozen=True)
class ExportOrder:
    """What to write, and where to."""

    plan: ExportPlan
    path: Path
    indices: tuple[int, ...] | None = None
    """Points of the display set to write instead of new samples; the plan's settings are then the view's. Round trips
    where `plan.forward`, else backward paths from latents of their own."""


class Exporter(QObject):
    """Writes in a thread of its own while the window and a run go on. Cancel and failure leave no file."""

    running_changed = Signal(bool)
    progressed = Signal(object)
    """The newest `ExportProgress`."""
    written = Signal(object)
    """The `ExportRecord` of the file that is in place."""
    failed = Signal(str)
    """One sentence."""
    cancelled = Signal()

    def __init__(self, studio: Studio, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._worker: ExportWorker | None = None
        self._preparing = False
        self._unwanted = False
        self._number = 0
        self._record: ExportRecord | None = None
        self._poll = QTimer(self)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self._look)

    @property
    def running(self) -> bool:
        """Whether a file is being written."""
        return self._preparing or self._worker is not None

    def start(self, order: ExportOrder) -> None:
        """Begin to write what is ordered with the model as it is now; nothing while another export runs."""
        if self.running:
            return
        self._preparing, self._unwanted = True, False
        self._number += 1
        current = self._studio.current
        data = (current.points, current.dataset) if current is not None else (None, None)
        self.running_changed.emit(True)
        number = self._number
        self._studio.take_model(partial(self._write, number, order, data), partial(self._refuse, number))

    def cancel(self) -> None:
        """Stop what runs, after the block it is at."""
        self._unwanted = True
        if self._worker is not None:
            self._worker.cancel()

    def shut(self) -> None:
        """Stop what runs and wait for it; whoever is told of it is told now."""
        self._number += 1
        if self._preparing:
            self._preparing = False
            self.running_changed.emit(False)
        if self._worker is not None:
            self._worker.cancel()
            self._ended()

    def _write(
        self,
        number: int,
        order: ExportOrder,
        data: tuple[Tensor | None, Dataset | None],
        model: tuple[GenerativeModel, Checkpoint | None],
    ) -> None:
        if number != self._number:
            return
        self._preparing = False
        if self._unwanted:
            self.cancelled.emit()
            self.running_changed.emit(False)
            return
        flow, checkpoint = model
        plan = order.plan
        count = plan.count if order.indices is None else len(set(order.indices))
        steps = plan.settings.steps or len(flow.timestamps) - 1
        solver = flow.checked_solver(plan.settings.solver).label
        self._record = ExportRecord(
            str(order.path), count, steps, plan.settings.level, selected=order.indices is not None, solver=solver
        )
        worker = ExportWorker(partial(_export, order, *data, flow, checkpoint), str(order.path), self)
        worker.finished_export.connect(self._finished)
        worker.failed.connect(self.failed)
        # What was done before it is no news after it
        worker.cancelled.connect(self._poll.stop)
        worker.cancelled.connect(self.cancelled)
        worker.finished.connect(self._ended)
        self._worker = worker
        worker.start()
        self._poll.start()

    def _refuse(self, number: int, error: Exception) -> None:
        if number == self._number:
            self._preparing = False
            self.failed.emit(str(error))
            self.running_changed.emit(False)

    def _look(self) -> None:
        progress = self._worker.progress.take() if self._worker is not None else None
        if progress is not None:
            if self._record is not None:
                self._record = replace(self._record, far=progress.far or 0)
            self.progressed.emit(progress)

    @Slot(str)
    def _finished(self, path: str) -> None:
        self._look()
        if self._record is not None:
            self.written.emit(self._record.in_place(_size(Path(path)), datetime.now().astimezone()))

    @Slot()
    def _ended(self) -> None:
        self._poll.stop()
        if self._worker is None:
            return
        self._worker.wait()
        self._worker.deleteLater()
        self._worker = None
        self.running_changed.emit(False)


def _export(
    order: ExportOrder,
    data: Tensor | None,
    dataset: Dataset | None,
    flow: GenerativeModel,
    checkpoint: Checkpoint | None,
) -> Generator[ExportProgress, None, None]:
    """Called in the thread of the export."""
    from dnf_studio.core.storage.samples import export_samples

    if order.indices is None:
        return export_samples(flow, order.path, order.plan, checkpoint, data=dataset)
    from dnf_studio.workers.selection import export_selection

    points, starts = len(data) if data is not None else 0, data if order.plan.forward else None
    return export_selection(flow, order.path, order.plan, order.indices, points, checkpoint, starts, dataset)


def _size(path: Path) -> int:
    """Bytes, 0 for a file that somebody has taken away already."""
    try:
        return path.stat().st_size
    except OSError:
        return 0

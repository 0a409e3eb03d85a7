"""Export samples: what to draw, how large it will be and how long it takes, then the export itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from dnf_studio.errors import StudioError
from dnf_studio.gui.controls import caption
from dnf_studio.gui.dialogs.export_form import ExportForm
from dnf_studio.gui.shown import data_stem
from dnf_studio.gui.state import State
from dnf_studio.gui.status import duration
from dnf_studio.gui.studio import Studio
from dnf_studio.workers.exporter import ExportWorker

if TYPE_CHECKING:
    from dnf_studio.core.models.diffflow import DiffFlow
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.storage.samples import ExportPlan

__all__ = ["ExportDialog"]

POLL_MS = 100
SETTLE_MS = 300
TRIAL_STEPS = 500_000


class ExportDialog(QDialog):
    """Writes samples of the shown model to an HDF5 file in a thread of its own; the window stays usable.

    Cancel and closing leave no file.
    """

    def __init__(self, state: State, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export samples")
        self.setMinimumWidth(520)
        self._studio = studio
        self._worker: ExportWorker | None = None
        self._preparing = False
        self._closes = False
        current = studio.current
        data = data_stem(current.shown.data) if current is not None else "samples"
        self.form = ExportForm(state, current.shown if current is not None else None, Path.cwd() / f"{data}-samples.h5")
        self.preview, self.problem = caption(), caption(warning=True)
        self.problem.hide()
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setFormat("")
        self.remaining = caption()
        self.export = QPushButton("&Export")
        self.export.setToolTip("Draw the samples and write the file")
        self.export.setDefault(True)
        self.form.browse.setAutoDefault(False)
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop the export without leaving a file, or close")
        self.cancel.setAutoDefault(False)
        self._arrange()
        self._settle, self._poll = QTimer(self), QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._try)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self._show_progress)
        self.form.changed.connect(self._preview)
        self.form.browse.clicked.connect(self._browse)
        self.export.clicked.connect(self.start)
        self.cancel.clicked.connect(self.reject)
        self._preview()

    @property
    def running(self) -> bool:
        """Whether a file is being written."""
        return self._preparing or self._worker is not None

    def start(self) -> None:
        """Check the form and begin to write."""
        try:
            plan, path = self.form.plan(), self.form.path()
        except StudioError as error:
            self._complain(str(error))
            return
        self.problem.hide()
        self._preparing = True
        self._set_running(True)
        self.remaining.setText("Preparing…")
        self._studio.take_model(lambda model: self._write(model, plan, path), lambda error: self._failed(str(error)))

    def shut(self) -> None:
        """End the thread and wait for it; no file is left."""
        if self._worker is not None:
            self._worker.cancel()
            self._worker.wait()
            self._ended()

    def reject(self) -> None:
        """Cancel what runs, else close."""
        if self._preparing:
            self._closes = True
        elif self._worker is not None:
            self.remaining.setText("Cancelling…")
            self._worker.cancel()
        else:
            super().reject()
            self.deleteLater()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close once a running export has been cancelled."""
        if self.running:
            self._closes = True
            event.ignore()
        self.reject()

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.remaining, 1)
        buttons = QDialogButtonBox()
        buttons.addButton(self.export, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.cancel, QDialogButtonBox.ButtonRole.ActionRole)
        row.addWidget(buttons)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        for part in (self.form, self.preview, self.problem, self.progress):
            column.addWidget(part)
        column.addLayout(row)
        self.progress.hide()

    def _browse(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Export to", self.form.target.text(), "HDF5 (*.h5 *.hdf5)")
        if name:
            self.form.target.setText(name if Path(name).suffix else f"{name}.h5")

    def _preview(self) -> None:
        """Size at once, time after a short trial."""
        try:
            plan = self.form.plan()
        except StudioError as error:
            self._complain(str(error))
            return
        self.problem.hide()
        shown = self.form.shown
        if shown is not None:
            size = plan.predicted_bytes(shown.dim, plan.settings.steps or shown.steps)
            most = "at most " if plan.compress else ""
            self._size = f"File {most}{_bytes(size)}"
            self.preview.setText(f"{self._size}.")
            self._settle.start()

    @Slot()
    def _try(self) -> None:
        """Draw a few samples in the background to learn how long all will take."""
        current = self._studio.current
        if current is None or self.running:
            return
        try:
            plan = self.form.plan()
        except StudioError:
            return
        flow = current.snapshot.flow
        self._studio.background.run(lambda: _trial(flow, plan), self._show_estimate, self._estimate_failed)

    def _show_estimate(self, seconds: float) -> None:
        if isValid(self) and not self.running:
            self.preview.setText(f"{self._size}, about {_about(seconds)} here.")

    def _estimate_failed(self, error: Exception) -> None:
        if isValid(self):
            self._complain(str(error))

    def _write(self, model: tuple[DiffFlow, Checkpoint | None], plan: ExportPlan, path: Path) -> None:
        from dnf_studio.core.storage.samples import export_samples

        self._preparing = False
        if self._closes:
            self.reject()
            return
        flow, checkpoint = model
        worker = ExportWorker(lambda: export_samples(flow, path, plan, checkpoint), str(path), self)
        worker.finished_export.connect(self._finished)
        worker.failed.connect(self._failed)
        worker.cancelled.connect(self._cancelled)
        worker.finished.connect(self._ended)
        self._worker = worker
        worker.start()
        self._poll.start()

    def _show_progress(self) -> None:
        progress = self._worker.progress.take() if self._worker is not None else None
        if progress is not None:
            self.progress.setValue(round(1000 * progress.done / progress.total))
            left = "" if progress.seconds_left is None else f", {duration(progress.seconds_left)} left"
            self.remaining.setText(f"{progress.done:,} of {progress.total:,}{left}")

    @Slot(str)
    def _finished(self, path: str) -> None:
        self.progress.setValue(1000)
        self.remaining.setText(f"Written: {path}")
        self._studio.said.emit(f"Exported {Path(path).name}.")
        self.cancel.setText("Close")

    @Slot(str)
    def _failed(self, sentence: str) -> None:
        self.remaining.setText("")
        self._complain(sentence)
        self._preparing = False
        if self._worker is None:
            self._set_running(False)

    @Slot()
    def _cancelled(self) -> None:
        self.remaining.setText("Cancelled; no file was left.")
        self.progress.setValue(0)

    @Slot()
    def _ended(self) -> None:
        self._poll.stop()
        if self._worker is not None:
            self._worker.wait()
            self._worker.deleteLater()
        self._worker = None
        self._set_running(False)
        if self._closes:
            self.reject()

    def _set_running(self, running: bool) -> None:
        self.form.setEnabled(not running)
        self.export.setEnabled(not running)
        if running:
            self.progress.show()
            self.progress.setValue(0)
            self.cancel.setText("Cancel")

    def _complain(self, sentence: str) -> None:
        self.problem.setText(sentence)
        self.problem.show()


def _trial(flow: DiffFlow, plan: ExportPlan) -> float:
    """Seconds that `plan` will take, from a small part of it."""
    from time import perf_counter

    from dnf_studio.core.sampling.blocks import sample_blocks
    from dnf_studio.core.sampling.likelihood import log_prob

    steps = plan.settings.steps or len(flow.timestamps) - 1
    count = max(256, min(16_384, TRIAL_STEPS // steps))
    began = perf_counter()
    samples = [block.samples for block in sample_blocks(flow, count, plan.settings)]
    each = (perf_counter() - began) / count
    if plan.log_prob:
        import torch

        few = torch.from_numpy(samples[0][:256])
        began = perf_counter()
        log_prob(flow, few, "ode")
        each += (perf_counter() - began) / len(few)
    return each * plan.count


def _bytes(size: int) -> str:
    power = min(4, max(1, int(math.log(max(size, 1), 1000))))
    return f"{size / 1024**power:.3g} {('KiB', 'MiB', 'GiB', 'TiB')[power - 1]}"


def _about(seconds: float) -> str:
    """A time no finer than it is known."""
    return "a second" if seconds < 1.5 else f"{seconds:.0f} seconds" if seconds < 90 else duration(seconds)

"""The Export panel: what to draw, how large it will be and how long it takes, the export itself, earlier ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from os.path import isfile
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QProgressBar, QPushButton

from dnf_studio.core.files import with_suffix
from dnf_studio.errors import Check, StudioError
from dnf_studio.gui.drawing.words import about, breakable, duration, in_bytes
from dnf_studio.gui.features.export.exporter import Exporter, ExportOrder, trial_seconds
from dnf_studio.gui.features.export.form import ExportForm
from dnf_studio.gui.features.export.list import ExportList, ExportRecord
from dnf_studio.gui.features.export.offer import ExportOffer
from dnf_studio.gui.widgets.controls import caption
from dnf_studio.gui.widgets.page import Page
from dnf_studio.gui.workspace import dialogs
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest

if TYPE_CHECKING:
    from dnf_studio.core.storage.export_plan import ExportPlan, ExportProgress
    from dnf_studio.core.storage.journal import Unfinished
    from dnf_studio.gui.workspace.look_back import Past

ABOUT = "Writes an HDF5 file in the units of the data."
SETTLE_MS = 300
VIEW = frozenset(
    {"steps", "grid", "solver", "lam", "last", "seed", "selection", "region", "selection_of", "start", "parts"}
)
"""What of the state an export starts from."""


class ExportPanel(Page):
    """Writes samples of the shown model, or the selected points, to an HDF5 file; the window stays usable."""

    def __init__(self, workspace: Workspace, exporter: Exporter) -> None:
        super().__init__()
        session, studio = workspace.session, workspace.studio
        self._studio, self._files, self._exporter = studio, workspace.files, exporter
        self._size = ""
        self._stale, self._told = True, False
        self.form = ExportForm(session)
        self.earlier = ExportList(workspace.memory, studio.background)
        self.offer = ExportOffer(studio.background)
        self.preview, self.problem, self.remaining = caption(), caption(warning=True), caption()
        self.progress = QProgressBar()
        self.export, self.cancel = QPushButton("Ex&port"), QPushButton("Cancel")
        self._arrange()
        # With thousands of steps a trial takes minutes: what is typed next ends it
        self._trial = Newest(studio.background)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._try)
        self._connect(session)
        if studio.current is not None:
            self._show_opened(studio.current)

    def begin(self) -> None:
        """The panel was asked for: the number of samples is what is typed first."""
        self.form.count.setFocus()
        self.form.count.selectAll()

    def start(self) -> None:
        """Check the form and begin to write, having asked about a file that is there."""
        if self._exporter.running or self._studio.current is None:
            return
        try:
            order = ExportOrder(self.form.plan(), self.form.path(), self.form.indices())
        except StudioError as error:
            self._complain(str(error))
            return
        if isfile(order.path):
            answer = dialogs.ask_about_older_file(self.window(), order.path.name)
            if answer is dialogs.Answer.OTHER_NAME and self._browse():
                self.start()
            if answer is not dialogs.Answer.REPLACE:
                return
        self.problem.hide()
        self._exporter.start(order)

    def showEvent(self, event: QShowEvent) -> None:
        """Look whether the files are still there, and estimate what has changed meanwhile."""
        super().showEvent(event)
        self.earlier.look()
        self._look()
        if self._stale:
            self._preview()

    def _arrange(self) -> None:
        self.about = self.add_caption(ABOUT)
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress of the export")
        self.export.setToolTip("Draw the samples and write the file")
        self.export.setEnabled(False)
        self.cancel.setToolTip("Stop the export without leaving a file")
        self.cancel.setEnabled(False)
        buttons = QHBoxLayout()
        buttons.addWidget(self.export, 1)
        buttons.addWidget(self.cancel, 1)
        below = (buttons, self.progress, self.remaining, self.earlier)
        for part in (self.form, self.preview, self.problem, self.offer, *below):
            self.add(part)
        # The list takes the empty rest, and gives way before the panel scrolls
        self.column.setStretch(self.column.indexOf(self.earlier), 1000)
        self.problem.hide()
        self.progress.hide()
        self.remaining.hide()

    def _connect(self, session: Session) -> None:
        exporter, studio = self._exporter, self._studio
        session.changed.connect(self._follow)
        studio.opened.connect(self._show_opened)
        studio.past_changed.connect(self._show_past)
        self.form.changed.connect(self._preview)
        self.form.browse.clicked.connect(self._browse)
        self.form.target.textChanged.connect(self._look)
        self.offer.go_on_asked.connect(self._go_on)
        self.offer.failed.connect(self._complain)
        self.export.clicked.connect(self.start)
        self.cancel.clicked.connect(self._cancel)
        exporter.running_changed.connect(self._show_running)
        exporter.progressed.connect(self._show_progress)
        exporter.written.connect(self._show_written)
        exporter.failed.connect(self._show_failed)
        exporter.cancelled.connect(self._show_cancelled)
        self.earlier.open_asked.connect(self._files.show)
        self.earlier.failed.connect(self._complain)

    def _follow(self, names: frozenset[str]) -> None:
        if names & VIEW:
            self.form.refresh()

    @Slot(object)
    def _show_past(self, past: Past | None) -> None:
        """Say whose samples they will be where that is not the model as it is now."""
        whose = "" if past is None else f" Drawn by the model as it was after iteration {past.kept.iteration:,}."
        self.about.setText(f"{ABOUT}{whose}")

    def _show_opened(self, opened: Opened) -> None:
        self.export.setEnabled(not self._exporter.running)
        self.form.set_shown(opened.shown)

    def _browse(self) -> bool:
        """Ask for a file; whether one was named. An older one is asked about at Export."""
        name, _ = QFileDialog.getSaveFileName(
            self.window(),
            "Export to",
            self.form.target.text(),
            "HDF5 (*.h5 *.hdf5)",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if name:
            self.form.target.setText(str(with_suffix(name, ".h5")))
        return bool(name)

    def _look(self) -> None:
        """Look for interrupted exports in the folder of the target, while somebody sees it."""
        if self.isVisible() and not self._exporter.running:
            with suppress(StudioError):
                self.offer.look(self.form.path().parent)

    @Slot(object)
    def _go_on(self, left: Unfinished) -> None:
        """Write the rest of an interrupted export."""
        from dnf_studio.core.storage.export_plan import plan_of

        if self._exporter.running or self._studio.current is None:
            return
        try:
            order = ExportOrder(plan_of(left.asked), left.target, resume=left)
        except StudioError as error:
            self._complain(str(error))
            return
        self.problem.hide()
        self._exporter.start(order)

    def _preview(self) -> None:
        """Size at once, time after a short trial; nothing while nobody sees it, for it needs torch."""
        shown = self.form.shown
        self._stale = not self.isVisible()
        if shown is None or self._stale or self._exporter.running:
            return
        try:
            plan = self.form.plan()
        except StudioError as error:
            self._complain(str(error))
            return
        self.problem.hide()
        size = plan.predicted_bytes(shown.dim, plan.settings.steps or shown.steps)
        self._size = f"File {'at most ' if plan.compress else ''}{in_bytes(size)}"
        self.preview.setText(f"{self._size}.")
        self._settle.start()

    @Slot()
    def _try(self) -> None:
        """Draw a few samples in the background to learn how long all will take."""
        current = self._studio.current
        if current is None or self._exporter.running:
            return
        try:
            plan = self.form.plan()
        except StudioError:
            return
        if plan.region is not None:
            return  # how many end there is not known
        flow = current.snapshot.flow

        def trial(check: Check) -> Iterator[float]:
            yield trial_seconds(flow, plan, check)

        self._trial.start(trial, partial(self._show_estimate, plan), partial(self._doubt, plan))

    def _show_estimate(self, plan: ExportPlan, seconds: float) -> None:
        if self._is_asked(plan):
            self.preview.setText(f"{self._size}, about {about(seconds)} here.")

    def _doubt(self, plan: ExportPlan, error: Exception) -> None:
        if self._is_asked(plan):
            self._complain(str(error))

    def _is_asked(self, plan: ExportPlan) -> bool:
        """Whether the form still says `plan`, and nothing is written yet."""
        try:
            return not self._exporter.running and self.form.plan() == plan
        except StudioError:
            return False

    def _cancel(self) -> None:
        self.remaining.setText("Cancelling…")
        self._exporter.cancel()

    @Slot(bool)
    def _show_running(self, running: bool) -> None:
        self.export.setEnabled(not running)
        self.cancel.setEnabled(running)
        self.form.setEnabled(not running)
        if running:
            self._trial.cancel()
            self.offer.hide()
            self._told = False
            self.progress.setValue(0)
            self.progress.show()
            self.remaining.setText("Preparing…")
            self.remaining.show()
            return
        self.progress.hide()
        self.remaining.setVisible(self._told)
        complained = self.problem.isVisibleTo(self)
        self.form.refresh()
        self.problem.setVisible(complained)
        self._look()

    @Slot(object)
    def _show_progress(self, progress: ExportProgress) -> None:
        self.progress.setValue(round(1000 * progress.done / progress.total))
        left = "" if progress.seconds_left is None else f", {duration(progress.seconds_left)} left"
        self.remaining.setText(f"{progress.done:,} of {progress.total:,}{self._exporter.share(progress)}{left}")

    @Slot(object)
    def _show_written(self, record: ExportRecord) -> None:
        name = Path(record.path).name
        self._end_with(f"Written: {name}")
        self.earlier.add(record)
        if (doubt := self._exporter.doubt(record)) is not None:
            self._studio.said.emit(f"Exported {name}, with {doubt[0]}.")
            self._complain(doubt[1])
            return
        # Without its model an export cannot be seen again
        again = " Save the run too, or the export cannot be opened here later." if self._studio.training.unsaved else ""
        self._studio.said.emit(f"Exported {name}.{again}")

    @Slot(str)
    def _show_failed(self, sentence: str) -> None:
        self._complain(sentence)
        self._studio.said.emit("The export failed; the Export panel says why.")

    @Slot()
    def _show_cancelled(self) -> None:
        self._end_with("Cancelled; no file was left.")
        self._studio.said.emit("The export was cancelled; no file was left.")

    def _end_with(self, sentence: str) -> None:
        self._told = True
        self.remaining.setText(breakable(sentence))

    def _complain(self, sentence: str) -> None:
        self.problem.setText(breakable(sentence))
        self.problem.show()

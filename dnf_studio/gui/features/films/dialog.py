"""The dialog of a film: what it will be, any picture of it, and how far it is written."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from os.path import isfile

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
)

from dnf_studio.errors import StudioError
from dnf_studio.gui.drawing.words import breakable, counted, duration
from dnf_studio.gui.features.films.form import FilmForm
from dnf_studio.gui.features.films.maker import FilmMaker
from dnf_studio.gui.features.films.preview import FieldAsker, FilmPreview
from dnf_studio.gui.features.films.script import Script
from dnf_studio.gui.features.films.stage import Stage
from dnf_studio.gui.features.films.training import TrainingReel
from dnf_studio.gui.features.films.views import View, views_of
from dnf_studio.gui.widgets.controls import caption, keep_place
from dnf_studio.gui.workspace import dialogs
from dnf_studio.gui.workspace.shown import data_stem
from dnf_studio.gui.workspace.turns import Turns
from dnf_studio.gui.workspace.workspace import Workspace

SETTLE_MS = 250
"""From a change in the window to the stage that is made anew for it."""


class FilmDialog(QDialog):
    """Form at the right, a picture of the film at the left, with a slider through the film under it.

    It stays usable beside the window, and what it shows follows the window until Write; what is being written does
    not.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self.setWindowTitle("Export film")
        self._workspace, self._live = workspace, workspace.live
        self.maker = FilmMaker(workspace.studio.background, workspace.tell, self)
        self.form = FilmForm(workspace.appearance.theme)
        self.preview, self._fields = FilmPreview(workspace), FieldAsker(workspace)
        self.length, self.problem, self.remaining = caption(), caption(warning=True), QLabel()
        self.write, self.cancel = QPushButton("&Write film"), QPushButton("Close")
        self.progress = QProgressBar()
        self.stage: Stage | None = None
        self._shown: View | None = None
        self._begins = False
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._turns = Turns(self)
        self._arrange()
        self._connect()

    def showEvent(self, event: QShowEvent) -> None:
        """Show what the window shows now."""
        super().showEvent(event)
        current = self._workspace.studio.current
        stem = "film" if current is None else data_stem(current.shown.title) or "film"
        names = self._workspace.comparison.names
        two = len(names) > 1
        if two:
            stem = f"{stem}-and-{data_stem(names[1])}"
        # The plots have letters alone
        self.form.propose_title(f"A: {names[0]},  B: {names[1]}" if two else "")
        self.form.propose(stem, ".webp" if find_spec("av") is None else ".mp4")
        self.refresh()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing cancels a film that is being written, and forgets the stage."""
        self._leave()
        # Qt's own way is Escape's, which only cancels while a film is written
        event.accept()
        self.hide()

    def reject(self) -> None:
        """Escape cancels a film first, then closes."""
        if self.maker.running:
            self._cancel()
        else:
            self._leave()
            super().reject()

    @Slot()
    def refresh(self) -> None:
        """Take what the window shows now; nothing while a film is written, or where nobody sees it."""
        if self.maker.running or not self.isVisible():
            return
        self.form.set_views(views_of(self._workspace.plots))
        if self._live.frame is not None:
            self.form.at = self._workspace.session.cursor.position
            self.form.set_ends(len(self._live.frame.t) - 1, len(self._workspace.studio.past.kept))
        self._set_stage()
        self._tell_length()

    @Slot()
    def _follow_window(self) -> None:
        """Take what the window shows now, but let a stage come first that is on its way: while somebody drags N there
        would be none."""
        if self._begins or self._turns.running or self.preview.running:
            self._settle.start()
        else:
            self.refresh()

    @Slot()
    def start(self) -> None:
        """Write the film, of what the window shows now, having asked about a file that is there."""
        from dnf_studio.core.storage.film import check_film

        if self.maker.running or self._begins:
            return
        try:
            self.form.script.check()
            plan = self.form.plan()
            check_film(plan)
            if self.form.chosen is None:
                raise StudioError("There is nothing to film yet; open a model.")
        except StudioError as error:
            self._complain(str(error))
            return
        if isfile(plan.path):
            answer = dialogs.ask_about_older_file(self, plan.path.name)
            if answer is dialogs.Answer.OTHER_NAME and self.form.ask_for_file():
                self.start()
            if answer is not dialogs.Answer.REPLACE:
                return
        self.problem.hide()
        self.refresh()
        self._begins = True
        self._show_running(True)

    def _arrange(self) -> None:
        self.write.setToolTip("Write the film; the window stays usable")
        self.write.setDefault(True)
        self.cancel.setToolTip("Stop writing without leaving a file, or close")
        self.cancel.setAutoDefault(False)
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress of the film")
        for part in (self.progress, self.problem):
            keep_place(part)
            part.hide()
        left, right, buttons = QVBoxLayout(), QVBoxLayout(), QHBoxLayout()
        left.addWidget(self.preview, 1)
        left.addWidget(self.length)
        buttons.addWidget(self.write, 1)
        buttons.addWidget(self.cancel, 1)
        right.addWidget(self.form)
        right.addStretch(1)
        right.addWidget(self.problem)
        right.addWidget(self.progress)
        right.addWidget(self.remaining)
        right.addLayout(buttons)
        row = QHBoxLayout(self)
        row.addLayout(left, 1)
        row.addLayout(right)
        self.form.setFixedWidth(320)
        self.problem.setFixedWidth(320)

    def _connect(self) -> None:
        self.form.changed.connect(self._follow_form)
        self.write.clicked.connect(self.start)
        self.cancel.clicked.connect(self.reject)
        self._settle.timeout.connect(self._follow_window)
        self._workspace.session.changed.connect(lambda _names: self._settle.start())
        self._workspace.studio.opened.connect(lambda _opened: self._settle.start())
        maker = self.maker
        maker.running_changed.connect(self._show_running)
        maker.progressed.connect(self._show_progress)
        maker.written.connect(self._show_written)
        maker.failed.connect(self._complain)
        maker.cancelled.connect(lambda: self._end_with("Cancelled; no file was left."))

    def _set_stage(self) -> None:
        """Another stage for what is chosen, which is made plot by plot between other events."""
        view, frame = self.form.chosen, self._live.frame
        self._drop_stage()
        self._shown = view
        if view is not None and frame is not None:
            dots = self._workspace.session.state.dots
            self.stage = Stage(view.plots, view.places, frame.t, self, (dots[0] / 100, dots[1] / 100))
            self._turns.go(self._making(self.stage))

    def _making(self, stage: Stage) -> Iterator[object]:
        """Make the stage, a plot at a step, then show the film or get ready to write it."""
        while not stage.ready:
            stage.grow()
            yield None
        if not self._begins:
            self._show_film()
            return
        script = self.form.script
        yield from stage.taking(self.form.look)
        places = [moment.position for moment, _ in script.shots()] if script.at is None else []
        self._fields.ask(stage, places, partial(self._begin, stage, script))

    def _begin(self, stage: Stage, script: Script) -> None:
        """Write, now that all is there."""
        if self._begins and stage is self.stage:
            self._begins = False
            reel = TrainingReel(self._workspace, script) if script.at is not None else None
            self.maker.start(stage, script, self.form.plan(), reel)

    @Slot()
    def _follow_form(self) -> None:
        if self.form.chosen is not self._shown:
            self._set_stage()
        self._tell_length()
        self._show_film()

    def _show_film(self) -> None:
        if self.stage is not None and self.stage.ready and not self.maker.running:
            self.preview.show_film(self.stage, self.form.look, self.form.script)

    def _tell_length(self) -> None:
        script = self.form.script
        try:
            script.check()
        except StudioError as error:
            self._complain(str(error))
            return
        self.problem.hide()
        frames = script.frames
        size = "{} × {}".format(*self.form.look.size)
        self.length.setText(f"{frames / script.rate:.3g} seconds, {counted(frames, 'frame')} of {size}.")

    @Slot(bool)
    def _show_running(self, running: bool) -> None:
        self.write.setEnabled(not running)
        self.form.setEnabled(not running)
        self.preview.slider.setEnabled(not running)
        self.cancel.setText("Cancel" if running else "Close")
        if not running and self.form.over_training:
            # A film over training ends with an earlier model on the stage
            self._settle.start()
        self.progress.setVisible(running)
        if running:
            self.progress.setValue(0)
            self.remaining.setText("Preparing…")

    @Slot(int, int, float)
    def _show_progress(self, done: int, whole: int, left: float) -> None:
        self.progress.setValue(round(1000 * done / whole))
        words = "the last pictures are packed…" if done == whole else f"{duration(left)} left"
        self.remaining.setText(f"{done:,} of {counted(whole, 'picture')}, {words}")

    @Slot(object)
    def _show_written(self, path: object) -> None:
        name = getattr(path, "name", str(path))
        self._end_with(f"Written: {name}")
        self._workspace.say(f"Wrote the film {name}.")

    @Slot(str)
    def _complain(self, sentence: str) -> None:
        self.problem.setText(breakable(sentence))
        self.problem.show()
        self.remaining.setText("")

    def _end_with(self, sentence: str) -> None:
        self.remaining.setText(breakable(sentence))

    def _cancel(self) -> None:
        self.remaining.setText("Cancelling…")
        self.maker.cancel()

    def _leave(self) -> None:
        self._begins = False
        self.preview.forget()
        self._fields.forget()
        self.maker.cancel()
        self._show_running(False)
        self.remaining.setText("")
        if not self.maker.running:
            self._drop_stage()

    def _drop_stage(self) -> None:
        self.preview.forget()
        self._turns.stop()
        if self.stage is not None:
            self.stage.close()
            self.stage.deleteLater()
            self.stage = None

"""The strip below the table of runs: what a person writes of the one that is chosen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from dnf_studio.errors import StudioError
from dnf_studio.gui.drawing.words import breakable
from dnf_studio.gui.features.runs.columns import Run
from dnf_studio.gui.widgets.controls import caption, label_of
from dnf_studio.gui.workspace.memory import own_folder
from dnf_studio.workers.background import Background

NO_RUN = "Choose a run to write a note or tags; several rows are taken into the curves together."


def notes_file() -> Path:
    """Where notes and tags are kept; it need not be there yet."""
    return own_folder() / "notes.json"


class NotesStrip(QWidget):
    """Tags and a note of one run, written to the file of notes when a field is left or by Enter."""

    written = Signal()
    """The file has changed."""
    failed = Signal(object)
    """A `StudioError`: nothing was written."""

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._run: Run | None = None
        self.about = caption()
        self.tags, self.note = QLineEdit(), QLineEdit()
        self.tags.setPlaceholderText("good, for the paper")
        self.note.setPlaceholderText("what you want to remember")
        tips = (
            "Tags of the chosen run, with commas between them; the list of tags filters by them",
            "A note on the chosen run; notes are kept apart from the models, in your own data folder",
        )
        labels = label_of(self.tags, "Ta&gs", tips[0]), label_of(self.note, "N&ote", tips[1])
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        grid.addWidget(self.about, 0, 0, 1, 2)
        for row, (label, field) in enumerate(zip(labels, (self.tags, self.note), strict=True), start=1):
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
            field.editingFinished.connect(self.write)
        self.show_run(None)

    def show_run(self, run: Run | None) -> None:
        """Write of this one from now on, after what was typed of the one before is kept."""
        if self._run is not None and (run is None or run.path != self._run.path):
            self.write()
        typing = run is not None and self._run is not None and run.path == self._run.path and self._typed()
        self._run = run
        for field in (self.tags, self.note):
            field.setEnabled(run is not None)
        self.about.setText(NO_RUN if run is None else breakable(run.facts.file.fault or str(run.path)))
        if not typing:
            self.tags.setText("" if run is None else ", ".join(run.note.tags))
            self.note.setText("" if run is None else run.note.text)

    def write(self) -> None:
        """Keep what stands in the fields, if it is something new."""
        from dnf_studio.core.storage.run_notes import Note, tags_of, write_note

        run = self._run
        if run is None or not self._typed():
            return
        try:
            note = Note(self.note.text().strip(), tags_of(self.tags.text()))
        except StudioError as problem:
            self.failed.emit(problem)
            return
        if note == run.note:
            return
        self._run = Run.of(run.facts, run.place, run.source, note)
        sha256, path = run.facts.file.sha256, run.path
        self._background.run(
            lambda: write_note(notes_file(), sha256, path, note), lambda _all: self.written.emit(), self._not_written
        )

    def _typed(self) -> bool:
        run = self._run
        return run is not None and (self.note.text(), self.tags.text()) != (run.note.text, ", ".join(run.note.tags))

    def _not_written(self, error: Exception) -> None:
        self.failed.emit(error)

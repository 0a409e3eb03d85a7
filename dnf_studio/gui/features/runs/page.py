"""The table of runs with its filters and folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QSignalBlocker, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
)

from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.drawing.words import breakable, counted
from dnf_studio.gui.features.runs.columns import BROKEN, Run, matches
from dnf_studio.gui.features.runs.notes import NotesStrip, notes_file
from dnf_studio.gui.features.runs.reading import Batch, read_runs
from dnf_studio.gui.features.runs.table import RunsModel, RunsTable
from dnf_studio.gui.widgets.controls import ChoiceBox, FilesPanel, caption, label_of
from dnf_studio.gui.workspace.memory import cache_folder, exactly, models_folder
from dnf_studio.gui.workspace.thumbnails import Thumbnails
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest

MOST_CURVES = 6
MOST_COLUMNS, SPACING, MARGIN = 3, 4, 8
"""Buttons side by side, and pixels between them and at either side."""
FOLDERS = "runs"
"""Name of the folders in the memory."""
LOOK_MS = 200
"""After so long without scrolling the pictures of what is seen are made."""


def _folders(value: Any) -> list[str]:  # noqa: ANN401 - whatever was remembered
    """For `Memory.get`: folders that a person has added."""
    return [one for one in exactly(list)(value) if isinstance(one, str)]


class RunsPage(FilesPanel):
    """Every checkpoint of the library and of folders that a person adds, read anew whenever the page is seen."""

    wanted = Signal(object)
    """Take these runs into the curves: a list of `Run`."""
    _columns = 0
    """How many buttons stand side by side; none before they are placed."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.tell)
        self._workspace, self._memory = workspace, workspace.memory
        self._reading = Newest(workspace.studio.background)
        self.runs: tuple[Run, ...] = ()
        self.thumbnails = Thumbnails(cache_folder() / "thumbnails", workspace.studio.background, self)
        self.model = RunsModel(self.thumbnails)
        self.copy = QPushButton("Cop&y table")
        self.table = RunsTable(self.model, self.copy)
        self.notes = NotesStrip(workspace.studio.background)
        self._looking = QTimer(self, singleShot=True, interval=LOOK_MS)
        self._make_filters()
        self._make_buttons()
        self._arrange()
        self._connect()
        self._show_chosen()

    @property
    def folders(self) -> tuple[Path, ...]:
        """Those that a person has added."""
        none: list[str] = []
        return tuple(map(Path, self._memory.get(FOLDERS, _folders, none)))

    @property
    def reading(self) -> bool:
        """Whether files are being read."""
        return self._reading.running

    def set_theme(self, theme: Theme) -> None:
        """Recolour letters and pictures."""
        self.model.set_theme(theme)
        self.table.viewport().update()

    def refresh(self) -> None:
        """Read the files again, if anybody sees them."""
        if not self.due:
            return
        known = {run.path: run.facts for run in self.runs}
        own, folders, notes = models_folder(self._memory), self.folders, notes_file()
        self._reading.start(
            lambda check: read_runs(own, folders, notes, known, check), self._take, self.complain, self._end
        )

    def add_folder(self, folder: str) -> None:
        """List the checkpoints in `folder`, too, from now on."""
        known = [str(one) for one in self.folders]
        if folder and folder not in known:
            self._memory.put(FOLDERS, [*known, folder])
            self.refresh()

    def drop_folder(self, folder: Path) -> None:
        """List it no more; its files stay as they are."""
        self._memory.put(FOLDERS, [str(one) for one in self.folders if one != folder])
        self.refresh()

    def _make_filters(self) -> None:
        self.words = QLineEdit()
        self.words.setClearButtonEnabled(True)
        self.words.setPlaceholderText("words of name, note, tag …")
        self.words_label = label_of(self.words, "Fi&lter", "Show only rows that say all of these words somewhere")
        every = {"kind": "all kinds", "data": "all data", "tag": "all tags"}
        self.filters = {name: ChoiceBox({text: ""}) for name, text in every.items()}
        for name, box in self.filters.items():
            box.setToolTip(f"Show only rows of this {name}")
            box.setAccessibleName(f"Filter by {name}")
            box.chosen.connect(lambda _value: self._filter())
            box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.words.textChanged.connect(lambda _text: self._filter())

    def _make_buttons(self) -> None:
        self.open, self.take = QPushButton("&Open"), QPushButton("&To the curves")
        self.compare = QPushButton("&Beside in views")
        self.places = QPushButton("&Folders")
        self.menu = QMenu(self.places)
        self.menu.setToolTipsVisible(True)
        self.places.setMenu(self.menu)
        for button, tip in (
            (self.open, "Show the chosen run in the views (Enter or a double click)"),
            (self.compare, "Show the chosen run as B beside the model that is open, in all views"),
            (self.take, f"Compare the chosen runs, up to {MOST_CURVES}, by curves and numbers"),
            (self.places, "Add folders whose checkpoints are listed beside the library, or take them out again"),
            (self.copy, "Copy the rows as they are seen, every column, for a spreadsheet"),
        ):
            button.setToolTip(tip)
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.told = caption()
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.progress.setAccessibleName("Files read")
        self.progress.setToolTip("Files whose headers are read")
        keep = self.progress.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(keep)
        self.progress.hide()

    def _arrange(self) -> None:
        first, second, self._grid = QHBoxLayout(), QHBoxLayout(), QGridLayout()
        first.addWidget(self.words_label)
        first.addWidget(self.words, 1)
        for box in self.filters.values():
            second.addWidget(box, 1)
        self._grid.setSpacing(SPACING)
        self._place_buttons()
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, 6, MARGIN, MARGIN)
        column.setSpacing(6)
        column.addLayout(first)
        column.addLayout(second)
        column.addWidget(self.progress)
        column.addWidget(self.table, 1)
        for part in (self.told, self.problem, self.notes):
            column.addWidget(part)
        column.addLayout(self._grid)

    def _place_buttons(self) -> None:
        """As many side by side as have room for their words, which large letters need more of."""
        buttons = self.open, self.compare, self.take, self.places, self.copy
        widest = max(button.sizeHint().width() for button in buttons) + SPACING
        columns = max(1, min(MOST_COLUMNS, (self.width() - 2 * MARGIN + SPACING) // widest))
        if columns != self._columns:
            self._columns = columns
            for place, button in enumerate(buttons):
                self._grid.addWidget(button, place // columns, place % columns)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Place the buttons anew."""
        super().resizeEvent(event)
        self._place_buttons()

    def changeEvent(self, event: QEvent) -> None:
        """The same where the letters are others."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and self._columns:
            self._place_buttons()

    def _connect(self) -> None:
        self.table.opened.connect(self._open)
        self.table.moved.connect(self._looking.start)
        self.table.selectionModel().selectionChanged.connect(lambda _new, _old: self._show_chosen())
        self.open.clicked.connect(self._open)
        self.compare.clicked.connect(self._compare)
        self.take.clicked.connect(lambda: self.wanted.emit(self.table.chosen()))
        self.menu.aboutToShow.connect(self._fill_menu)
        self.notes.written.connect(self.refresh)
        self.notes.failed.connect(self._tell)
        self.thumbnails.changed.connect(self.model.repaint_pictures)
        self._looking.timeout.connect(self._look)
        self._workspace.files.saved.connect(lambda _path: self.refresh())
        training = self._workspace.studio.training
        training.phase_changed.connect(lambda _phase: self.thumbnails.set_paused(training.active))

    def _take(self, batch: Batch) -> None:
        self.runs = batch.runs
        self.progress.setRange(0, max(1, batch.total))
        self.progress.setValue(len(batch.runs))
        self.progress.setVisible(len(batch.runs) < batch.total)
        self.problem.setText(breakable("\n".join(batch.problems)))
        self.problem.setVisible(bool(batch.problems))
        self._offer_filters()
        self._filter()

    def _end(self, _whole: bool) -> None:
        self.progress.hide()

    def _offer_filters(self) -> None:
        offered = {
            "kind": {run.kind for run in self.runs},
            "data": {run.data for run in self.runs} - {""},
            "tag": {tag for run in self.runs for tag in run.note.tags},
        }
        for name, values in offered.items():
            box = self.filters[name]
            before = box.currentData()
            ordered = sorted(values - {BROKEN}, key=str.casefold) + [BROKEN] * (BROKEN in values)
            box.set_choices({box.itemText(0): "", **{value: value for value in ordered}})
            box.show_value(before if before in values else "")

    def _filter(self) -> None:
        """Show the rows that fit, those that were chosen still chosen."""
        kind, data, tag = (box.currentData() or "" for box in self.filters.values())
        chosen = [run.path for run in self.table.chosen()]
        shown = [run for run in self.runs if matches(run, self.words.text(), kind, data, tag)]
        heads = [column.head for column in self.model.columns]
        # What is typed of the chosen run goes on
        with QSignalBlocker(self.table.selectionModel()):
            self.model.set_runs(shown)
            self.table.choose(chosen)
        self.table.viewport().update()
        if [column.head for column in self.model.columns] != heads:
            self.table.fit_columns()
        else:
            self.table.fit_columns(anew=False)
        faults = sum(bool(run.facts.file.fault) for run in shown)
        said = [counted(len(shown), "run"), f"of {len(self.runs):,}" if len(shown) < len(self.runs) else ""]
        broken = f", {faults:,} of which cannot be opened" if faults else ""
        self.told.setText(f"{' '.join(filter(None, said))}{broken}.")
        self._show_chosen()
        self._looking.start()

    def _show_chosen(self) -> None:
        chosen = self.table.chosen()
        self.notes.show_run(chosen[0] if len(chosen) == 1 else None)
        self.open.setEnabled(len(chosen) == 1)
        models = [run for run in chosen if not run.facts.file.fault]
        self.compare.setEnabled(len(models) == len(chosen) == 1)
        self.take.setEnabled(bool(models) and len(models) == len(chosen) <= MOST_CURVES)

    def _open(self) -> None:
        chosen = self.table.chosen()
        if len(chosen) == 1:
            self._workspace.files.show(chosen[0].source)

    def _compare(self) -> None:
        chosen = self.table.chosen()
        if len(chosen) == 1:
            self._workspace.comparison.open(chosen[0].source, "library")

    def _look(self) -> None:
        """Pictures of what is in sight, and of nothing else."""
        if self.isVisible():
            self.thumbnails.want((run.facts.file.sha256, run.path) for run in self.table.in_sight())

    def _fill_menu(self) -> None:
        self.menu.clear()
        add = self.menu.addAction("&Add a folder…")
        add.setToolTip("Its checkpoints, and those of folders within, are listed too; nothing is written there")
        add.triggered.connect(self._ask_folder)
        self.menu.addSeparator()
        for folder in self.folders:
            action = self.menu.addAction(f"List no more: {str(folder).replace('&', '&&')}")
            action.setToolTip("The files stay as they are")
            action.triggered.connect(lambda _checked=False, folder=folder: self.drop_folder(folder))

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder of runs", str(models_folder(self._memory)))
        self.add_folder(name)

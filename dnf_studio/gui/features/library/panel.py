"""The Library: bundled models, one's own, and the files opened last."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QFileSystemWatcher, QPoint, Qt
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QGridLayout,
    QListView,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
)

from dnf_studio.errors import StudioError
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.features.library.model import Card, CardDelegate, LibraryModel, Row, Section, read_rows
from dnf_studio.gui.features.library.recent import Recent
from dnf_studio.gui.widgets.controls import FilesPanel
from dnf_studio.gui.workspace.memory import cache_folder, models_folder, own_folder, show_folder
from dnf_studio.gui.workspace.thumbnails import Thumbnails
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Newest

if TYPE_CHECKING:
    from dnf_studio.core.storage.library import Trash

COMMANDS = {
    "open": ("&Open", "Show the chosen model or file (Enter)"),
    "compare": ("Co&mpare", "Show the chosen model beside the one that is open, as B"),
    "rename": ("&Rename", "Give the chosen model of your folder another name (F2)"),
    "duplicate": ("D&uplicate", "Copy the chosen model, a bundled one into your folder too"),
    "delete": ("&Delete", "Remove the chosen model of your folder (Del); Undo brings it back until the program ends"),
    "show": ("S&how folder", "Show the folder of the chosen model in the file manager"),
    "folder": ("&Folder…", "Choose the folder of your models, where Save also begins"),
}


class LibraryPanel(FilesPanel):
    """Cards to open, rename, duplicate and delete; read in the background when seen and where files change."""

    def __init__(self, workspace: Workspace, recent: Recent) -> None:
        super().__init__(workspace.tell)
        self._files, self._memory, self._recent = workspace.files, workspace.memory, recent
        self.moved: Callable[[Path, Path | None], object] = recent.moved
        self.compare: Callable[[str], object] = lambda name: None
        self._background = workspace.studio.background
        self._reading = Newest(self._background)
        self.thumbnails = Thumbnails(cache_folder() / "thumbnails", self._background, self)
        self._trash: Trash | None = None
        self._choose: Path | None = None
        self._watched = QFileSystemWatcher(self)
        self._watched.directoryChanged.connect(self.refresh)
        self.model = LibraryModel(self._rename)
        self.view = QListView()
        self.delegate = CardDelegate(self.thumbnails, self.view)
        self.buttons = {name: QPushButton(text) for name, (text, _) in COMMANDS.items()}
        self.undo = QPushButton()
        self._compose()
        self.thumbnails.changed.connect(self.view.viewport().update)
        recent.changed.connect(self.refresh)
        self._enable()

    @property
    def folder(self) -> Path:
        """Where the user's own models are."""
        return models_folder(self._memory)

    @property
    def chosen(self) -> Card | None:
        """The card that the buttons act on."""
        return self.model.card(self.view.currentIndex())

    def refresh(self) -> None:
        """Read the files again, if anybody sees them."""
        if self.due:
            folder, recent = self.folder, self._recent.files
            self._reading.run(lambda: read_rows(folder, recent), self._show, self.complain)

    def set_theme(self, theme: Theme) -> None:
        """Recolour the cards."""
        self.delegate.theme = theme
        self.view.viewport().update()

    def close_files(self) -> None:
        """Delete for good what was deleted."""
        if self._trash is not None:
            self._trash.empty()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody sees pictures that are made now."""
        super().hideEvent(event)
        self.thumbnails.want(())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Del, which the list leaves to its panel."""
        acts = {Qt.Key.Key_Return: "open", Qt.Key.Key_Enter: "open", Qt.Key.Key_Delete: "delete"}
        # Not those that end the editing of a name
        if self.view.hasFocus() and event.key() in acts:
            self.act(acts[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def act(self, name: str) -> None:
        """Do what the button `name` says with the chosen card."""
        card = self.chosen
        acts: dict[str, Callable[[Card], object]] = {
            "open": lambda card: self._files.show(card.source),
            "compare": lambda card: self.compare(card.source),
            "rename": lambda _card: self.view.edit(self.view.currentIndex()),
            "duplicate": self._duplicate,
            "delete": self._delete,
            "show": self._show_folder,
        }
        if name == "folder":
            self._choose_folder()
        elif card is not None and self.buttons[name].isEnabled():
            acts[name](card)

    def _compose(self) -> None:
        self.view.setModel(self.model)
        self.view.setItemDelegate(self.delegate)
        self.view.setAccessibleName("Library")
        self.view.setToolTip("Models and files: double-click or Enter opens one")
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setResizeMode(QListView.ResizeMode.Adjust)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.doubleClicked.connect(lambda _index: self.act("open"))
        self.view.selectionModel().currentChanged.connect(lambda _new, _old: self._enable())
        self.model.modelReset.connect(self._enable)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.view, 1)
        self.undo.clicked.connect(lambda: self._work(self._bin().restore, lambda path: self._changed(None, path)))
        self.undo.setToolTip("Deleted models can be brought back until the program ends")
        self.undo.hide()
        grid = QGridLayout()
        grid.setSpacing(4)
        for place, (name, (_, tip)) in enumerate(COMMANDS.items()):
            button = self.buttons[name]
            button.setToolTip(tip)
            button.clicked.connect(lambda _checked=False, name=name: self.act(name))
            grid.addWidget(button, place // 3, place % 3)
        for button in (self.undo, *self.buttons.values()):
            # A narrow dock squeezes them rather than keep the window wide
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        for part in (self.undo, self.problem):
            column.addWidget(part)
        column.addLayout(grid)

    def _enable(self) -> None:
        card = self.chosen
        own = card is not None and card.section is Section.OWN
        model = card is not None and card.kind == "checkpoint" and not card.file.fault
        there_is = card is not None
        possible = {"open": there_is, "show": there_is, "compare": model, "duplicate": model}
        for name, there in (possible | {"rename": own, "delete": own}).items():
            self.buttons[name].setEnabled(there)

    def _menu(self, where: QPoint) -> None:
        if self.model.card(self.view.indexAt(where)) is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        for name, (text, tip) in COMMANDS.items():
            if name != "folder":
                action = menu.addAction(text)
                action.setToolTip(tip)
                action.setEnabled(self.buttons[name].isEnabled())
                action.triggered.connect(lambda _checked=False, name=name: self.act(name))
        menu.popup(self.view.viewport().mapToGlobal(where))

    def _show(self, rows: tuple[Row, ...]) -> None:
        self.problem.hide()
        chosen, self._choose = self._choose, None
        before = chosen or (self.chosen.file.path if self.chosen is not None else None)
        self.model.set_rows(rows)
        cards = [row.card for row in rows if row.card is not None]
        places = {row.card.file.path: number for number, row in reversed([*enumerate(rows)]) if row.card is not None}
        if before in places:
            self.view.setCurrentIndex(self.model.index(places[before]))
        for folder in {self.folder, *(card.file.path.parent for card in cards)}:
            if folder.is_dir() and str(folder) not in self._watched.directories():
                self._watched.addPath(str(folder))
        if self.isVisible():
            self.thumbnails.want((card.file.sha256, card.file.path) for card in cards)

    def _work(self, work: Callable[[], Any], done: Callable[[Any], object]) -> None:
        self._background.run(work, done, self._failed)

    def _failed(self, error: Exception) -> None:
        self._tell(error)
        self.refresh()

    def _rename(self, card: Card, name: str) -> None:
        from dnf_studio.core.storage.library import rename

        self._work(lambda: rename(card.file.path, name), lambda new: self._changed(card.file.path, new))

    def _duplicate(self, card: Card) -> None:
        from dnf_studio.core.storage.library import duplicate

        folder = self.folder
        self._work(lambda: duplicate(card.file.path, folder), lambda new: self._changed(None, new))

    def _delete(self, card: Card) -> None:
        trash, path = self._bin(), card.file.path
        self._work(lambda: trash.delete(path), lambda _none: self._changed(path, None))

    def _changed(self, old: Path | None, new: Path | None) -> None:
        """A file has come, gone, or changed its name."""
        self._choose = new
        last = self._trash.last if self._trash is not None else None
        self.undo.setVisible(last is not None)
        if last is not None:
            self.undo.setText(f"&Undo: bring {last.stem.replace('&', '&&')} back")
        if old is not None and old != new:
            self.moved(old, new)
        self.refresh()

    def _bin(self) -> Trash:
        from dnf_studio.core.storage.library import Trash

        if self._trash is None:
            self._trash = Trash(own_folder() / "trash")
        return self._trash

    def _show_folder(self, card: Card) -> None:
        try:
            show_folder(card.file.path.parent)
        except StudioError as error:
            self._tell(error)

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder of your models", str(self.folder))
        if name:
            self._memory.put("models", name)
            self.refresh()


def make_panel(workspace: Workspace) -> LibraryPanel:
    """The Library, which reads files only once the first frame is there."""
    panel = LibraryPanel(workspace, workspace.parts["library"].recent)
    panel.moved = workspace.parts["library"].moved
    panel.compare = partial(workspace.comparison.open, origin="library")
    panel.set_theme(workspace.appearance.theme)
    workspace.appearance.changed.connect(panel.set_theme)
    workspace.live.frame_shown.connect(panel.start)
    workspace.files.saved.connect(lambda _path: panel.refresh())
    training = workspace.studio.training
    training.phase_changed.connect(lambda _phase: panel.thumbnails.set_paused(training.active))
    workspace.closing.now.connect(panel.close_files)
    return panel

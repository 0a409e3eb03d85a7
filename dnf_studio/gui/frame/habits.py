"""What makes a second visit comfortable: files of settings, recent and dropped files, the window as it was left."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from dnf_studio.core.data.naming import split_selection
from dnf_studio.gui.features.library.recent import Recent, RecentMenu
from dnf_studio.gui.features.training.settings_menu import ExperimentMenu
from dnf_studio.gui.frame.drop import DropZone
from dnf_studio.gui.workspace.actions import Key
from dnf_studio.gui.workspace.folders import models_folder
from dnf_studio.gui.workspace.memory import Memory, Places, exactly
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.shown import data_label

if TYPE_CHECKING:
    from dnf_studio.gui.features.library.panel import LibraryPanel
    from dnf_studio.gui.frame.main_window import MainWindow

__all__ = ["Habits"]


class Habits(QObject):
    """Joins the memory of the program to one window."""

    def __init__(self, window: MainWindow, memory: Memory) -> None:
        super().__init__(window)
        self._window, self._memory = window, memory
        self._left_out: tuple[str, int] | None = None
        self.recent = Recent(memory, self)
        self.places = Places(memory, window)
        self.menu = RecentMenu(self.recent)
        self.drop = DropZone(window, self.open_dropped, window.status.say)
        self.menu.chosen.connect(lambda source: self.open(source))
        window.commands.insert_menu(Key.SAVE, self.menu)
        self.experiment = ExperimentMenu(window)
        window.commands[Key.REOPEN].setChecked(memory.get("reopen", exactly(bool), False))
        window.studio.places = self._checkpoints
        window.files.folder = self._folder
        window.studio.opened.connect(self._opened)
        window.studio.failed.connect(lambda _error: self._forget_drop())
        window.files.opening.connect(lambda source: window.status.say_meanwhile(f"Opening {data_label(source)}…"))
        window.studio.failed.connect(lambda _error: window.status.take_back())
        window.files.saved.connect(lambda path: self.recent.add(Path(path).absolute(), "checkpoint"))
        window.exporter.written.connect(lambda record: self.recent.add(Path(record.path).absolute(), "export"))
        window.closing.connect(self.places.store)
        window.appearance.changed.connect(self.drop.set_theme)
        self.drop.set_theme(window.appearance.theme)

    def make_library(self) -> LibraryPanel:
        """The Library panel, which reads files only once the first frame is there."""
        from dnf_studio.gui.features.library.panel import LibraryPanel

        window = self._window
        panel = LibraryPanel(self._memory, self.recent, self.open, window.files.tell)
        panel.moved = self._moved
        panel.set_theme(window.appearance.theme)
        window.appearance.changed.connect(panel.set_theme)
        window.live.frame_shown.connect(lambda _frame: panel.start())
        window.files.saved.connect(lambda _path: panel.refresh())
        training = window.studio.training
        training.phase_changed.connect(lambda _phase: panel.thumbnails.set_held(training.active))
        window.closing.connect(panel.close_files)
        return panel

    @property
    def last_file(self) -> str | None:
        """What to open at the start instead of the bundled model, if that is wished and still there."""
        if not self._memory.get("reopen", exactly(bool), False) or not self.recent.files:
            return None
        last = self.recent.files[0]
        return last.source if os.path.isfile(last.path) else None

    def open(self, source: str) -> None:
        """Open a file or a bundled model once no unsaved run would be lost by it."""
        self._window.files.show(source)

    def open_dropped(self, first: str, others: Sequence[str]) -> None:
        """Open the first of the files that were dropped together, and say that the others were not."""
        if Path(first).suffix.lower() == ".toml":
            self.experiment.load(first)
            return

        def begin() -> None:
            self._left_out = (str(Path(first).absolute()), len(others)) if others else None

        self._window.files.choose(first, begin)

    def _opened(self, opened: Opened) -> None:
        self.recent.note(opened)
        left_out, self._left_out = self._left_out, None
        if left_out is not None and split_selection(opened.source)[0] == Path(left_out[0]):
            count = left_out[1]
            rest = "the other file was" if count == 1 else f"the other {count} files were"
            message = self._window.status.message.text()
            self._window.status.say(
                f"Opened {Path(left_out[0]).name}; {rest} left out, one is shown at a time. {message}"
            )

    def _forget_drop(self) -> None:
        self._left_out = None

    def _checkpoints(self) -> tuple[Path, ...]:
        """Where the model of an export is looked for, besides the bundled ones."""
        recent = (file.path for file in self.recent.files if file.kind == "checkpoint")
        return self._folder(), *recent

    def _folder(self) -> Path:
        """Where the user's own models are."""
        return models_folder(self._memory)

    def _moved(self, old: Path, new: Path | None) -> None:
        self.recent.moved(old, new)
        if new is not None:
            self._window.studio.file_moved(old, new)

"""The files opened last, newest first."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu

from dnf_studio.config import Missing
from dnf_studio.core.data.naming import split_selection
from dnf_studio.gui.workspace.memory import Memory, exactly, models_folder
from dnf_studio.gui.workspace.opening import Opened
from dnf_studio.gui.workspace.workspace import Workspace

MOST = 10
KINDS = {"checkpoint": "model", "data": "data", "export": "samples", "session": "session", "run": "run"}


@dataclass(frozen=True)
class RecentFile:
    """A file that was opened."""

    source: str
    """The file's path and what was chosen of it after ``::``."""
    kind: str
    """checkpoint, data, export, session or run, the folder of one."""
    missing: str = "error"
    """What was done about missing values, where it is data."""
    labels: str | None = None
    """The column that had the labels, where it is data."""

    @property
    def path(self) -> Path:
        """The file."""
        return split_selection(self.source)[0]

    @property
    def label(self) -> str:
        """Its name, what was chosen of it, and what it is."""
        chosen = split_selection(self.source)[1]
        return f"{self.path.name}{f' ({chosen})' if chosen else ''} – {KINDS[self.kind]}"


class Recent(QObject):
    """Remembers the last ten files, from one start to the next."""

    changed = Signal()

    def __init__(self, memory: Memory, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._memory = memory
        self._files: tuple[RecentFile, ...] = memory.get("recent", _files, ())

    @property
    def files(self) -> tuple[RecentFile, ...]:
        """All of them, newest first."""
        return self._files

    def settings(self, source: str) -> dict[str, object]:
        """What was chosen with this data, as settings of an experiment."""
        found = next((file for file in self._files if file.source == source and file.kind == "data"), None)
        return {} if found is None else {"missing": found.missing, "label": found.labels}

    def add(self, source: str | Path, kind: str, missing: str = "error", labels: str | None = None) -> None:
        """Put a file in the first place."""
        new = RecentFile(str(source), kind, missing, labels)
        self._become((new, *(file for file in self._files if file.source != new.source))[:MOST])

    def note(self, opened: Opened) -> None:
        """Remember what was opened, if it was a file."""
        if opened.source and opened.kind in KINDS:
            own = opened.config
            self.add(opened.source, opened.kind, *((own.missing, own.label) if opened.kind == "data" else ()))

    def moved(self, old: Path, new: Path | None) -> None:
        """A file has another name now, or None: it is gone."""
        kept = (replace(f, source=str(new)) if f.path == old and new else f for f in self._files)
        self._become(tuple(file for file in kept if file.path != old))

    def clear(self) -> None:
        """Forget them all."""
        self._become(())

    def _become(self, files: tuple[RecentFile, ...]) -> None:
        if files != self._files:
            self._files = files
            self._memory.put("recent", [asdict(file) for file in files])
            self.changed.emit()


class RecentMenu(QMenu):
    """File, Open recent: made anew whenever it is shown, without files that are gone; those may come back."""

    chosen = Signal(str)

    def __init__(self, recent: Recent) -> None:
        super().__init__("Open &recent")
        self._recent = recent
        self.setToolTipsVisible(True)
        self.menuAction().setToolTip("Open one of the last ten files again")
        self.aboutToShow.connect(self.fill)
        recent.changed.connect(self._follow)
        self._follow()

    def fill(self) -> None:
        """List the files as they are now."""
        self.clear()
        there = [file for file in self._recent.files if os.path.exists(file.path)]
        for number, file in enumerate(there, start=1):
            action = self.addAction(f"&{number % 10}  {file.label.replace('&', '&&')}")
            action.setToolTip(file.source)
            action.triggered.connect(lambda _checked=False, source=file.source: self.chosen.emit(source))
        self.addSeparator()
        clear = self.addAction("&Clear list")
        clear.setToolTip("Forget these files; the files themselves stay")
        clear.triggered.connect(lambda: self._recent.clear())

    def _follow(self) -> None:
        self.menuAction().setEnabled(bool(self._recent.files))


class RecentController(QObject):
    """Remembers what is opened, saved and exported, and opens it again; knows where one's own models are."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._memory, self._studio = workspace.memory, workspace.studio
        self.recent = Recent(workspace.memory, self)
        self.menu = RecentMenu(self.recent)
        self.menu.chosen.connect(lambda source: workspace.files.show(source))
        workspace.commands.insert_menu("save", self.menu)
        self._reopen = workspace.commands["reopen"]
        self._reopen.setChecked(self._memory.get("reopen", exactly(bool), False))
        workspace.commands.connect_to("reopen", self._store)
        workspace.commands.connect_to("open", workspace.files.open)
        workspace.closing.now.connect(self._store)
        workspace.studio.places, workspace.studio.known_settings = self._checkpoints, self.recent.settings
        workspace.files.folder = self._folder
        workspace.studio.opened.connect(self.recent.note)
        workspace.files.saved.connect(lambda path: self.recent.add(Path(path).absolute(), "checkpoint"))
        workspace.files.exported.connect(lambda path: self.recent.add(Path(path).absolute(), "export"))
        workspace.files.kept.connect(lambda path: self.recent.add(Path(path).absolute(), "session"))

    @property
    def last_file(self) -> str | None:
        """What to open at the start instead of the bundled model, if that is wished and still there."""
        if not self._memory.get("reopen", exactly(bool), False) or not self.recent.files:
            return None
        last = self.recent.files[0]
        return last.source if os.path.isfile(last.path) else None

    def moved(self, old: Path, new: Path | None) -> None:
        """A file has another name now, or None: it is gone."""
        self.recent.moved(old, new)
        if new is not None:
            self._studio.file_moved(old, new)

    def _store(self) -> None:
        self._memory.put("reopen", self._reopen.isChecked())

    def _checkpoints(self) -> tuple[Path, ...]:
        """Where the model of an export is looked for, besides the bundled ones."""
        recent = (file.path for file in self.recent.files if file.kind == "checkpoint")
        return self._folder(), *recent

    def _folder(self) -> Path:
        """Where the user's own models are."""
        return models_folder(self._memory)


def _files(value: Any) -> tuple[RecentFile, ...]:  # noqa: ANN401 - what a settings file holds
    """Checked; raises what `Memory.get` takes for a broken value."""
    found = [RecentFile(e["source"], e["kind"], e.get("missing", "error"), e.get("labels")) for e in value]
    for file in found:
        sound = isinstance(file.source, str) and file.source and file.kind in KINDS
        if not sound or file.missing not in get_args(Missing) or not isinstance(file.labels, str | None):
            raise ValueError("wrong recent files")
    return tuple(found[:MOST])

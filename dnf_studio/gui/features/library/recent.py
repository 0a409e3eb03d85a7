"""The files opened last, newest first."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu

from dnf_studio.core.data.naming import split_selection
from dnf_studio.gui.workspace.memory import Memory
from dnf_studio.gui.workspace.opening import Opened

__all__ = ["Recent", "RecentFile"]

MOST = 10
KINDS = {"checkpoint": "model", "data": "data", "export": "samples"}


@dataclass(frozen=True)
class RecentFile:
    """A file that was opened."""

    source: str
    """With its folder, and what was chosen of it after ``::``."""
    kind: str
    """checkpoint, data or export."""

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

    def add(self, source: str | Path, kind: str) -> None:
        """Put a file in the first place."""
        new = RecentFile(str(source), kind)
        self._become((new, *(file for file in self._files if file.source != new.source))[:MOST])

    def note(self, opened: Opened) -> None:
        """Remember what was opened, if it was a file."""
        if opened.source and opened.kind in KINDS:
            self.add(opened.source, opened.kind)

    def moved(self, old: Path, new: Path | None) -> None:
        """A file has another name now, or None: it is gone."""
        kept = (RecentFile(str(new), f.kind) if f.path == old and new else f for f in self._files)
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
    """File, Open recent: made anew whenever it is shown, with files that are gone in grey."""

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
        for number, file in enumerate(self._recent.files, start=1):
            there = os.path.exists(file.path)
            name = file.label.replace("&", "&&")
            action = self.addAction(
                f"&{number % 10}  {name}" if there else f"&{number % 10}  {name}, not there any more"
            )
            action.setToolTip(file.source)
            action.setEnabled(there)
            action.triggered.connect(lambda _checked=False, source=file.source: self.chosen.emit(source))
        self.addSeparator()
        clear = self.addAction("&Clear list")
        clear.setToolTip("Forget these files; the files themselves stay")
        clear.triggered.connect(lambda: self._recent.clear())

    def _follow(self) -> None:
        self.menuAction().setEnabled(bool(self._recent.files))


def _files(value: Any) -> tuple[RecentFile, ...]:  # noqa: ANN401 - what a settings file holds
    """Checked; raises what `Memory.get` takes for a broken value."""
    found = [RecentFile(entry["source"], entry["kind"]) for entry in value]
    if not all(isinstance(file.source, str) and file.source and file.kind in KINDS for file in found):
        raise ValueError("wrong recent files")
    return tuple(found[:MOST])

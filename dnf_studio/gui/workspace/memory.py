"""What the window remembers from one start to the next, and the folders that are the user's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QSettings, QStandardPaths, QUrl
from PySide6.QtGui import QDesktopServices

from dnf_studio.errors import StudioError

T = TypeVar("T")


class Memory:
    """Plain values by name, in a file of the user's settings or, without one, for as long as the program runs."""

    def __init__(self, settings: QSettings | None = None) -> None:
        self._settings = settings
        self._held: dict[str, str] = {}

    @classmethod
    def of_user(cls) -> Memory:
        """The settings file of whoever runs the program."""
        return cls(QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "dnf-studio", "window"))

    def get(self, name: str, kind: Callable[[Any], T], default: T) -> T:
        """The value of `name` as `kind` takes it; the default where there is none or it does not fit."""
        text = self._held.get(name) if self._settings is None else self._settings.value(name)
        try:
            return default if not isinstance(text, str) else kind(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return default

    def put(self, name: str, value: object) -> None:
        """Store what JSON can hold."""
        text = json.dumps(value)
        if self._settings is None:
            self._held[name] = text
        else:
            self._settings.setValue(name, text)


def exactly(kind: type[T]) -> Callable[[Any], T]:
    """For `Memory.get`: takes values of this type and nothing that could be turned into one."""

    def check(value: object) -> T:
        if not isinstance(value, kind):
            raise TypeError
        return value

    return check


NAME = "dnf-studio"


def own_folder() -> Path:
    """Folder of the program's files that are to stay; it need not exist yet."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericDataLocation)) / NAME


def cache_folder() -> Path:
    """Folder of files that can be made again."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericCacheLocation)) / NAME


def models_folder(memory: Memory) -> Path:
    """The folder of the user's own models, which need not be there yet."""
    chosen = memory.get("models", exactly(str), "")
    return Path(chosen) if chosen else own_folder() / "models"


def grids_folder() -> Path:
    """The folder of the user's own time grids, which need not be there yet."""
    return own_folder() / "grids"


def show_folder(folder: Path) -> None:
    """Show it in the file manager; raises `StudioError` where it is not there or no program shows folders."""
    if not (folder.is_dir() and QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))):
        raise StudioError(f"The folder '{folder}' cannot be shown: it is not there, or no program here opens folders.")

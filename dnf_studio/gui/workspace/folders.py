"""Where the window keeps what is the user's own, and the way there in the file manager."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QStandardPaths, QUrl
from PySide6.QtGui import QDesktopServices

from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.memory import Memory, exactly

__all__ = ["cache_folder", "grids_folder", "models_folder", "own_folder", "show_folder"]

NAME = "dnf-studio"


def own_folder() -> Path:
    """Of the program's files that are to stay; it need not be there yet."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericDataLocation)) / NAME


def cache_folder() -> Path:
    """Of files that can be made again."""
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

"""From a chosen file to what of it is opened: a picture, and data with something to choose from, is asked about."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from dnf_studio import api, assets
from dnf_studio.core.data.naming import is_picture
from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.background import Background, Newest

if TYPE_CHECKING:
    from dnf_studio.gui.features.data.import_data import ImportDialog
    from dnf_studio.gui.features.data.import_picture import PictureDialog

__all__ = ["Importer", "samples_of"]

SAMPLES = "samples"
"""Of an export, the array that is data."""


class Importer(QObject):
    """Finds out in the background what a file is, and asks for array and columns where they are several, or how
    a picture becomes data.
    """

    def __init__(self, window: QWidget, background: Background) -> None:
        super().__init__(window)
        self._window, self._background = window, background
        self._looking = Newest(background)
        self._dialog: ImportDialog | PictureDialog | None = None

    def choose(self, name: str, then: Callable[[str], object], as_data: bool = False) -> None:
        """Call `then` with what to open: `name` itself, or what was chosen of it; not at all after Cancel.

        Only the newest file is answered. What cannot be read is handed on, so that opening it tells why. An export
        is chosen from only `as_data`, its samples first.
        """
        self._close()

        def found(kind: str) -> None:
            if kind == "data" or (as_data and kind == "export"):
                self._dialog = self._ask(Path(name), SAMPLES if kind == "export" else None)
                self._dialog.chosen.connect(then)
            else:
                then(name)

        self._looking.run(lambda: _kind_of(name), found, lambda _error: found(""))

    def _ask(self, path: Path, inside: str | None) -> ImportDialog | PictureDialog:
        from dnf_studio.gui.features.data.import_data import ImportDialog
        from dnf_studio.gui.features.data.import_picture import PictureDialog

        if is_picture(str(path)):
            return PictureDialog(path, self._background, self._window)
        return ImportDialog(path, self._background, self._window, inside)

    def _close(self) -> None:
        """End a dialog about an earlier file."""
        if self._dialog is not None and isValid(self._dialog):
            self._dialog.reject()
        self._dialog = None


def samples_of(export: Path) -> str:
    """An export as data: the samples in it."""
    return f"{export}::{SAMPLES}"


def _kind_of(name: str) -> str:
    """What a whole file is; nothing for a selection from one, a name or anything else."""
    if name in assets.checkpoint_names() or not os.path.isfile(name):
        return ""
    try:
        return api.file_kind(Path(name))
    except StudioError:
        return ""

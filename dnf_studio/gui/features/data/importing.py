"""From a chosen file to what of it is opened: a picture, and data with something to choose from, is asked about."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget
from shiboken6 import isValid

from dnf_studio import api, assets
from dnf_studio.core.data.naming import is_picture
from dnf_studio.errors import StudioError
from dnf_studio.gui.workspace.files import DATA_ONLY
from dnf_studio.gui.workspace.opening import SAMPLES
from dnf_studio.gui.workspace.workspace import Workspace
from dnf_studio.workers.background import Background, Newest

if TYPE_CHECKING:
    from dnf_studio.gui.features.data.import_data import ImportDialog
    from dnf_studio.gui.features.data.import_picture import PictureDialog


class Importer(QObject):
    """Finds out in the background what a file is, and asks for array and columns where they are several, or how
    a picture becomes data.
    """

    def __init__(self, window: QWidget, background: Background) -> None:
        super().__init__(window)
        self._window, self._background = window, background
        self._looking = Newest(background)
        self._dialog: ImportDialog | PictureDialog | None = None

    def choose(self, name: str, then: Callable[..., object], as_data: bool = False) -> None:
        """Call `then` with what to open: `name` itself, or what was chosen of it; not at all after Cancel.

        What is done about missing values and the label come by the names of these settings where they were chosen.

        Only the newest file is answered. What cannot be read is handed on, so that opening it tells why. An export
        is chosen from only `as_data`, its samples first.
        """
        self._close()

        def found(kind: str) -> None:
            if kind == "data" or (as_data and kind == "export"):
                dialog = self._dialog = self._ask(Path(name), SAMPLES if kind == "export" else None)
                dialog.chosen.connect(lambda source: then(source, **dialog.data_settings))
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


class DataController(QObject):
    """The ways to other data: files of it, folders of pictures, and drawings."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.parent)
        self._files, self._session, self._parent = workspace.files, workspace.session, workspace.parent
        self.importer = Importer(workspace.parent, workspace.studio.background)
        workspace.files.ask_what = self.importer.choose
        workspace.commands.connect_to("open-data", self.open)
        workspace.commands.connect_to("open-folder", self.open_folder)
        workspace.commands.connect_to("draw", self.draw)

    def open(self) -> None:
        """Ask for a file of data and show an untrained model of it; an export is the samples in it."""
        name, _ = QFileDialog.getOpenFileName(self._parent, "Open data file", "", f"{DATA_ONLY};;All files (*)")
        if name:
            self.importer.choose(name, self._files.show, as_data=True)

    def open_folder(self) -> None:
        """Ask for a folder of pictures and show the model that belongs to them."""
        name = QFileDialog.getExistingDirectory(self._parent, "Open folder of images")
        if name:
            self._files.choose(name)

    def draw(self) -> None:
        """Let data be drawn by hand, and show the model that belongs to it."""
        from dnf_studio.gui.features.data.draw_data import DrawDataDialog

        dialog = DrawDataDialog(self._session.state.config.data, self._parent)
        dialog.drawn.connect(self._files.choose_data)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


def _kind_of(name: str) -> str:
    """What a whole file is; nothing for a selection from one, a name or anything else."""
    if name in assets.checkpoint_names() or not os.path.isfile(name):
        return ""
    try:
        return api.file_kind(Path(name))
    except StudioError:
        return ""

"""An interrupted export in the folder that is written to, to be gone on with or removed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from dnf_studio.errors import StudioError
from dnf_studio.gui.drawing.words import breakable
from dnf_studio.gui.widgets.controls import caption
from dnf_studio.workers.background import Background, Newest

if TYPE_CHECKING:
    from dnf_studio.core.storage.journal import Unfinished


class ExportOffer(QWidget):
    """Shows the newest interrupted export of a folder that is ours, and nothing where there is none."""

    go_on_asked = Signal(object)
    """The `Unfinished` to go on with."""
    failed = Signal(str)
    """One sentence."""

    def __init__(self, background: Background) -> None:
        super().__init__()
        self._looking = Newest(background)
        self._folder: Path | None = None
        self.left: Unfinished | None = None
        """What is offered."""
        self.words = caption(warning=True)
        self.go_on, self.remove = QPushButton("Go on"), QPushButton("Remove")
        self.go_on.setToolTip("Draw the rest; the file will be the one that would have been without the interruption")
        self.remove.setToolTip("Remove what was written of it")
        buttons, column = QHBoxLayout(), QVBoxLayout(self)
        for button in (self.go_on, self.remove):
            buttons.addWidget(button, 1)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.words)
        column.addLayout(buttons)
        self.go_on.clicked.connect(lambda: self.go_on_asked.emit(self.left))
        self.remove.clicked.connect(self._remove)
        self.hide()

    def look(self, folder: Path) -> None:
        """Look what was left in `folder`, away from the window's thread."""
        from dnf_studio.core.storage.journal import unfinished_exports

        self._folder = folder
        self._looking.run(lambda: unfinished_exports(folder), self._show, lambda _error: self._show([]))

    def _show(self, found: list[Unfinished]) -> None:
        self.left = max(found, key=lambda one: one.written, default=None)
        self.setVisible(self.left is not None)
        if self.left is not None:
            more = f" So were {len(found) - 1} others here." if len(found) > 1 else ""
            total = self.left.asked.get("count")
            of = f" of {total:,}" if isinstance(total, int) else ""
            at = f"{self.left.rows:,}{of} samples"
            self.words.setText(breakable(f"The export of {self.left.target.name} was interrupted at {at}.{more}"))

    def _remove(self) -> None:
        try:
            if self.left is not None:
                self.left.remove()
        except StudioError as error:
            self.failed.emit(str(error))
        if self._folder is not None:
            self.look(self._folder)

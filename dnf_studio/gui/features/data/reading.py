"""What the dialogs that read a file before they ask share."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QWidget

from dnf_studio.workers.background import Background

PATIENCE_MS = 400
"""A file that is read sooner shows no dialog while it is."""


class ReadingDialog(QDialog):
    """Open and Cancel, and what is chosen, which `chosen` tells once at most.

    It shows itself where reading takes a while; else who reads does.
    """

    chosen = Signal(str)

    def __init__(self, path: Path, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path, self._background = path, background
        self.data_settings: dict[str, object] = {}
        """Settings of the data that are chosen with it, where they are not as usual."""
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setAutoDefault(False)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._patience = QTimer(self, singleShot=True, interval=PATIENCE_MS)
        self._patience.timeout.connect(self.open)
        self._patience.start()

    @property
    def ok(self) -> QPushButton:
        """The button that opens what is chosen."""
        return self.buttons.button(QDialogButtonBox.StandardButton.Open)

    def reject(self) -> None:
        """Open nothing."""
        self._end()
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing the dialog cancels the reading."""
        self._end()
        super().closeEvent(event)

    def _come_up(self) -> None:
        """What was to be read is read."""
        self._patience.stop()
        if not self.isVisible():
            self.open()
        self.ok.setDefault(True)

    def _finish(self, source: str) -> None:
        self._end()
        super().accept()
        self.chosen.emit(source)

    def _end(self) -> None:
        """No dialog comes up any more; who reads lets no answer count."""
        self._patience.stop()
        self.deleteLater()

"""A notice of the desktop where a run or an export ends while the window is not in front."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QApplication, QMainWindow, QSystemTrayIcon

from dnf_studio.gui.workspace.training import Phase
from dnf_studio.gui.workspace.workspace import Workspace

SHOWN_MS = 10_000
"""How long a notice asks to be shown; the desktop decides."""


class Notification(QObject):
    """Marks the window in the list of windows and, where the desktop has a tray, tells what has ended."""

    def __init__(self, window: QMainWindow, workspace: Workspace) -> None:
        super().__init__(window)
        self._window, self._training = window, workspace.studio.training
        self._tray: QSystemTrayIcon | None = None
        self._training.phase_changed.connect(self._follow)
        self._training.diverged.connect(lambda _found: self.tell("Training pauses: its numbers diverged."))
        workspace.files.exported.connect(lambda path: self.tell(f"The export {Path(path).name} is written."))

    @Slot(object)
    def _follow(self, phase: Phase) -> None:
        run = self._training.run
        if phase is Phase.ENDED and run is not None:
            self.tell(f"Training has ended after {run.iteration:,} iterations.")

    def tell(self, text: str) -> None:
        """Tell `text`, unless the person is here: a window of the program has the focus."""
        if QApplication.activeWindow() is not None:
            return
        QApplication.alert(self._window)
        if not (QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()):
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(QApplication.windowIcon(), self)
            self._tray.messageClicked.connect(self._come)
        # A message needs an icon that is shown; it goes again with the message
        self._tray.show()
        self._tray.showMessage("DNF Studio", text, QApplication.windowIcon(), SHOWN_MS)
        QTimer.singleShot(SHOWN_MS, self._tray, self._tray.hide)

    @Slot()
    def _come(self) -> None:
        self._window.raise_()
        self._window.activateWindow()

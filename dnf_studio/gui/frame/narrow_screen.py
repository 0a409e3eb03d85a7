"""Docks on a screen that has no room for them at both sides of the views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRect, Qt, QTimer, Slot
from PySide6.QtWidgets import QDockWidget

if TYPE_CHECKING:
    from dnf_studio.gui.frame.main_window import MainWindow

__all__ = ["NarrowScreen"]

RIGHT = Qt.DockWidgetArea.RightDockWidgetArea


class NarrowScreen(QObject):
    """A dock at the right that would push the window off the screen shares the place of the settings, as a tab.

    That happens with large letters on a small screen. Once it is hidden it belongs to the right again.
    """

    def __init__(self, window: MainWindow, docks: Sequence[QDockWidget]) -> None:
        super().__init__(window)
        self._window, self._docks = window, tuple(docks)
        self._moved: set[QDockWidget] = set()
        for dock in self._docks:
            dock.visibilityChanged.connect(self._look_soon)
        window.closing.connect(self._store)

    @Slot()
    def _look_soon(self) -> None:
        # Qt lays out after it has told
        QTimer.singleShot(0, self, self._look)

    def _look(self) -> None:
        window = self._window
        for dock in [dock for dock in self._moved if dock.isHidden()]:
            self._put_back(dock)
            QTimer.singleShot(0, self, self._fit)
        at_right = [dock for dock in self._docks if not dock.isHidden() and self._is_at_right(dock)]
        least = window.minimumSizeHint().width()
        # A window that is wider than that has been given a width that no screen limits, and room
        if at_right and window.width() <= least and least > self._available().width():
            for dock in at_right:
                window.tabifyDockWidget(window.dock, dock)
                dock.raise_()
            self._moved.update(at_right)
            # Qt makes the window larger with the dock, but not smaller again
            QTimer.singleShot(0, self, self._fit)

    def _put_back(self, dock: QDockWidget) -> None:
        self._moved.discard(dock)
        self._window.addDockWidget(RIGHT, dock)
        if dock is not self._window.inspector:
            self._window.tabifyDockWidget(self._window.inspector, dock)

    def _store(self) -> None:
        """Remember for the next start, on whatever screen, where they belong."""
        if self._moved:
            for dock in [*self._moved]:
                self._put_back(dock)
            self._window.habits.places.store()

    def _available(self) -> QRect:
        return self._window.screen().availableGeometry()

    def _is_at_right(self, dock: QDockWidget) -> bool:
        return not dock.isFloating() and self._window.dockWidgetArea(dock) == RIGHT

    def _fit(self) -> None:
        """Back within the screen."""
        window, available = self._window, self._available()
        if window.isMaximized() or window.isFullScreen():
            return
        window.resize(window.size().boundedTo(available.size() - (window.frameGeometry().size() - window.size())))
        frame = window.frameGeometry()
        x, y = available.right() + 1 - frame.width(), available.bottom() + 1 - frame.height()
        window.move(max(available.left(), min(frame.left(), x)), max(available.top(), min(frame.top(), y)))

"""Size and position of the window and its parts, remembered from one start to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QByteArray, QObject, QRect, Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDockWidget, QMainWindow, QSplitter, QTabWidget, QWidget

from dnf_studio.errors import SettingError
from dnf_studio.gui.frame.docks import FeatureDock
from dnf_studio.gui.workspace.memory import Memory, exactly
from dnf_studio.gui.workspace.session import Session
from dnf_studio.gui.workspace.state import LAYERS
from dnf_studio.gui.workspace.workspace import Closing

VERSION = 1
"""The version of the arrangement; that of another version is not used."""
LEAST_SEEN = 80
"""Pixels of the title bar that must be on a screen."""
RIGHT = Qt.DockWidgetArea.RightDockWidgetArea


class WindowLayout:
    """Stores and restores the geometry, docks, splitters, tab, layers and dots of the window."""

    def __init__(
        self, memory: Memory, window: QMainWindow, tabs: QTabWidget, docks: Sequence[FeatureDock], session: Session
    ) -> None:
        self._memory, self._window, self._tabs, self._docks = memory, window, tabs, tuple(docks)
        self._session = session
        self._first: dict[str, Any] = {}

    def note_first(self) -> None:
        """Note how the docks are now, which `reset` goes back to: all of them, or those that came later would stay."""
        self._first = {"docks": _text(self._window.saveState(VERSION))}

    def restore(self, size: tuple[int, int] | None) -> bool:
        """Arrange the window as it was, but by `size` where given; returns whether it has its size now."""
        window = self._window
        known: dict[str, Any] = self._memory.get("arrangement", exactly(dict), {})
        if known.get("version") != VERSION:
            return False
        sized = size is None and window.restoreGeometry(_bytes(known.get("geometry")))
        if sized and not _on_a_screen(window):
            window.setWindowState(Qt.WindowState.WindowNoState)
            window.move(window.screen().availableGeometry().topLeft())
            sized = False
        self._arrange(known)
        if known.get("settled") is True:
            for dock in self._docks:
                dock.settle()
        layers = known.get("layers")
        if isinstance(layers, list):
            chosen = frozenset(name for name in layers if isinstance(name, str) and name in LAYERS)
            self._session.reset(replace(self._session.state, layers=chosen))
        dots = known.get("dots")
        if isinstance(dots, list) and all(type(share) is int for share in dots):
            with suppress(SettingError, ValueError):
                self._session.reset(replace(self._session.state, dots=tuple(dots)))
        return sized

    def store(self) -> None:
        """Remember how the window is now."""
        window = self._window
        known = self._arrangement() | {
            "version": VERSION,
            "geometry": _text(window.saveGeometry()),
            "layers": sorted(self._session.state.layers),
            "dots": list(self._session.state.dots),
            "settled": all(dock.settled for dock in self._docks),
        }
        self._memory.put("arrangement", known)

    def reset(self) -> None:
        """Arrange docks, bars and splitters as they are at the first start."""
        self._arrange(self._first)
        for splitter in _splitters(self._window):
            splitter.setSizes(splitter.property("sizes") or [])

    def _arrangement(self) -> dict[str, Any]:
        return {
            "docks": _text(self._window.saveState(VERSION)),
            "splitters": {splitter.objectName(): splitter.sizes() for splitter in _splitters(self._window)},
            "tab": self._tabs.tabText(self._tabs.currentIndex()),
        }

    def _arrange(self, known: Mapping[str, Any]) -> None:
        self._window.restoreState(_bytes(known.get("docks")), VERSION)
        sizes = known.get("splitters")
        for splitter in _splitters(self._window):
            found = sizes.get(splitter.objectName()) if isinstance(sizes, dict) else None
            if isinstance(found, list) and len(found) == splitter.count() and all(_is_length(n) for n in found):
                splitter.setSizes(found)
        for index in range(self._tabs.count()):
            if self._tabs.tabText(index) == known.get("tab"):
                self._tabs.setCurrentIndex(index)


class NarrowScreen(QObject):
    """A dock at the right that would push the window off the screen shares the place of the settings, as a tab.

    That happens with large letters on a small screen. Once it is hidden it belongs to the right again.
    """

    def __init__(
        self,
        window: QMainWindow,
        left: QDockWidget,
        docks: Sequence[FeatureDock],
        layout: WindowLayout,
        closing: Closing,
    ) -> None:
        super().__init__(window)
        self._window, self._left, self._docks, self._layout = window, left, tuple(docks), layout
        self._moved: set[QDockWidget] = set()
        for dock in self._docks:
            dock.visibilityChanged.connect(self._look_soon)
        closing.now.connect(self._store)

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
        # A window that is wider than that has been given a width that no screen limits, and space
        if at_right and window.width() <= least and least > self._available().width():
            for dock in at_right:
                window.tabifyDockWidget(self._left, dock)
                dock.raise_()
            self._moved.update(at_right)
            # Qt makes the window larger with the dock, but not smaller again
            QTimer.singleShot(0, self, self._fit)

    def _put_back(self, dock: QDockWidget) -> None:
        self._moved.discard(dock)
        self._window.addDockWidget(RIGHT, dock)
        if dock is not self._docks[0]:
            self._window.tabifyDockWidget(self._docks[0], dock)

    def _store(self) -> None:
        """Remember for the next start, on whatever screen, where they belong."""
        if self._moved:
            for dock in [*self._moved]:
                self._put_back(dock)
            self._layout.store()

    def _available(self) -> QRect:
        return self._window.screen().availableGeometry()

    def _is_at_right(self, dock: QDockWidget) -> bool:
        return not dock.isFloating() and self._window.dockWidgetArea(dock) == RIGHT

    def _fit(self) -> None:
        """Move a window that is partly off the screen back within it."""
        window, available = self._window, self._available()
        if window.isMaximized() or window.isFullScreen():
            return
        window.resize(window.size().boundedTo(available.size() - (window.frameGeometry().size() - window.size())))
        frame = window.frameGeometry()
        x, y = available.right() + 1 - frame.width(), available.bottom() + 1 - frame.height()
        window.move(max(available.left(), min(frame.left(), x)), max(available.top(), min(frame.top(), y)))


def _splitters(window: QMainWindow) -> list[QSplitter]:
    return [splitter for splitter in window.findChildren(QSplitter) if splitter.objectName()]


def _on_a_screen(window: QWidget) -> bool:
    """Whether the title bar can be reached on one of the screens there are now."""
    frame = window.frameGeometry()
    top = frame.adjusted(0, 0, 0, 40 - frame.height())
    for screen in QGuiApplication.screens():
        seen = screen.availableGeometry().intersected(top)
        if seen.width() >= LEAST_SEEN and seen.height() >= 10:
            return True
    return False


def _is_length(value: object) -> bool:
    return isinstance(value, int) and 0 < value < 1 << 16


def _text(raw: QByteArray) -> str:
    return bytes(raw.toBase64().data()).decode("ascii")


def _bytes(text: object) -> QByteArray:
    """The bytes that `_text` wrote; empty for anything else, which Qt takes for nothing."""
    return QByteArray.fromBase64(text.encode("ascii", "ignore")) if isinstance(text, str) else QByteArray()

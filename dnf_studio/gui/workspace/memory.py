"""What the window remembers from one start to the next.

Whatever is stored may be old, broken or meant for another screen: a value that does not fit is dropped,
and the window opens as if it were the first time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QByteArray, QSettings, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow, QSplitter, QWidget

from dnf_studio.gui.workspace.actions import Key
from dnf_studio.gui.workspace.state import LAYERS

if TYPE_CHECKING:
    from dnf_studio.gui.frame.main_window import MainWindow

__all__ = ["Memory", "Places", "exactly"]

VERSION = 1
"""Of the arrangement; that of another version is not used."""
LEAST_SEEN = 80
"""Pixels of the title bar that must be on a screen."""
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


class Places:
    """Geometry, docks, splitters, tab and layers of the window, stored and brought back."""

    def __init__(self, memory: Memory, window: MainWindow) -> None:
        self._memory, self._window = memory, window
        self._first: dict[str, Any] = {}

    def note_first(self) -> None:
        """What `reset` goes back to is how the docks are now: all of them, or those that came later would stay."""
        self._first = {"docks": _text(self._window.saveState(VERSION))}

    def restore(self, size: tuple[int, int] | None) -> bool:
        """Arrange the window as it was; `size` goes before the size it had. Whether it has its size now."""
        window = self._window
        known: dict[str, Any] = self._memory.get("arrangement", exactly(dict), {})
        if known.get("version") != VERSION:
            return False
        sized = size is None and window.restoreGeometry(_bytes(known.get("geometry")))
        if sized and not _on_a_screen(window):
            window.setWindowState(Qt.WindowState.WindowNoState)
            window.move(window.screen().availableGeometry().topLeft())
            sized = False
        _arrange(window, known)
        if known.get("settled") is True:
            window.inspector.settle()
        layers = known.get("layers")
        if isinstance(layers, list):
            chosen = frozenset(name for name in layers if name in LAYERS)
            window.session.reset(replace(window.session.state, layers=chosen))
        return sized

    def store(self) -> None:
        """Remember how the window is now."""
        window = self._window
        known = _arrangement(window) | {
            "version": VERSION,
            "geometry": _text(window.saveGeometry()),
            "layers": sorted(window.session.state.layers),
            "settled": window.inspector.settled,
        }
        self._memory.put("arrangement", known)
        self._memory.put("reopen", window.commands[Key.REOPEN].isChecked())

    def reset(self) -> None:
        """Docks, bars and splitters as they are at the first start."""
        _arrange(self._window, self._first)
        for splitter in _splitters(self._window):
            splitter.setSizes(splitter.property("sizes") or [])


def _arrangement(window: MainWindow) -> dict[str, Any]:
    return {
        "docks": _text(window.saveState(VERSION)),
        "splitters": {splitter.objectName(): splitter.sizes() for splitter in _splitters(window)},
        "tab": window.tabs.tabText(window.tabs.currentIndex()),
    }


def _arrange(window: MainWindow, known: Mapping[str, Any]) -> None:
    window.restoreState(_bytes(known.get("docks")), VERSION)
    sizes = known.get("splitters")
    for splitter in _splitters(window):
        found = sizes.get(splitter.objectName()) if isinstance(sizes, dict) else None
        if isinstance(found, list) and len(found) == splitter.count() and all(_is_length(n) for n in found):
            splitter.setSizes(found)
    for index in range(window.tabs.count()):
        if window.tabs.tabText(index) == known.get("tab"):
            window.tabs.setCurrentIndex(index)


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
    """What `_text` wrote; empty for anything else, which Qt takes for nothing."""
    return QByteArray.fromBase64(text.encode("ascii", "ignore")) if isinstance(text, str) else QByteArray()

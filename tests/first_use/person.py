"""Somebody at the mouse and the keyboard: real X events through xdotool, at where widgets are."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, QTimer
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QMenu, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from dnf_studio.gui.main_window import MainWindow

__all__ = ["Person"]

PATIENCE_MS = 20_000


class Person:
    """Clicks and types as a newcomer would, and waits for what they would wait for."""

    def __init__(self, window: MainWindow, bot: QtBot, pictures: Path | None = None) -> None:
        self.window, self._bot, self._pictures = window, bot, pictures

    def wait(self, done: Callable[[], object], ms: int = PATIENCE_MS) -> None:
        """Until `done`."""
        self._bot.waitUntil(lambda: bool(done()), timeout=ms)

    def click(self, widget: QWidget, at: QPoint | None = None, count: int = 1, keys: str = "") -> None:
        """Move to the widget's middle, or to `at` in it, and click."""
        self.wait(widget.isVisible)
        self._bot.wait(30)
        place = widget.mapToGlobal(widget.rect().center() if at is None else at)
        words = ["mousemove", "--sync", str(place.x()), str(place.y())]
        press = ["click", "--repeat", str(count), "--delay", "60", "1"]
        _xdotool(*words)
        _xdotool(*(["keydown", keys, *press, "keyup", keys] if keys else press))
        self._bot.wait(60)

    def drag(self, widget: QWidget, start: QPoint, end: QPoint) -> None:
        """Press at `start`, move to `end`, let go."""
        a, b = widget.mapToGlobal(start), widget.mapToGlobal(end)
        _xdotool("mousemove", "--sync", str(a.x()), str(a.y()), "mousedown", "1")
        self._bot.wait(60)
        for k in range(1, 9):
            x, y = a.x() + (b.x() - a.x()) * k // 8, a.y() + (b.y() - a.y()) * k // 8
            _xdotool("mousemove", str(x), str(y))
            self._bot.wait(20)
        _xdotool("mouseup", "1")
        self._bot.wait(60)

    def press(self, *keys: str) -> None:
        """Keys as xdotool names them, such as ``ctrl+r``."""
        for key in keys:
            _xdotool("key", "--clearmodifiers", key)
            self._bot.wait(60)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        _xdotool("type", "--delay", "4", text)
        self._bot.wait(100 + 6 * len(text))

    def tab(self, title: str) -> None:
        """Bring the page `title` of the left dock to the front."""
        bar = self.window.tabs.findChild(QTabBar)
        assert isinstance(bar, QTabBar)
        names = [bar.tabText(k) for k in range(bar.count())]
        self.click(bar, bar.tabRect(names.index(title)).center())
        self.wait(lambda: self.window.tabs.tabText(self.window.tabs.currentIndex()) == title)

    def menu(self, title: str, entry: str) -> None:
        """Open a menu of the bar and choose an entry, by mouse."""
        bar = self.window.menuBar()
        top = next(a for a in bar.actions() if a.text().replace("&", "") == title)
        self.click(bar, bar.actionGeometry(top).center())
        menu = top.menu()
        assert isinstance(menu, QMenu)
        action = next(a for a in menu.actions() if a.text().replace("&", "").rstrip("…") == entry)
        self.click(menu, menu.actionGeometry(action).center())

    def choose(self, box: QComboBox, text: str) -> None:
        """Open a list and type the beginning of an entry."""
        self.click(box)
        self.wait(lambda: box.view().isVisible())
        self.type(text)
        self.press("Return")
        self.wait(lambda: not box.view().isVisible())

    def will_name_file(self, path: Path) -> None:
        """Answer the next file dialog, whose own event loop holds up whoever opened it."""

        def answer() -> None:
            if not isinstance(QApplication.activeModalWidget(), QFileDialog):
                QTimer.singleShot(100, answer)
                return
            _xdotool("key", "--clearmodifiers", "ctrl+a")
            _xdotool("type", "--delay", "2", str(path))
            _xdotool("key", "Return")

        QTimer.singleShot(100, answer)

    def look(self, name: str) -> None:
        """Keep a picture, where pictures are wanted."""
        if self._pictures is not None:
            self._bot.wait(300)
            self.window.grab().save(str(self._pictures / f"{name}.png"))


def _xdotool(*words: str) -> None:
    subprocess.run(["xdotool", *words], check=True, timeout=20)

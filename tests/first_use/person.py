"""Somebody at the mouse and the keyboard: real X events through xdotool, at where widgets are."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, QTimer
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFileDialog,
    QMenu,
    QMessageBox,
    QTabBar,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from dnf_studio.gui.drawing.plot import Plot
from dnf_studio.gui.frame.main_window import MainWindow

PATIENCE_MS = 60_000


class Person:
    """Clicks and types as a newcomer would, and waits for what they would wait for."""

    def __init__(self, window: MainWindow, bot: QtBot, pictures: Path | None = None) -> None:
        self.window, self._bot, self._pictures = window, bot, pictures

    def wait(self, done: Callable[[], object], ms: int = PATIENCE_MS) -> None:
        """Until `done`."""
        self._bot.waitUntil(lambda: bool(done()), timeout=ms)

    def rest(self) -> None:
        """A moment, such as anybody takes to see what has changed."""
        self._bot.wait(400)

    def click(self, widget: QWidget, at: QPoint | None = None, count: int = 1, keys: str = "") -> None:
        """Move to the widget's middle, or to `at` in it, and click."""
        self.wait(widget.isVisible)
        self._bot.wait(30)
        place = widget.mapToGlobal(widget.rect().center() if at is None else at)
        # xdotool would wait 15 s for a mouse to move that is there
        sync = [] if QCursor.pos() == place else ["--sync"]
        words = ["mousemove", *sync, str(place.x()), str(place.y())]
        press = ["click", "--repeat", str(count), "--delay", "60", "1"]
        _xdotool(*words)
        _xdotool(*(["keydown", keys, *press, "keyup", keys] if keys else press))
        self._bot.wait(60)

    def drag(self, widget: QWidget, start: QPoint, end: QPoint) -> None:
        """Press at `start`, move to `end`, let go."""
        self.trace(widget, [start + (end - start) * k / 8 for k in range(9)])

    def trace(self, widget: QWidget, places: Sequence[QPoint]) -> None:
        """Press at the first of `places`, move through the others, let go."""
        first, *others = (widget.mapToGlobal(place) for place in places)
        _xdotool("mousemove", "--sync", str(first.x()), str(first.y()), "mousedown", "1")
        self._bot.wait(60)
        for place in others:
            _xdotool("mousemove", str(place.x()), str(place.y()))
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
        self.choose_tab(bar, title)
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

    def pick(self, button: QToolButton, entry: str) -> None:
        """Open the menu of a button, whose own event loop holds up whoever clicked, and choose an entry."""
        menu = button.menu()
        assert isinstance(menu, QMenu)

        def choose() -> None:
            if not menu.isVisible():
                QTimer.singleShot(100, choose)
                return
            action = next(a for a in menu.actions() if a.text().replace("&", "") == entry)
            place = menu.mapToGlobal(menu.actionGeometry(action).center())
            _xdotool("mousemove", "--sync", str(place.x()), str(place.y()), "click", "1")

        QTimer.singleShot(100, choose)
        self.click(button)

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

    def will_answer(self, text: str) -> None:
        """Click the button that reads `text` in the next question that is asked."""

        def answer() -> None:
            box = QApplication.activeModalWidget()
            if not isinstance(box, QMessageBox):
                QTimer.singleShot(100, answer)
                return
            button = next(b for b in box.buttons() if b.text().replace("&", "") == text)
            place = button.mapToGlobal(button.rect().center())
            _xdotool("mousemove", "--sync", str(place.x()), str(place.y()), "click", "1")

        QTimer.singleShot(100, answer)

    def fill(self, box: QWidget, text: str) -> None:
        """Click into a field, write `text` instead of what it holds, and press Return."""
        self.click(box, QPoint(12, box.height() // 2), count=3)
        self.press("ctrl+a")
        self.type(text)
        self.press("Return")

    def button(self, parent: QWidget, text: str) -> QWidget:
        """The visible button that reads `text`."""
        found = [b for b in parent.findChildren(QAbstractButton) if b.text().replace("&", "").rstrip("…") == text]
        return next(b for b in found if b.isVisible())

    def open(self, path: Path) -> None:
        """File > Open by its keys."""
        self.will_name_file(path)
        self.press("ctrl+o")
        self.wait(lambda: self.window.studio.current is not None and path.name in self.window.windowTitle())
        self.settled()

    def settled(self) -> None:
        """Until every point is in the views."""
        self.wait(lambda: self.window.live.frame is not None and self.window.live.frame.complete)

    def choose_tab(self, bar: QTabBar, title: str) -> None:
        """Click a tab."""
        # A name may be written short where there is no room for it
        names = [bar.accessibleTabName(k) or bar.tabText(k).replace("&", "") for k in range(bar.count())]
        self.click(bar, bar.tabRect(names.index(title)).center())

    def place(self, plot: Plot, x: float, y: float) -> QPoint:
        """Where in the plot's viewport a point of its axes is."""
        return plot.plot.mapFromScene(plot.box.mapViewToScene(QPointF(x, y)))

    def look(self, name: str) -> None:
        """Keep a picture, where pictures are wanted."""
        if self._pictures is not None:
            self._bot.wait(300)
            self.window.grab().save(str(self._pictures / f"{name}.png"))


def _xdotool(*words: str) -> None:
    subprocess.run(["xdotool", *words], check=True, timeout=20)

"""The commands of `actions` as QActions, and which keys a focused control keeps for itself."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QMenu,
    QMenuBar,
    QTabBar,
    QWidget,
)
from shiboken6 import isValid

from dnf_studio.gui.drawing.icons import icon
from dnf_studio.gui.drawing.theme import LIGHT, Theme
from dnf_studio.gui.workspace.actions import ACTIONS, MENUS, ActionInfo, Key

__all__ = ["Commands"]

KEEPERS = (QAbstractButton, QAbstractSlider, QAbstractItemView, QComboBox, QTabBar)
_ARROWS = frozenset({Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End})


class Commands(QObject):
    """One QAction for each record; `connect` says what it does.

    Space, arrows and letters belong to a button, slider, list or tab bar that has the focus;
    text fields keep theirs without help.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._groups: dict[str, QActionGroup] = {}
        self._actions = {key: self._make(info) for key, info in ACTIONS.items()}
        self._menus: list[QMenu] = []
        self._guarded: QWidget | None = None
        self._theme, self._hold = LIGHT, (False, False)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._guard)

    def __getitem__(self, key: Key) -> QAction:
        return self._actions[key]

    def connect_to(self, key: Key, act: Callable[[], object]) -> None:
        """Call `act` when the command is given by a person."""
        self._actions[key].triggered.connect(lambda _checked=False: act())

    def fill(self, bar: QMenuBar) -> None:
        """Put the menus of `MENUS` into `bar`."""
        for title, keys in MENUS:
            menu = bar.addMenu(title)
            self._menus.append(menu)
            menu.setToolTipsVisible(True)
            for key in keys:
                if key is None:
                    menu.addSeparator()
                else:
                    menu.addAction(self._actions[key])

    def insert_menu(self, before: Key, menu: QMenu) -> None:
        """Put a menu of its own before a command, once the menus are filled; it ends with them."""
        for owner in self._menus:
            if self._actions[before] in owner.actions():
                owner.insertMenu(self._actions[before], menu)
                menu.setParent(owner, menu.windowFlags())

    def set_theme(self, theme: Theme) -> None:
        """Redraw the icons."""
        self._theme = theme
        for key, info in ACTIONS.items():
            if info.icon:
                self._actions[key].setIcon(icon(info.icon, theme))
        self.show_playing(self._actions[Key.PLAY].isChecked())
        self.show_paused(*self._hold)

    def show_playing(self, playing: bool) -> None:
        """Play looks like what it does next."""
        play = self._actions[Key.PLAY]
        play.setChecked(playing)
        play.setIcon(icon("pause" if playing else "play", self._theme))

    def show_paused(self, paused: bool, coming: bool = False) -> None:
        """Pause of the run reads as what it does next; while a pause is `coming`, which a click takes back, as that."""
        self._hold = paused, coming
        pause, text = self._actions[Key.PAUSE], ACTIONS[Key.PAUSE].text
        pause.setChecked(paused or coming)
        pause.setText("Pausing…" if coming else "Resum&e" if paused else text)
        pause.setIcon(icon("play" if paused else "pause", self._theme))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Tell Qt that the focused control wants the key, before a shortcut takes it."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _keeps(watched, event):
            event.accept()
            return True
        return False

    def _make(self, info: ActionInfo) -> QAction:
        action = QAction(info.text, self._window)
        action.setObjectName(info.key)
        action.setShortcut(QKeySequence(info.shortcut))
        shown = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{info.tooltip} ({shown})")
        action.setCheckable(info.checkable)
        if info.group:
            group = self._groups.setdefault(info.group, QActionGroup(self))
            group.addAction(action)
        self._window.addAction(action)
        return action

    def _guard(self, _old: QWidget | None, new: QWidget | None) -> None:
        if self._guarded is not None and isValid(self._guarded):
            self._guarded.removeEventFilter(self)
        self._guarded = new if isinstance(new, KEEPERS) else None
        if self._guarded is not None:
            self._guarded.installEventFilter(self)


def _keeps(control: QObject, event: QKeyEvent) -> bool:
    """Whether `control` uses this key itself."""
    if event.matches(QKeySequence.StandardKey.SelectAll):
        return isinstance(control, QAbstractItemView)
    if event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier):
        return False
    if isinstance(control, QAbstractButton):
        return event.key() == Qt.Key.Key_Space
    if isinstance(control, QComboBox | QAbstractItemView):
        return event.key() == Qt.Key.Key_Space or event.key() in _ARROWS or bool(event.text().strip())
    return event.key() in _ARROWS

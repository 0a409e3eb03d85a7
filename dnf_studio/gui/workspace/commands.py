"""The commands of the window: a record each, from the feature that it belongs to, and the QActions made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

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

from dnf_studio.gui.drawing.theme import LIGHT, Theme, icon

KEEPERS = (QAbstractButton, QAbstractSlider, QAbstractItemView, QComboBox, QTabBar)
_ARROWS = frozenset({Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End})


@dataclass(frozen=True)
class Command:
    """One command: what it is called, how it is reached and what it does."""

    name: str
    text: str
    """Text in the menu, with its mnemonic."""
    shortcut: str
    tooltip: str
    menu: str = ""
    """The menu it stands in; one without is given by buttons only."""
    section: str = ""
    """The part of the menu, between two lines."""
    order: int = 0
    """Within a section the least comes first; equal ones stand in the order of the features."""
    icon: str = ""
    """Name of an icon in resources/icons, or empty."""
    checkable: bool = False
    group: str = ""
    """Commands of one group exclude each other."""


class Commands(QObject):
    """One QAction for each record, found by its name; `connect_to` says what it does.

    Space, arrows and letters belong to a button, slider, list or tab bar that has the focus;
    text fields keep theirs without help.
    """

    def __init__(self, window: QWidget, records: Iterable[Command]) -> None:
        super().__init__(window)
        self._window = window
        self._groups: dict[str, QActionGroup] = {}
        self.records = {record.name: record for record in records}
        self._icons = {name: record.icon for name, record in self.records.items() if record.icon}
        self._actions = {name: self._make(record) for name, record in self.records.items()}
        self._menus: list[QMenu] = []
        self._order: list[str] = []
        self._guarded: QWidget | None = None
        self._theme = LIGHT
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._guard)

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def connect_to(self, name: str, act: Callable[[], object]) -> None:
        """Call `act` when a person gives the command."""
        self._actions[name].triggered.connect(lambda _checked=False: act())

    def fill(
        self, bar: QMenuBar, menus: Mapping[str, Sequence[str]], submenus: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Put every command into its menu in `bar`.

        `menus` has the titles, in their order, and their sections; `submenus` the titles of sections that are menus
        within these.
        """
        known = {(title.replace("&", ""), section) for title, sections in menus.items() for section in sections}
        for record in self.records.values():
            if record.menu and (record.menu, record.section) not in known:
                raise ValueError(f"the command '{record.name}' names no section of a menu")
        for title, sections in menus.items():
            menu = self._kept(bar.addMenu(title))
            for before, section in zip(("", *sections), sections, strict=False):
                if before and not {before, section} <= submenus.keys():
                    menu.addSeparator()
                owner = self._kept(menu.addMenu(submenus[section])) if section in submenus else menu
                for record in self._section(title.replace("&", ""), section):
                    owner.addAction(self._actions[record.name])
                    self._order.append(record.name)

    def _kept(self, menu: QMenu) -> QMenu:
        menu.setToolTipsVisible(True)
        self._menus.append(menu)
        return menu

    def in_menus(self) -> list[Command]:
        """The records as they follow each other in the menus, once these are filled."""
        return [self.records[name] for name in self._order]

    def insert_menu(self, before: str, menu: QMenu) -> None:
        """Put a menu of its own before a command, once the menus are filled; it ends with them."""
        for owner in self._menus:
            if self._actions[before] in owner.actions():
                owner.insertMenu(self._actions[before], menu)
                menu.setParent(owner, menu.windowFlags())

    def set_theme(self, theme: Theme) -> None:
        """Redraw the icons."""
        self._theme = theme
        for name, picture in self._icons.items():
            self._actions[name].setIcon(icon(picture, theme))

    def set_icon(self, name: str, picture: str) -> None:
        """Give a command another picture of resources/icons from now on."""
        self._icons[name] = picture
        self._actions[name].setIcon(icon(picture, self._theme))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Tell Qt that the focused control wants the key, before a shortcut takes it."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _keeps(watched, event):
            event.accept()
            return True
        return False

    def _section(self, menu: str, section: str) -> list[Command]:
        found = [each for each in self.records.values() if (each.menu, each.section) == (menu, section)]
        return sorted(found, key=lambda record: record.order)

    def _make(self, record: Command) -> QAction:
        action = QAction(record.text, self._window)
        action.setObjectName(record.name)
        action.setShortcut(QKeySequence(record.shortcut))
        shown = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{record.tooltip} ({shown})" if shown else record.tooltip)
        action.setCheckable(record.checkable)
        if record.group:
            group = self._groups.setdefault(record.group, QActionGroup(self))
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
    """Whether the focused `control` uses this key itself."""
    if event.matches(QKeySequence.StandardKey.SelectAll):
        return isinstance(control, QAbstractItemView)
    if event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier):
        return False
    if isinstance(control, QAbstractButton):
        return event.key() == Qt.Key.Key_Space
    if isinstance(control, QComboBox | QAbstractItemView):
        return event.key() == Qt.Key.Key_Space or event.key() in _ARROWS or bool(event.text().strip())
    # With Shift they move a slider as they do without, and are commands of the second clock
    return event.key() in _ARROWS and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier

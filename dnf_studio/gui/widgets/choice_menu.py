"""Menus of settings, each by items of which one is checked, and the flat buttons that open them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton

from dnf_studio.gui.workspace.session import Session

__all__ = ["ChoiceMenu", "menu_button"]


class ChoiceMenu(QMenu):
    """Writes the session and follows it.

    `words` has for each setting of the session the text and the tip of each of its values."""

    def __init__(
        self,
        title: str,
        session: Session,
        words: Mapping[str, Mapping[str, tuple[str, str]]],
        layer: str | None = None,
    ) -> None:
        """A choice made while `layer` is off switches it on."""
        super().__init__(title)
        self._session, self._words, self._layer = session, words, layer
        self.setToolTipsVisible(True)
        self.choices: dict[tuple[str, str], QAction] = {}
        self._groups = [self._add(name) for name in words]
        session.changed.connect(self._show)
        self._show(frozenset(words))

    def offer(self, name: str, value: str, obstacle: str) -> None:
        """Let this value be chosen, or grey it and say why not."""
        action = self.choices[name, value]
        action.setEnabled(not obstacle)
        action.setToolTip(obstacle or self._words[name][value][1])

    def _add(self, name: str) -> QActionGroup:
        group = QActionGroup(self)
        if self.choices:
            self.addSeparator()
        for value, (text, tip) in self._words[name].items():
            action = self.addAction(text)
            action.setCheckable(True)
            action.setToolTip(tip)
            action.triggered.connect(partial(self._choose, name, value))
            group.addAction(action)
            self.choices[name, value] = action
        return group

    def _choose(self, name: str, value: str, _checked: bool = False) -> None:
        on = {} if self._layer is None else {"layers": self._session.state.layers | {self._layer}}
        self._session.apply({name: value, **on})

    def _show(self, names: frozenset[str]) -> None:
        for name in names & self._words.keys():
            self.choices[name, getattr(self._session.state, name)].setChecked(True)


def menu_button(name: str) -> QToolButton:
    """A flat button that opens its menu at once."""
    button = QToolButton()
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setAutoRaise(True)
    button.setAccessibleName(name)
    return button

"""The choice of a time grid."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QWidget

from dnf_studio.grids import GRID_NAMES, GridKind, Nodes, grid_label
from dnf_studio.gui.controls import ChoiceBox

__all__ = ["GridBox"]


class GridBox(ChoiceBox):
    """A grid by its name; one of somebody's own, made in the grid editor, is a choice while it is in force.

    `others` are further choices before the names, text to value.
    """

    _own: Nodes | None = None

    def __init__(self, others: Mapping[str, GridKind | None] | None = None, parent: QWidget | None = None) -> None:
        super().__init__({}, parent)
        self._choices: dict[str, GridKind | None] = {**(others or {}), **{name: name for name in GRID_NAMES}}
        self._offer()

    @property
    def grid(self) -> GridKind | None:
        """What is chosen."""
        return self.value_at(self.currentIndex())

    def value_at(self, index: int) -> GridKind | None:
        """The value of a choice; as an item's data nodes would come back as a list."""
        value: GridKind | None = self._own if index == len(self._choices) else self.itemData(index)
        return value

    def show_value(self, value: object) -> None:
        """Show the choice `value`, which may be nodes; emits nothing."""
        own = value if isinstance(value, tuple) else None
        if own != self._own:
            self._own = own
            self._offer()
        if own is None:
            super().show_value(value)
        else:
            self.setCurrentIndex(len(self._choices))

    def _offer(self) -> None:
        with QSignalBlocker(self):
            self.clear()
            for text, value in self._choices.items():
                self.addItem(text, value)
            if self._own is not None:
                self.addItem(grid_label(self._own))

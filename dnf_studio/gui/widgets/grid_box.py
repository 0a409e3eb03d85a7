"""The choice of a time grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QWidget

from dnf_studio.config.grids import GRID_NAMES, GridKind, Nodes, grid_label
from dnf_studio.gui.widgets.controls import ChoiceBox

__all__ = ["GridBox"]


class GridBox(ChoiceBox):
    """A grid by its name or a preset; one of somebody's own, made in the grid editor, while it is in force.

    `others` are further choices before the names, text to value.
    """

    # `ChoiceBox` shows a value while it is made
    _names: Sequence[tuple[str, GridKind | None]] = ()
    _presets: Mapping[str, Nodes] = MappingProxyType({})
    _values: Sequence[GridKind | None] = ()

    def __init__(self, others: Mapping[str, GridKind | None] | None = None, parent: QWidget | None = None) -> None:
        super().__init__({}, parent)
        self._names = (*(others or {}).items(), *((name, name) for name in GRID_NAMES))
        self._offer(None)

    @property
    def grid(self) -> GridKind | None:
        """What is chosen."""
        return self.value_at(self.currentIndex())

    def set_presets(self, presets: Mapping[str, Nodes]) -> None:
        """Offer these too, name to nodes."""
        value = self.grid
        self._presets = presets
        self._offer(None)
        self.show_value(value)

    def value_at(self, index: int) -> GridKind | None:
        """The value of a choice; as an item's data nodes would come back as a list."""
        return self._values[index] if 0 <= index < len(self._values) else None

    def show_value(self, value: object) -> None:
        """Show the choice `value`, which may be nodes; emits nothing."""
        if isinstance(value, tuple) and value not in self._presets.values():
            self._offer(value)
        elif len(self._values) > len(self._names) + len(self._presets):
            self._offer(None)
        if value in self._values:
            self.setCurrentIndex(self._values.index(value))

    def _offer(self, own: Nodes | None) -> None:
        choices = [*self._names, *self._presets.items()] + ([] if own is None else [(grid_label(own), own)])
        self._values = [value for _, value in choices]
        with QSignalBlocker(self):
            self.clear()
            for text, value in choices:
                self.addItem(text, value if isinstance(value, str) else None)

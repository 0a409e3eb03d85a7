"""Choices: values of a setting by a menu, a time grid, one of both processes; and controls greyed where of no use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QAction, QActionGroup, QStandardItemModel
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QHBoxLayout, QMenu, QToolButton, QWidget

from dnf_studio.config.grids import GRID_NAMES, NO_LEVELS, GridKind, Nodes, grid_label
from dnf_studio.core.sde.solvers import missing_grids
from dnf_studio.gui.drawing.theme import Theme
from dnf_studio.gui.widgets.controls import ChoiceBox
from dnf_studio.gui.workspace.session import Session

if TYPE_CHECKING:
    from dnf_studio.core.sampling.model import Ability

GRIDS = {"the model's own": None}
"""Before the names of grids."""
LAST_STEPS: dict[str, str | None] = {"with its noise": "noise", "mean only": "mean"}

Control = QWidget | QAction


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
            self.choices[name, self._session.state.value(name)].setChecked(True)


def menu_button(name: str) -> QToolButton:
    """A flat button that opens its menu at once."""
    button = QToolButton()
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setAutoRaise(True)
    button.setAccessibleName(name)
    return button


class GridBox(ChoiceBox):
    """A grid by its name or a preset; one of somebody's own, made in the grid editor, while it is in force.

    `others` are further choices before the names, text to value.
    """

    # `ChoiceBox` shows a value while it is made
    _names: Sequence[tuple[str, GridKind | None]] = ()
    _presets: Mapping[str, Nodes] = MappingProxyType({})
    _values: Sequence[GridKind | None] = ()
    _refused: Collection[str] = ()
    _why = ""

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

    def refuse(self, names: Sequence[str], why: str) -> None:
        """Grey the grids of these names, which then say `why`, and no others."""
        self._refused, self._why = frozenset(names), why
        self._grey()

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
        self._grey()

    def _grey(self) -> None:
        items = self.model()
        assert isinstance(items, QStandardItemModel)
        for index, value in enumerate(self._values):
            refused = isinstance(value, str) and value in self._refused
            items.item(index).setEnabled(not refused)
            items.item(index).setToolTip(self._why if refused else "")


class Directions(QWidget):
    """Forward or backward."""

    turned = Signal(str)

    def __init__(self, verb: str = "Show the", noun: str = "process") -> None:
        """Its tips say what a click does, such as to show the forward process."""
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        group = QButtonGroup(self)
        self.current = "forward"
        self.buttons: dict[str, QToolButton] = {}
        self._tips: dict[str, str] = {}
        for name, way in (("forward", "data → noise"), ("backward", "noise → data")):
            button = self.buttons[name] = QToolButton(self)
            button.setText(f"● {name.capitalize()}")
            button.setCheckable(True)
            button.setChecked(name == self.current)
            self._tips[name] = f"{verb} {name} {noun}, {way}"
            button.setToolTip(self._tips[name])
            button.setAccessibleName(f"{name.capitalize()} {noun}")
            button.clicked.connect(partial(self.turn, name))
            group.addButton(button)
            row.addWidget(button)

    def turn(self, name: str, _checked: bool = False) -> None:
        """Choose this one, as a click on it does."""
        self.set_current(name)
        self.turned.emit(name)

    def set_current(self, name: str) -> None:
        """Show that this one is chosen, and tell nobody."""
        self.current = name
        self.buttons[name].setChecked(True)

    def offer(self, *names: str, why: str) -> None:
        """Let these be chosen and grey the others, which say `why`, with a place for their name."""
        for name, button in self.buttons.items():
            button.setEnabled(name in names)
            button.setToolTip(self._tips[name] if name in names else why.format(name))

    def set_theme(self, theme: Theme) -> None:
        """Each in its colour."""
        for name, button in self.buttons.items():
            button.setStyleSheet(
                f"QToolButton {{ color: {theme.direction(name)}; }}"
                f"QToolButton:checked {{ font-weight: bold; }}"
                f"QToolButton:focus {{ border: 1px solid {theme.accent}; }}"
                f"QToolButton:disabled {{ color: {theme.muted}; }}"
            )


class UnitsBox(QCheckBox):
    """Whether places are written in the units of the data; the same switch as View, Data units."""

    def __init__(self, session: Session, tip: str, parent: QWidget | None = None) -> None:
        super().__init__("Data &units", parent)
        self._session = session
        self.setToolTip(tip)
        self.toggled.connect(self._choose)
        session.changed.connect(self._follow)
        session.lacks_changed.connect(self._follow)
        self._follow()

    def _choose(self, on: bool) -> None:
        if on != self._session.data_units:
            self._session.apply({"units": "data" if on else "standardised"})

    def _follow(self, _names: object = None) -> None:
        self.setChecked(self._session.data_units)


def grey_without(session: Session, ability: Ability, *controls: Control) -> None:
    """Grey `controls`, which nothing else disables, while the model of `session` lacks `ability`, and explain it."""
    session.lacks_changed.connect(greying(lambda: session.lacks.get(ability), *controls))


def grey_unused(session: Session, setting: str, *controls: Control) -> None:
    """The same while `setting` of the view has no meaning for the model and the solver that are shown."""
    show = greying(lambda: session.unused.get(setting), *controls)
    session.lacks_changed.connect(show)
    session.changed.connect(lambda names: show() if "solver" in names else None)


def grey_grids(session: Session, box: GridBox) -> None:
    """Grey the grids of `box` that the model of `session` cannot have."""

    def show() -> None:
        box.refuse(missing_grids(session.solvers), NO_LEVELS)

    session.lacks_changed.connect(show)
    show()


def grey_plane(session: Session, *controls: Control, ability: Ability | None = None) -> None:
    """The same while the process views show no plane, or the model lacks an `ability` that is needed too."""
    show = greying(lambda: session.no_plane or (ability and session.lacks.get(ability)) or None, *controls)
    session.lacks_changed.connect(show)
    session.changed.connect(lambda names: show() if "projection" in names else None)


def greying(reason: Callable[[], str | None], *controls: Control) -> Callable[[], None]:
    """What brings `controls` up to date, which they are now: grey where there is a reason, which they tell."""
    tips = [control.toolTip() for control in controls]

    def show() -> None:
        why = reason()
        for control, tip in zip(controls, tips, strict=True):
            control.setEnabled(why is None)
            control.setToolTip(why or tip)

    show()
    return show

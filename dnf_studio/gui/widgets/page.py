"""What the pages of the left dock share: a column that scrolls, headings, notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import inf
from types import UnionType
from typing import Any, Literal, Union, get_origin

from pydantic.fields import FieldInfo
from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from dnf_studio.config.grids import GRID_NAMES, NO_LEVELS, GridKind
from dnf_studio.config.model_kinds import refused_values, unused
from dnf_studio.config.names import names_of
from dnf_studio.errors import SettingError
from dnf_studio.gui.widgets.choices import GridBox
from dnf_studio.gui.widgets.controls import ChoiceBox, FloatBox, IntBox, caption, heading
from dnf_studio.gui.workspace.run_changes import field_of, value_of
from dnf_studio.gui.workspace.session import Session

NARROWEST = 290


class Page(QScrollArea):
    """A column of forms and captions that scrolls when the window is low."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        # Tab goes on to its first control, which scrolls into sight
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        body = QWidget()
        self.column = QVBoxLayout(body)
        self.column.setContentsMargins(10, 10, 10, 10)
        self.column.setSpacing(8)
        self.column.addStretch(1)
        self.setWidget(body)
        self._body = body
        self._note = caption()
        self._note.setParent(body)
        self._note.hide()

    def minimumSizeHint(self) -> QSize:
        """Wide enough for its widest row: it scrolls up and down only."""
        bar = self.verticalScrollBar().sizeHint().width()
        width = max(NARROWEST, self._body.minimumSizeHint().width() + bar)
        return QSize(width, super().minimumSizeHint().height())

    def add(self, part: QWidget | QLayout) -> None:
        """Append `part` above the empty rest."""
        place = self.column.count() - 1
        if isinstance(part, QWidget):
            self.column.insertWidget(place, part)
        else:
            self.column.insertLayout(place, part)

    def add_heading(self, text: str) -> None:
        """A bold line."""
        self.add(heading(text))

    def add_caption(self, text: str) -> QLabel:
        """A quiet line of explanation."""
        label = caption(text)
        self.add(label)
        return label

    def add_form(self, session: Session, names: Sequence[str]) -> SettingsForm:
        """Rows for the settings `names`."""
        form = SettingsForm(session, names)
        self.add(form)
        return form

    def add_note(self) -> None:
        """Give the line of `set_note` its place."""
        self.add(self._note)

    def set_note(self, text: str) -> None:
        """Say when these settings take effect; an empty text says nothing."""
        self._note.setText(text)
        self._note.setVisible(bool(text))


DECIDING = ("model", "network.kind", "network.drift", "sde.grid", "sde.condition", "training.coupling")
"""Settings that decide which others are of use."""
LABEL_WIDTH = 118
"""So that the forms of one page line up."""


class SettingsForm(QWidget):
    """One row for each of `names`, dotted settings of `Config`; it writes the session and says below what cannot be."""

    def __init__(self, session: Session, names: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.editors: dict[str, QWidget] = {}
        self._tips: dict[str, tuple[Sequence[QWidget], str]] = {}
        self._layout = QFormLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for name in names:
            info = field_of(name)
            assert info is not None, name
            self._add(name, info)
        self._mistake = caption(warning=True)
        self._mistake.hide()
        self._layout.addRow(self._mistake)
        session.changed.connect(self._refresh)
        session.lacks_changed.connect(self._show_use)
        session.names_grew.connect(self._offer)
        self._show_use()

    def _add(self, name: str, info: FieldInfo) -> None:
        editor = _editor(info, partial(self._apply, name))
        label = _Label(str(info.title))
        label.setBuddy(editor)
        tip = f"{info.description}{_range(info)}"
        self._tips[name] = (label, editor, *editor.findChildren(QWidget)), tip
        editor.setAccessibleName(str(info.title))
        if isinstance(editor, QCheckBox):
            editor.setText(str(info.title))
            self._layout.addRow(editor)
        else:
            self._layout.addRow(label, editor)
        self.editors[name] = editor
        box = editor.box if isinstance(editor, _Optional) else editor
        if isinstance(box, IntBox | FloatBox):
            box.tells_range = True
            box.refused.connect(partial(self._refuse, name, info))
        _show(editor, value_of(self._session.state.config, name))

    def add_row(self, text: str, editor: QWidget) -> QLabel:
        """A row for what is no setting itself, above what is said of mistakes; returns its label, `text`."""
        label = _Label(text)
        label.setBuddy(editor)
        editor.setAccessibleName(text)
        self._layout.insertRow(self._layout.rowCount() - 1, label, editor)
        return label

    def change(self, changes: Mapping[str, object]) -> bool:
        """Change settings by name, all or none; whether they could be, which the form tells where they could not."""
        try:
            self._session.apply({f"config.{name}": value for name, value in changes.items()})
        except SettingError as error:
            self._tell(str(error))
            return False
        self._mistake.hide()
        return True

    def _tell(self, sentence: str) -> None:
        """Say below the rows what could not be, until another setting changes."""
        self._mistake.setText(sentence)
        self._mistake.show()

    def _apply(self, name: str, value: object) -> None:
        config = self._session.state.config
        changes = config.changes_to(str(value)) if name == "model" else {name: value}
        if not self.change(changes):
            _show(self.editors[name], value_of(self._session.state.config, name))
        elif back := changes.keys() - {name}:
            titles = ", ".join(str(info.title) for one in sorted(back) if (info := field_of(one)))
            self._tell(f"Back at their defaults, since {value} cannot have them as they were: {titles}.")

    def _refuse(self, name: str, info: FieldInfo, text: str) -> None:
        """Tell that what was typed is out of range; the box goes back to what is in force by itself."""
        value = value_of(self._session.state.config, name)
        kept = f"; it stays {value:,.6g}" if isinstance(value, int | float) else ""
        self._tell(f"{info.title}: {text} is out of range{kept}.{_range(info).replace(chr(10), ' ')}")

    def _offer(self) -> None:
        """Let what plug-ins have registered be chosen."""
        for name, editor in self.editors.items():
            info = field_of(name)
            if info is not None and get_origin(info.annotation) is Literal and isinstance(editor, ChoiceBox):
                editor.set_choices({one: one for one in names_of(info.annotation)})

    def _refresh(self, names: frozenset[str]) -> None:
        for name, editor in self.editors.items():
            if f"config.{name}" in names:
                _show(editor, value_of(self._session.state.config, name))
        if any(name.startswith("config.") for name in names):
            # What was said is of other settings than these
            self._mistake.hide()
        if names & {f"config.{name}" for name in DECIDING}:
            self._show_use()

    def _show_use(self) -> None:
        """Grey what the settings of the session and the data shown do not use, and say why in its tooltip."""
        config = self._session.state.config
        reasons = unused(config, self._session.dim)
        for name, editor in self.editors.items():
            if isinstance(editor, GridBox):
                editor.refuse(refused_values(config.model, name, GRID_NAMES), NO_LEVELS)
            parts, tip = self._tips[name]
            editor.setEnabled(name not in reasons)
            for part in parts:
                part.setToolTip(reasons.get(name, tip))


class _Label(QLabel):
    """Never narrower than its words, nor than those of other forms."""

    def sizeHint(self) -> QSize:
        """As wide as the labels of other forms at least."""
        return super().sizeHint().expandedTo(QSize(LABEL_WIDTH, 0))

    def minimumSizeHint(self) -> QSize:
        """The same."""
        return self.sizeHint()


class _Optional(QWidget):
    """A number that may be absent: a box with a tick before it."""

    def __init__(self, box: FloatBox, apply: Any) -> None:  # noqa: ANN401 - a callable of one value
        super().__init__()
        self.tick, self.box = QCheckBox(self), box
        self.tick.setAccessibleName("Use a time instead of a number of iterations")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.tick)
        row.addWidget(box, 1)
        box.setValue(60)
        box.setEnabled(False)
        self.setFocusProxy(self.tick)
        self.tick.clicked.connect(lambda on: apply(box.value() if on else None))
        box.valueChanged.connect(apply)

    def show_value(self, value: float | None) -> None:
        """Tick and number; emits nothing."""
        with QSignalBlocker(self.box):
            self.tick.setChecked(value is not None)
            self.box.setEnabled(value is not None)
            if value is not None:
                self.box.setValue(value)


def _bounds(info: FieldInfo) -> tuple[float, float]:
    low, high = -inf, inf
    for limit in info.metadata:
        low = getattr(limit, "ge", getattr(limit, "gt", low))
        high = getattr(limit, "le", getattr(limit, "lt", high))
    return low, high


def _range(info: FieldInfo) -> str:
    low, high = _bounds(info)
    if low == -inf and high == inf:
        return ""
    return f"\nRange {low:,.15g} to {high:,.15g}." if high < 1e15 else f"\n{low:,.15g} or more."


def _editor(info: FieldInfo, apply: Any) -> QWidget:  # noqa: ANN401 - a callable of one value
    """The control for what a field can hold."""
    kind: Any = info.annotation
    low, high = _bounds(info)
    if kind == GridKind or get_origin(kind) is Literal:
        choice = GridBox() if kind == GridKind else ChoiceBox({name: name for name in names_of(kind)})
        choice.chosen.connect(apply)
        return choice
    if kind is bool:
        tick = QCheckBox()
        tick.clicked.connect(lambda on: apply(on))
        return tick
    if kind is int:
        whole = IntBox(int(max(low, -(2**31))), int(min(high, 2**31 - 1)))
        whole.valueChanged.connect(apply)
        return whole
    number = FloatBox(low, high)
    if get_origin(kind) in (Union, UnionType):
        return _Optional(number, apply)
    number.valueChanged.connect(apply)
    return number


def _show(editor: QWidget, value: Any) -> None:  # noqa: ANN401 - whatever the setting holds
    """Show `value` in `editor`; emits nothing."""
    if isinstance(editor, ChoiceBox | _Optional):
        editor.show_value(value)
        return
    with QSignalBlocker(editor):
        if isinstance(editor, QCheckBox):
            editor.setChecked(bool(value))
        elif isinstance(editor, IntBox | FloatBox):
            editor.setValue(value)
